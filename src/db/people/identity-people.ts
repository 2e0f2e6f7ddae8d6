/**
 * Whom issuers have vouched for. A link in better-auth's `accounts` has the name of its owner's and its issuer's key, not of the provider's
 * row: it is there again when the provider was removed and added anew, and so is that somebody came once.
 */
import { newId } from '../../lib/ids.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

export const LINK_PREFIX = 'oidc:'

export function accountProviderOf(linkKey: string): string {
  return LINK_PREFIX + linkKey
}

/** The key of that owner and issuer, which is made where there is none. @param organizationId null: of the instance */
export async function linkKeyFor(tx: Transaction, organizationId: string | null, issuer: string): Promise<string> {
  const known = await tx
    .selectFrom('identity_link_keys')
    .select('link_key')
    .where('organization_id', organizationId === null ? 'is' : '=', organizationId)
    .where('issuer', '=', issuer)
    .orderBy('link_key')
    .limit(1)
    .executeTakeFirst()
  if (known !== undefined) return known.link_key
  const link_key = newId()
  await tx.insertInto('identity_link_keys').values({ link_key, organization_id: organizationId, issuer }).execute()
  return link_key
}

/** Of a provider that is gone: a key that nobody ever came by is worth nothing. */
export async function removeIdleLinkKey(tx: Transaction, linkKey: string): Promise<void> {
  for (const table of ['identity_people', 'identity_providers'] as const) {
    const used = await tx.selectFrom(table).select('link_key').where('link_key', '=', linkKey).limit(1).execute()
    if (used.length > 0) return
  }
  await tx.deleteFrom('identity_link_keys').where('link_key', '=', linkKey).execute()
}

/** Whether somebody came by that owner's issuer before, in whatever account. */
export async function findPerson(
  db: Queries,
  linkKey: string,
  subject: string,
): Promise<{ readonly madeUserId: string | null } | undefined> {
  return db
    .selectFrom('identity_people')
    .select('made_user_id as madeUserId')
    .where('link_key', '=', linkKey)
    .where('subject', '=', subject)
    .executeTakeFirst()
}

/** Somebody comes for the first time. @param person.madeUserId the account that is made for them; null: they have one */
export async function insertPerson(
  tx: Transaction,
  person: {
    readonly linkKey: string
    readonly subject: string
    readonly madeUserId: string | null
    readonly at: string
  },
): Promise<void> {
  const { linkKey: link_key, subject, madeUserId: made_user_id, at: first_at } = person
  await tx.insertInto('identity_people').values({ link_key, subject, made_user_id, first_at }).execute()
}

/** Somebody comes again, whose link has ended since. @param person.madeUserId as `insertPerson` */
export async function noteMadeAccount(
  tx: Transaction,
  person: { readonly linkKey: string; readonly subject: string; readonly madeUserId: string | null },
): Promise<void> {
  await tx
    .updateTable('identity_people')
    .set({ made_user_id: person.madeUserId })
    .where('link_key', '=', person.linkKey)
    .where('subject', '=', person.subject)
    .execute()
}

/** It is left: nobody's link leads to it any more. */
export async function forgetMadeAccount(tx: Transaction, userId: string): Promise<void> {
  await tx.updateTable('identity_people').set({ made_user_id: null }).where('made_user_id', '=', userId).execute()
}

/** How many came by the key since then; how many by all keys of its owner at any time. */
export async function countPeople(
  db: Queries,
  of: { readonly linkKey: string; readonly organizationId: string; readonly since: string },
): Promise<{ readonly recent: number; readonly all: number }> {
  const count = db.selectFrom('identity_people').select((eb) => eb.fn.countAll<number>().as('count'))
  const recent = await count
    .where('link_key', '=', of.linkKey)
    .where('first_at', '>', of.since)
    .executeTakeFirstOrThrow()
  const all = await count
    .where('link_key', 'in', (eb) =>
      eb
        .selectFrom('identity_link_keys as key')
        .select('key.link_key')
        .where('key.organization_id', '=', of.organizationId),
    )
    .executeTakeFirstOrThrow()
  return { recent: Number(recent.count), all: Number(all.count) }
}
