/**
 * Tokens that belong to an organization, for machines: rights of its own on named repositories, whoever made it and whatever becomes of
 * them. A token is judged by its row at every request, bearer tokens obtained with it too.
 */
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { stateOfToken } from '../db/people/access-audit-states.ts'
import {
  countOrganizationTokens,
  type FoundOrganizationToken,
  findOrganizationTokenByHash,
  insertOrganizationToken,
  removeExpiredRuleTokens,
  touchOrganizationToken,
} from '../db/people/organization-tokens.ts'
import { recordAudit } from '../db/platform/audit.ts'
import type { OrganizationTokenRow, TokenRight } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime, systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { findAccessPatternFault } from '../oci/access-patterns.ts'
import { TOKEN_RIGHTS } from './authorize.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'
import { isPast, MAX_LABEL_LENGTH, TOUCH_EVERY_MS } from './tokens.ts'

/** Names and patterns of one token, as at Docker Hub. */
export const MAX_REPOSITORIES = 50
/** Of one organization, expired ones too until they are revoked. */
export const MAX_TOKENS = 100
/** Of the CI jobs of one rule, which live for minutes; expired ones are removed. */
const MAX_RULE_TOKENS = 1000

export interface NewOrganizationToken {
  readonly organizationId: string
  readonly label: string
  readonly allow: readonly TokenRight[]
  /** Names and patterns (`oci/access-patterns.ts`); `*` is all. */
  readonly repositories: readonly string[]
  /** ISO 8601; null: never. */
  readonly expiresAt: string | null
  /** The rule that a CI job's exchange went by; absent: a person makes it. */
  readonly ruleId?: string | undefined
  /** As events name people. */
  readonly createdBy: string
}

/**
 * Makes a token of an organization; its text is returned here once and kept nowhere.
 * @throws AppError INVALID_REQUEST for what is not as described; NOT_FOUND; CONFLICT when there are too many that people made,
 *   TOOMANYREQUESTS when CI jobs have too many at once
 */
export async function issueOrganizationToken(
  tx: Transaction,
  token: NewOrganizationToken,
  clock: Clock = systemClock,
): Promise<{ readonly row: OrganizationTokenRow; readonly text: Secret }> {
  const now = isoTime(clock.now())
  const organization = await tx
    .selectFrom('organizations')
    .select('name')
    .where('id', '=', token.organizationId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (organization === undefined)
    throw new AppError('NOT_FOUND', 'there is no such organization', {
      about: { reason: 'absent', what: 'organization' },
    })
  const label = checkedLabel(token.label)
  const allow = TOKEN_RIGHTS.filter((right) => token.allow.includes(right))
  if (allow.length === 0) {
    throw new AppError('INVALID_REQUEST', `allow: got nothing, want at least one of ${TOKEN_RIGHTS.join(', ')}`, {
      about: { reason: 'empty', where: 'allow' },
    })
  }
  const repositories = checkedRepositories(organization.name, token.repositories)
  await keepWithinLimits(tx, token, now)
  const text = makeTokenText('kgm_oat_')
  const row: OrganizationTokenRow = {
    id: newId(),
    organization_id: token.organizationId,
    label,
    allow: JSON.stringify(allow),
    repositories: JSON.stringify(repositories),
    hash: hashToken(text),
    created_at: now,
    created_by: token.createdBy,
    expires_at: token.expiresAt,
    last_used_at: null,
    is_active: 1,
    rule_id: token.ruleId ?? null,
  }
  await insertOrganizationToken(tx, row)
  const change = { organizationId: row.organization_id, action: 'organization-token.create', object: `token:${row.id}` }
  await recordAudit(tx, { ...change, before: null, after: stateOfToken(row) })
  return { row, text: createSecret(text) }
}

async function keepWithinLimits(tx: Transaction, token: NewOrganizationToken, now: string): Promise<void> {
  const { organizationId, ruleId } = token
  if (ruleId === undefined) {
    if ((await countOrganizationTokens(tx, organizationId, null)) < MAX_TOKENS) return
    throw new AppError(
      'CONFLICT',
      `the organization has ${MAX_TOKENS} tokens, expired ones among them: revoke one that is of no more use`,
      { about: { reason: 'full', what: 'token', most: MAX_TOKENS } },
    )
  }
  await removeExpiredRuleTokens(tx, organizationId, now)
  if ((await countOrganizationTokens(tx, organizationId, ruleId)) < MAX_RULE_TOKENS) return
  throw new AppError('TOOMANYREQUESTS', `jobs of the rule hold ${MAX_RULE_TOKENS} tokens already`, {
    detail: { retryAfterSeconds: 60 },
  })
}

/** It stands in history and logs. */
function checkedLabel(text: string): string {
  const label = text.trim()
  if (label !== '' && label.length <= MAX_LABEL_LENGTH && !/\p{Cc}/u.test(label)) return label
  throw new AppError(
    'INVALID_REQUEST',
    `label: want 1 to ${MAX_LABEL_LENGTH} characters, none of them a control character, got ${label.length}`,
    { about: { reason: 'invalid', where: 'label', least: 1, most: MAX_LABEL_LENGTH } },
  )
}

function checkedRepositories(organization: string, texts: readonly string[]): readonly string[] {
  const repositories = [...new Set(texts)]
  if (repositories.length === 0 || repositories.length > MAX_REPOSITORIES) {
    throw new AppError(
      'INVALID_REQUEST',
      `repositories: got ${repositories.length}, want 1 to ${MAX_REPOSITORIES} names or patterns; * is all`,
      { about: { reason: 'invalid', where: 'repositories', least: 1, most: MAX_REPOSITORIES } },
    )
  }
  for (const text of repositories) {
    const fault = findAccessPatternFault(organization, text)
    if (fault !== undefined)
      throw new AppError('INVALID_REQUEST', `repositories: ${fault}`, {
        about: { reason: 'invalid', where: 'repositories' },
      })
  }
  return repositories
}

/** The token that is valid now; undefined when it is mistyped, unknown, revoked, deactivated or expired. */
export async function findValidOrganizationToken(
  db: Queries,
  text: string,
  now: Date,
): Promise<FoundOrganizationToken | undefined> {
  if (!isTokenText('kgm_oat_', text)) return undefined
  const token = await findOrganizationTokenByHash(db, hashToken(text))
  return token === undefined || token.is_active === 0 || isPast(token.expires_at, now) ? undefined : token
}

/** Notes that the token was used now, at most once a minute, in the background: a pull waits for no writer. */
export function noteOrganizationTokenUse(
  db: Database,
  token: Pick<FoundOrganizationToken, 'id' | 'last_used_at'>,
  now: Date,
): void {
  const { id, last_used_at: last } = token
  if (last !== null && now.getTime() - Date.parse(last) < TOUCH_EVERY_MS) return
  db.later.add(`organization token ${id}`, (tx) => touchOrganizationToken(tx, id, isoTime(now)))
}
