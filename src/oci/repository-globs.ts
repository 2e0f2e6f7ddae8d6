/**
 * Patterns over repository names as people write them in a shell: `*` and `?` stay within one component, `**` crosses `/`, `{a,b}` is
 * either. Compiled for the linear-time engine: a name costs its length times the patterns' at most, whatever they are.
 */
import { re2 } from './re2.ts'

/** All patterns of one selection together; every character is one or two steps of the compiled pattern. */
const MAX_TOTAL_LENGTH = 2000
const MAX_GLOBS = 50
const TOKEN = /\*\*\/|\*\*|[*?{},]|[a-z0-9._/-]+/y

/** Why these cannot be used together; undefined when they can. */
export function findGlobFault(globs: readonly string[]): string | undefined {
  if (globs.length > MAX_GLOBS) return `got ${globs.length} globs, want at most ${MAX_GLOBS}`
  const total = globs.reduce((sum, glob) => sum + glob.length, 0)
  if (total > MAX_TOTAL_LENGTH) return `got globs of ${total} characters together, want at most ${MAX_TOTAL_LENGTH}`
  for (const glob of globs) {
    const { fault } = translate(glob)
    if (fault !== undefined) return `glob ${JSON.stringify(glob.slice(0, 80))}: ${fault}`
  }
  return undefined
}

/** Whether a whole name matches one of the globs; none match nothing. The caller knows that they have no fault. */
export function compileGlobs(globs: readonly string[]): (name: string) => boolean {
  if (globs.length === 0) return () => false
  const compiled = re2().compile(globs.map((glob) => `(?:${translate(glob).pattern})`).join('|'))
  return (name) => compiled.testExact(name)
}

function translate(glob: string): { readonly pattern: string; readonly fault?: string } {
  let pattern = ''
  let depth = 0
  if (glob === '') return { pattern, fault: 'is empty' }
  for (let at = 0; at < glob.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const token = TOKEN.exec(glob)?.[0]
    if (token === undefined) {
      const found = JSON.stringify(glob.slice(at, at + 1))
      return { pattern, fault: `got ${found}, want lower-case letters, digits, . _ - / and * ** ? {a,b}` }
    }
    if (token === '{') depth++
    if (token === '}' && --depth < 0) return { pattern, fault: 'has a } without its {' }
    pattern += stepOf(token, depth)
  }
  if (depth > 0) return { pattern, fault: 'has a { without its }' }
  return { pattern }
}

function stepOf(token: string, depth: number): string {
  switch (token) {
    case '**/':
      return '(?:.*/)?'
    case '**':
      return '.*'
    case '*':
      return '[^/]*'
    case '?':
      return '[^/]'
    case '{':
      return '(?:'
    case '}':
      return ')'
    case ',':
      // Outside of braces it is a character that no name has.
      return depth > 0 ? '|' : ','
    default:
      return token.replaceAll('.', '\\.')
  }
}
