/** One challenge of a `WWW-Authenticate` header (RFC 9110 section 11.6.1). `scheme` and keys are in lower case. */
export interface Challenge {
  readonly scheme: string
  readonly params: Readonly<Record<string, string>>
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
/** `key=value` with optional spaces; an unquoted value ends at a comma or a space (some registries send URLs unquoted). */
const PARAM = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y
const SPACE = /[ \t]+/y
const SEPARATOR = /[ \t,]+/y
/** Token68, as Negotiate has it: what follows a scheme and is no parameter. */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y

/**
 * All challenges of an answer. Several headers arrive joined by commas, so a comma separates both challenges and parameters.
 * What cannot be read is skipped to the next comma.
 */
export function parseChallenges(header: string | null): Challenge[] {
  const text = header ?? ''
  const challenges: { scheme: string; params: Record<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at = pattern.lastIndex
    return match ?? undefined
  }
  while (at < text.length) {
    take(SEPARATOR)
    const current = challenges.at(-1)
    const param = take(PARAM)
    if (param !== undefined) {
      const key = (param[1] ?? '').toLowerCase()
      if (current !== undefined && !(key in current.params)) {
        current.params[key] = param[3] ?? (param[2] ?? '').replace(/\\(.)/g, '$1')
      }
      continue
    }
    const scheme = take(TOKEN)
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme[0].toLowerCase(), params: Object.create(null) })
      if (take(SPACE) !== undefined) take(TOKEN68)
      continue
    }
    const comma = text.indexOf(',', at)
    at = comma === -1 ? text.length : comma + 1
  }
  return challenges
}

/** Bearer before Basic; anything else (Negotiate, NTLM, …) cannot be answered. A Bearer without a realm is of no use. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, params }) => scheme === 'bearer' && params.realm !== undefined) ??
    challenges.find(({ scheme }) => scheme === 'basic')
  )
}

/** Whether a token for `asked` is one for `told` too: a registry names what one request needs, and the next one may need more. */
export function coversScope(asked: string, told: string): boolean {
  const has = actionsOf(asked)
  return [...actionsOf(told)].every(([name, actions]) => [...actions].every((action) => has.get(name)?.has(action)))
}

/** `type:name:actions`, where the name may hold colons; several with spaces between. */
function actionsOf(scope: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const item of scope.split(' ').filter((one) => one !== '')) {
    const colon = item.lastIndexOf(':')
    const name = item.slice(0, Math.max(0, colon))
    const actions = found.get(name) ?? new Set()
    for (const action of item.slice(colon + 1).split(',')) actions.add(action)
    found.set(name, actions)
  }
  return found
}
