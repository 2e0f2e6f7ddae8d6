/**
 * A CI job's JWT for a token of minutes (RFC 8693). Whoever is refused hears one sentence, whatever is wrong; the organization's owners
 * see why, in the last few refusals that are kept (decision record 39).
 */
import { createHash } from 'node:crypto'
import type { Database } from '../../db/engine/engine.ts'
import {
  hasRule,
  listRulesOf,
  noteRefusal,
  partsOf,
  removeEndedUses,
  touchRule,
  useJwt,
} from '../../db/people/identity-rules.ts'
import { findOrganization } from '../../db/people/organizations.ts'
import type { IdentityRuleRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { printableLine } from '../../lib/printable.ts'
import { clipped } from '../../lib/quoted.ts'
import { actingAs } from '../../lib/request-context.ts'
import type { Secret } from '../../lib/secret.ts'
import { issueOrganizationToken } from '../organization-tokens.ts'
import type { Issuers } from './issuers.ts'
import { findMismatch, isNear, type RuleConditions } from './rules.ts'
import { readUnverified, type VerifiedJwt, verifyJwt } from './verify-jwt.ts'

export interface ExchangedToken {
  readonly id: string
  readonly text: Secret
  readonly label: string
  readonly allow: readonly string[]
  readonly repositories: readonly string[]
  readonly expiresAt: Date
  readonly expiresInSeconds: number
}

export interface ExchangeDeps {
  readonly db: Database
  readonly clock: Clock
  readonly issuers: Issuers
}

const MAX_LABEL_LENGTH = 100
const MAX_REASON_LENGTH = 500
/** The verifier lets a token live on for a minute: so long is its use remembered. */
const AFTER_END_MS = 120_000

/** Refused, and why, for the owners alone. */
class Refused extends Error {
  readonly isVerified: boolean
  /** See `isNear` of rules. */
  readonly isNear: boolean
  constructor(reason: string, { isVerified = false, isNear = false } = {}) {
    super(reason)
    this.isVerified = isVerified
    this.isNear = isNear
  }
}

/** By the issuer, of what a rule has taken or was meant for. */
const NEAR = { isVerified: true, isNear: true }

export function conditionsOf(row: IdentityRuleRow): RuleConditions {
  return {
    issuer: row.issuer,
    audience: row.audience,
    subject: row.subject ?? undefined,
    claims: partsOf(row).claims,
  }
}

/**
 * @param organization its name, which may be nobody's
 * @param jwt whatever was sent
 * @throws AppError UNAUTHORIZED, with the same words whatever was wrong
 */
export async function exchangeJwt(
  deps: ExchangeDeps,
  {
    organization,
    jwt,
    address,
  }: { readonly organization: string; readonly jwt: string; readonly address?: string | undefined },
): Promise<ExchangedToken> {
  const { db, clock } = deps
  const found = await findOrganization(db.read, organization)
  try {
    if (found === undefined) throw new Refused('there is no such organization')
    return await exchange(deps, found.id, jwt)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (found !== undefined) note(db, { organizationId: found.id, jwt, at: isoTime(clock.now()), address }, error)
    throw new AppError(
      'UNAUTHORIZED',
      `the token was not accepted for ${organization}: the organization's owners see why by identity show`,
    )
  }
}

async function exchange(deps: ExchangeDeps, organizationId: string, jwt: string): Promise<ExchangedToken> {
  const { db, clock } = deps
  const { issuer } = inPlainWords(() => readUnverified(jwt))
  const rules = await listRulesOf(db.read, organizationId, issuer)
  if (rules.length === 0) throw new Refused('no rule is for its issuer')
  const { rule, verified } = await findTakingRule(deps, organizationId, rules, jwt)
  const now = clock.now()
  const expiresAt = new Date(now.getTime() + rule.minutes * 60_000)
  const label = clipped(`${rule.name}: ${subjectOf(verified)}`, MAX_LABEL_LENGTH - 1)
  const { allow, repositories } = partsOf(rule)
  const made = await db.write(async (tx) => {
    if (!(await hasRule(tx, rule.id))) return 'gone'
    const used = {
      organizationId,
      hash: createHash('sha256').update(usedOnce(jwt, verified)).digest('hex'),
      endsAt: isoTime(new Date(verified.expiresAt * 1000 + AFTER_END_MS)),
    }
    if (!(await useJwt(tx, used))) return 'used'
    const given = { organizationId, label, allow, repositories, expiresAt: isoTime(expiresAt), ruleId: rule.id }
    const createdBy = `identity:${rule.name}`
    return actingAs(createdBy, () => issueOrganizationToken(tx, { ...given, createdBy }, clock))
  })
  if (made === 'gone') throw new Refused('no rule is for its issuer', NEAR)
  if (made === 'used') throw new Refused('it was used before: each token is exchanged once', NEAR)
  db.later.add(`identity rule ${rule.id}`, (tx) => touchRule(tx, rule.id, isoTime(now)))
  db.later.add('ended uses of identity', (tx) => removeEndedUses(tx, isoTime(now)))
  return {
    id: made.row.id,
    text: made.text,
    label,
    allow,
    repositories,
    expiresAt,
    expiresInSeconds: rule.minutes * 60,
  }
}

/** The first rule, by name, that takes it. The signature is looked at once for each set of trusted CAs. */
async function findTakingRule(
  deps: ExchangeDeps,
  organizationId: string,
  rules: readonly IdentityRuleRow[],
  jwt: string,
): Promise<{ readonly rule: IdentityRuleRow; readonly verified: VerifiedJwt }> {
  const byCa = new Map<string | null, Promise<VerifiedJwt>>()
  const mismatches: string[] = []
  let isNearOne = false
  let failure: Refused | undefined
  for (const rule of rules) {
    const issuer = { url: rule.issuer, ca: rule.ca, organization: organizationId }
    const asked = byCa.get(rule.ca) ?? verifyJwt(deps, jwt, issuer)
    byCa.set(rule.ca, asked)
    try {
      const verified = await asked
      const conditions = conditionsOf(rule)
      const mismatch = findMismatch(conditions, verified.claims)
      if (mismatch === undefined) return { rule, verified }
      isNearOne ||= isNear(conditions, verified.claims)
      mismatches.push(`${rule.name}: ${mismatch}`)
    } catch (error) {
      failure ??= refusedBy(error)
    }
  }
  if (mismatches.length === 0 && failure !== undefined) throw failure
  throw new Refused(mismatches.join('; '), { isVerified: true, isNear: isNearOne })
}

/** What tells one JWT from another: its id where it has one, else all of it that is signed. */
function usedOnce(jwt: string, { claims }: VerifiedJwt): string {
  const { iss, jti } = claims
  return JSON.stringify(typeof jti === 'string' && jti !== '' ? ['jti', iss, jti] : ['jwt', jwt.split('.').slice(0, 2)])
}

function subjectOf({ claims: { sub } }: VerifiedJwt): string {
  return typeof sub === 'string' ? printableLine(sub) : 'no subject'
}

function inPlainWords<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw refusedBy(error)
  }
}

/** What the issuer, or the way there, is at fault for is an expected failure too; bugs stay bugs. */
function refusedBy(error: unknown): Refused {
  if (isAppError(error)) return new Refused(error.message)
  throw error
}

/** In the background, the newest of a kind for those that wait: however many come, they cost no more. */
function note(
  db: Database,
  o: {
    readonly organizationId: string
    readonly jwt: string
    readonly at: string
    readonly address: string | undefined
  },
  { message, isVerified, isNear }: Refused,
): void {
  const { issuer, subject } = namesOf(o.jwt)
  db.later.add(`identity refusal ${o.organizationId} ${isVerified} ${isNear}`, (tx) =>
    noteRefusal(tx, {
      organization_id: o.organizationId,
      is_verified: isVerified ? 1 : 0,
      is_near: isNear ? 1 : 0,
      at: o.at,
      issuer,
      subject,
      reason: printableLine(clipped(message, MAX_REASON_LENGTH)),
      address: o.address ?? null,
    }),
  )
}

function namesOf(jwt: string): { readonly issuer: string | null; readonly subject: string | null } {
  try {
    const { issuer, claims } = readUnverified(jwt)
    const { sub } = claims
    return { issuer: clipped(issuer, 500), subject: typeof sub === 'string' ? printableLine(clipped(sub, 500)) : null }
  } catch {
    return { issuer: null, subject: null }
  }
}
