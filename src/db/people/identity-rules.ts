/** Rules by which CI jobs get tokens, what was refused lately, and which JWTs were used. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { IdentityRefusalRow, IdentityRuleRow, TokenRight } from '../schema.ts'
import { removeTokensOfRule } from './organization-tokens.ts'
import type { Page } from './organizations.ts'

/** Of one organization. */
export const MAX_RULES = 100
const KEPT_REFUSALS = 20

/** The rules of that organization for tokens of that issuer. */
export async function listRulesOf(db: Queries, organizationId: string, issuer: string): Promise<IdentityRuleRow[]> {
  return db
    .selectFrom('identity_rules')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('issuer', '=', issuer)
    .orderBy('name')
    .execute()
}

/** What its JSON columns hold. */
export function partsOf(row: Pick<IdentityRuleRow, 'claims' | 'allow' | 'repositories'>) {
  return {
    claims: JSON.parse(row.claims) as Record<string, string>,
    allow: JSON.parse(row.allow) as TokenRight[],
    repositories: JSON.parse(row.repositories) as string[],
  }
}

/** By name. */
export async function listRules(db: Queries, organizationId: string, page: Page): Promise<IdentityRuleRow[]> {
  let query = db
    .selectFrom('identity_rules')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('name')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('name', '>', page.after)
  return query.execute()
}

export async function findRule(
  db: Queries,
  organizationId: string,
  name: string,
): Promise<IdentityRuleRow | undefined> {
  return db
    .selectFrom('identity_rules')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function countRules(db: Queries, organizationId: string): Promise<number> {
  const { count } = await db
    .selectFrom('identity_rules')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export async function insertRule(tx: Transaction, row: IdentityRuleRow): Promise<void> {
  await tx.insertInto('identity_rules').values(row).execute()
}

/** What jobs got by it ends with it. @returns false when there is none */
export async function removeRule(tx: Transaction, organizationId: string, name: string): Promise<boolean> {
  const row = await findRule(tx, organizationId, name)
  if (row === undefined) return false
  await removeTokensOfRule(tx, row.id)
  await tx.deleteFrom('identity_rules').where('id', '=', row.id).execute()
  return true
}

/** Whether the rule is still there, in the transaction that gives something by it. */
export async function hasRule(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.selectFrom('identity_rules').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}

export async function touchRule(tx: Transaction, id: string, at: string): Promise<void> {
  await tx.updateTable('identity_rules').set({ last_used_at: at }).where('id', '=', id).execute()
}

/** Takes the one use of a JWT. @returns false when it was used before */
export async function useJwt(
  tx: Transaction,
  used: { readonly organizationId: string; readonly hash: string; readonly endsAt: string },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('identity_used_tokens')
    .values({ organization_id: used.organizationId, hash: used.hash, ends_at: used.endsAt })
    .onConflict((conflict) => conflict.columns(['organization_id', 'hash']).doNothing())
    .executeTakeFirst()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Uses of JWTs that have ended: each job makes one. */
export async function removeEndedUses(tx: Transaction, at: string): Promise<void> {
  await tx.deleteFrom('identity_used_tokens').where('ends_at', '<=', at).execute()
}

/**
 * Keeps the last ones of the organization, of each kind: near (what a rule may have been meant for), signed, and neither. One subject of an
 * issuer is one row, whose last refusal it tells: whoever repeats one pushes out no other.
 */
export async function noteRefusal(tx: Transaction, row: Omit<IdentityRefusalRow, 'seq' | 'attempts'>): Promise<void> {
  const before = await tx
    .deleteFrom('identity_refusals')
    .where('organization_id', '=', row.organization_id)
    .where('is_verified', '=', row.is_verified)
    .where('is_near', '=', row.is_near)
    .where('issuer', row.issuer === null ? 'is' : '=', row.issuer)
    .where('subject', row.subject === null ? 'is' : '=', row.subject)
    .returning('attempts')
    .execute()
  const attempts = before.reduce((sum, one) => sum + one.attempts, 1)
  await tx
    .insertInto('identity_refusals')
    .values({ ...row, attempts })
    .execute()
  const first = await tx
    .selectFrom('identity_refusals')
    .select('seq')
    .where('organization_id', '=', row.organization_id)
    .where('is_verified', '=', row.is_verified)
    .where('is_near', '=', row.is_near)
    .orderBy('seq', 'desc')
    .offset(KEPT_REFUSALS)
    .limit(1)
    .executeTakeFirst()
  if (first === undefined) return
  await tx
    .deleteFrom('identity_refusals')
    .where('organization_id', '=', row.organization_id)
    .where('is_verified', '=', row.is_verified)
    .where('is_near', '=', row.is_near)
    .where('seq', '<=', first.seq)
    .execute()
}

/** Newest first. */
export async function listRefusals(
  db: Queries,
  organizationId: string,
  issuer: string,
): Promise<Omit<IdentityRefusalRow, 'seq'>[]> {
  return db
    .selectFrom('identity_refusals')
    .select(['organization_id', 'is_verified', 'at', 'issuer', 'subject', 'reason', 'address', 'attempts', 'is_near'])
    .where('organization_id', '=', organizationId)
    .where((eb) => eb.or([eb('issuer', '=', issuer), eb('issuer', 'is', null)]))
    .orderBy('seq', 'desc')
    .limit(3 * KEPT_REFUSALS)
    .execute()
}
