/** Tokens that belong to organizations; only their hashes are here. */
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { OrganizationRow, OrganizationTokenRow, TokenRight } from '../schema.ts'
import type { Page } from './organizations.ts'

export async function insertOrganizationToken(tx: Transaction, row: OrganizationTokenRow): Promise<void> {
  await tx.insertInto('organization_tokens').values(row).execute()
}

/** What its row keeps as JSON. */
export function tokenLists({ allow, repositories }: { readonly allow: string; readonly repositories: string }): {
  readonly allow: TokenRight[]
  readonly repositories: string[]
} {
  return { allow: JSON.parse(allow) as TokenRight[], repositories: JSON.parse(repositories) as string[] }
}

export type FoundOrganizationToken = Pick<
  OrganizationTokenRow,
  'id' | 'label' | 'expires_at' | 'is_active' | 'last_used_at'
> & { readonly organization: Pick<OrganizationRow, 'id' | 'name'> }

const readByHash = prepareQuery((db, value: Value<Record<'hash', string>>) =>
  db
    .selectFrom('organization_tokens as token')
    .innerJoin('organizations', 'organizations.id', 'token.organization_id')
    .select(['token.id', 'token.label', 'token.expires_at', 'token.is_active', 'token.last_used_at'])
    .select(['organizations.id as organization_id', 'organizations.name as organization_name'])
    .where('token.hash', '=', value('hash')),
)

const readById = prepareQuery((db, value: Value<Record<'id', string>>) =>
  db
    .selectFrom('organization_tokens as token')
    .innerJoin('organizations', 'organizations.id', 'token.organization_id')
    .select(['token.id', 'token.label', 'token.expires_at', 'token.is_active', 'token.last_used_at'])
    .select(['organizations.id as organization_id', 'organizations.name as organization_name'])
    .where('token.id', '=', value('id')),
)

function foundOf(row: Awaited<ReturnType<typeof readById>>[number] | undefined): FoundOrganizationToken | undefined {
  if (row === undefined) return undefined
  const { organization_id: id, organization_name: name, ...token } = row
  return { ...token, organization: { id, name } }
}

export async function findOrganizationTokenByHash(
  db: Queries,
  hash: string,
): Promise<FoundOrganizationToken | undefined> {
  return foundOf((await readByHash(db, { hash }))[0])
}

export async function findOrganizationTokenById(db: Queries, id: string): Promise<FoundOrganizationToken | undefined> {
  return foundOf((await readById(db, { id }))[0])
}

/** Those that people made, by id; CI jobs' last for minutes and are many. */
export async function listOrganizationTokens(
  db: Queries,
  organizationId: string,
  page: Page,
): Promise<OrganizationTokenRow[]> {
  let query = db
    .selectFrom('organization_tokens')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('rule_id', 'is', null)
    .orderBy('id')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('id', '>', page.after)
  return query.execute()
}

/** @param ruleId of the rule that they came by; null: those that people made */
export async function countOrganizationTokens(
  db: Queries,
  organizationId: string,
  ruleId: string | null,
): Promise<number> {
  const { number } = await db
    .selectFrom('organization_tokens')
    .select((eb) => eb.fn.countAll<number>().as('number'))
    .where('organization_id', '=', organizationId)
    .where('rule_id', ruleId === null ? 'is' : '=', ruleId)
    .executeTakeFirstOrThrow()
  return Number(number)
}

/** @returns undefined when the organization has no such token */
export async function setOrganizationTokenActive(
  tx: Transaction,
  organizationId: string,
  id: string,
  isActive: boolean,
): Promise<OrganizationTokenRow | undefined> {
  return tx
    .updateTable('organization_tokens')
    .set({ is_active: isActive ? 1 : 0 })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
}

/** @returns false when the organization has no such token */
export async function removeOrganizationToken(tx: Transaction, organizationId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('organization_tokens')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** Ends what CI jobs got by a rule, with the rule: the next request is refused. */
export async function removeTokensOfRule(tx: Transaction, ruleId: string): Promise<void> {
  await tx.deleteFrom('organization_tokens').where('rule_id', '=', ruleId).execute()
}

/** CI jobs' tokens that have expired are of no more interest: their use stands in history and events. */
export async function removeExpiredRuleTokens(tx: Transaction, organizationId: string, now: string): Promise<void> {
  await tx
    .deleteFrom('organization_tokens')
    .where('organization_id', '=', organizationId)
    .where('rule_id', 'is not', null)
    .where('expires_at', '<=', now)
    .execute()
}

export async function touchOrganizationToken(tx: Transaction, id: string, at: string): Promise<void> {
  await tx.updateTable('organization_tokens').set({ last_used_at: at }).where('id', '=', id).execute()
}
