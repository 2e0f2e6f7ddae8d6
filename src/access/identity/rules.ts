/** Which job's token a rule takes. Pure: the signature, the issuer and the times were checked before. */
import { findClaimPatternFault, literalBeginning, matchesClaim } from './claim-patterns.ts'

export interface RuleConditions {
  readonly issuer: string
  readonly audience: string
  /** Undefined: any. */
  readonly subject: string | undefined
  /** Patterns by claim: each must match. */
  readonly claims: Readonly<Record<string, string>>
}

export type Claims = Readonly<Record<string, unknown>>

const MAX_CLAIMS = 20
const CLAIM_NAME = /^[A-Za-z0-9_][A-Za-z0-9_./:@-]{0,99}$/
/** Checked by themselves, or different in each token. */
const OWN_CLAIMS = new Set(['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', '__proto__'])

/** Issuers that sign for everybody: a rule must say for whom, by one of these claims or by the beginning of the subject. */
const SHARED_ISSUERS: Readonly<Record<string, { readonly claims: readonly string[]; readonly subject: RegExp }>> = {
  'https://token.actions.githubusercontent.com': {
    claims: ['repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'enterprise', 'enterprise_id'],
    subject: /^repo:[^/:]+\//,
  },
  'https://gitlab.com': {
    claims: ['project_path', 'project_id', 'namespace_path', 'namespace_id'],
    subject: /^project_path:[^/:]+\//,
  },
}

/** Claims whose beginning up to a `/` says whose it is; of the others only the whole does. */
const PATHS = new Set(['repository', 'project_path'])

/** What is wrong with a rule, in plain words; undefined: nothing. */
export function findRuleFault(rule: RuleConditions): string | undefined {
  const claims = Object.entries(rule.claims)
  if (rule.subject === undefined && claims.length === 0) {
    return 'a rule without a condition would take every token of its issuer: want a subject or a claim'
  }
  if (claims.length > MAX_CLAIMS) return `${claims.length} claims, want at most ${MAX_CLAIMS}`
  for (const [name, pattern] of claims) {
    if (OWN_CLAIMS.has(name)) return `claim ${name}: issuer, audience, subject and times have their own settings`
    if (!CLAIM_NAME.test(name)) return `claim ${JSON.stringify(name.slice(0, 100))}: want the name of a claim`
    const fault = findClaimPatternFault(pattern)
    if (fault !== undefined) return `claim ${name}: ${fault}`
  }
  const fault = rule.subject === undefined ? undefined : findClaimPatternFault(rule.subject)
  if (fault !== undefined) return `subject: ${fault}`
  return findTooWide(rule)
}

function findTooWide({ issuer, subject, claims }: RuleConditions): string | undefined {
  const shared = SHARED_ISSUERS[issuer]
  if (shared === undefined) return undefined
  const isBound = shared.claims.some((name) => {
    const pattern = Object.hasOwn(claims, name) ? claims[name] : undefined
    return pattern !== undefined && isBinding(name, pattern)
  })
  if (isBound || (subject !== undefined && shared.subject.test(literalBeginning(subject)))) return undefined
  return `${issuer} signs for everybody: want one of the claims ${shared.claims.join(', ')}, or a subject that begins with an owner`
}

/** Whether that claim, of those that say whose a job is, then says whose. */
function isBinding(name: string, pattern: string): boolean {
  return !pattern.includes('*') || (PATHS.has(name) && literalBeginning(pattern).includes('/'))
}

/** Why the rule does not take these claims, in plain words for its owners; undefined: it does. */
export function findMismatch(rule: RuleConditions, claims: Claims): string | undefined {
  const { aud, sub } = claims
  const audiences = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(rule.audience)) return `its audience is ${show(aud)}, want ${rule.audience}`
  if (rule.subject !== undefined && !(typeof sub === 'string' && matchesClaim(rule.subject, sub))) {
    return `its subject is ${show(sub)}, want ${rule.subject}`
  }
  for (const [name, pattern] of Object.entries(rule.claims)) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (!matchesAny(pattern, value)) return `its claim ${name} is ${show(value)}, want ${pattern}`
  }
  return undefined
}

/**
 * Whether the rule may have been meant for the job, though it does not take it: where an issuer signs for everybody, what says whose the job
 * is has to be as the rule wants it. Strangers who have their own tokens signed there are told apart by that.
 */
export function isNear(rule: RuleConditions, claims: Claims): boolean {
  const shared = SHARED_ISSUERS[rule.issuer]
  if (shared === undefined) return true
  const { sub } = claims
  const ofSubject = rule.subject === undefined ? undefined : shared.subject.exec(literalBeginning(rule.subject))?.[0]
  if (ofSubject !== undefined && typeof sub === 'string' && sub.startsWith(ofSubject)) return true
  return shared.claims.some((name) => {
    const pattern = Object.hasOwn(rule.claims, name) ? rule.claims[name] : undefined
    return pattern !== undefined && isBinding(name, pattern) && matchesAny(pattern, claims[name])
  })
}

/** Numbers and booleans as JSON writes them; of a list one that matches is enough. */
function matchesAny(pattern: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.slice(0, 1000).some((one) => !Array.isArray(one) && matchesAny(pattern, one))
  if (typeof value === 'string') return matchesClaim(pattern, value)
  if (typeof value === 'number' || typeof value === 'boolean') return matchesClaim(pattern, String(value))
  return false
}

function show(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
