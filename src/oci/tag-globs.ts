/** Globs over tags as webhooks take them: `*`, `?`, `[a-z]`, and `!` before one that leaves out. */
import { compileGlob } from '../lib/glob.ts'

const MAX_GLOBS = 50
const MAX_LENGTH = 200
const SHAPE = /^!?[A-Za-z0-9_.*?[\]!-]+$/

/** Why these cannot be used; undefined when they can. */
export function findTagGlobFault(globs: readonly string[]): string | undefined {
  if (globs.length > MAX_GLOBS) return `got ${globs.length} globs, want at most ${MAX_GLOBS}`
  const bad = globs.find((glob) => glob.length > MAX_LENGTH || !SHAPE.test(glob))
  if (bad === undefined) return undefined
  return `got ${JSON.stringify(bad.slice(0, 80))}, want a glob over tags: letters, digits, _ . -, with * ? [a-z], and ! before one that leaves out`
}

/** Whether a tag is taken: by one that takes in (by all where none does), and by none that leaves out. No globs take every tag. */
export function compileTagGlobs(globs: readonly string[]): (tag: string) => boolean {
  const takes = globs.filter((glob) => !glob.startsWith('!')).map(compileGlob)
  const leaves = globs.filter((glob) => glob.startsWith('!')).map((glob) => compileGlob(glob.slice(1)))
  return (tag) => (takes.length === 0 || takes.some((is) => is(tag))) && !leaves.some((is) => is(tag))
}
