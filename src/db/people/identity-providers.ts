/** Providers that people sign in by: of an organization, or of the instance. */
import { sql } from 'kysely'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { IdentityProviderRow } from '../schema.ts'
import { LINK_PREFIX, removeIdleLinkKey } from './identity-people.ts'
import type { Page } from './organizations.ts'

/** Of one organization, or of the instance. */
export const MAX_PROVIDERS = 20

export interface ProviderRecord extends IdentityProviderRow {
  /** Null: of the instance. */
  readonly organization: string | null
}

function providers(db: Queries) {
  return db
    .selectFrom('identity_providers as provider')
    .leftJoin('organizations as organization', 'organization.id', 'provider.organization_id')
    .selectAll('provider')
    .select('organization.name as organization')
}

function owned(db: Queries, organizationId: string | null) {
  return organizationId === null
    ? providers(db).where('provider.organization_id', 'is', null)
    : providers(db).where('provider.organization_id', '=', organizationId)
}

/** By name. @param organizationId null: of the instance */
export async function listProviders(db: Queries, organizationId: string | null, page: Page): Promise<ProviderRecord[]> {
  let query = owned(db, organizationId).orderBy('provider.name').limit(page.limit)
  if (page.after !== undefined) query = query.where('provider.name', '>', page.after)
  return query.execute()
}

/** By id: those of the instance, and those of the organizations that the user is a member of. @param userId undefined: nobody's */
export async function listProvidersSeenBy(
  db: Queries,
  userId: string | undefined,
  page: Page,
): Promise<ProviderRecord[]> {
  let query = providers(db).orderBy('provider.id').limit(page.limit)
  if (page.after !== undefined) query = query.where('provider.id', '>', page.after)
  return query
    .where((eb) =>
      eb.or([
        eb('provider.organization_id', 'is', null),
        eb(
          'provider.organization_id',
          'in',
          eb
            .selectFrom('members')
            .select('organization_id')
            .where('user_id', '=', userId ?? ''),
        ),
      ]),
    )
    .execute()
}

export async function findProvider(
  db: Queries,
  organizationId: string | null,
  name: string,
): Promise<ProviderRecord | undefined> {
  return owned(db, organizationId).where('provider.name', '=', name).executeTakeFirst()
}

/** By its id, which cannot be guessed; those of the instance by their name too. */
export async function findProviderToSignIn(db: Queries, idOrName: string): Promise<ProviderRecord | undefined> {
  const byId = await providers(db).where('provider.id', '=', idOrName).executeTakeFirst()
  return byId ?? (await findProvider(db, null, idOrName))
}

export async function insertProvider(tx: Transaction, row: IdentityProviderRow): Promise<void> {
  await tx.insertInto('identity_providers').values(row).execute()
}

/** What is left out stays. */
export async function updateProvider(
  tx: Transaction,
  id: string,
  change: Partial<Omit<IdentityProviderRow, 'id' | 'organization_id' | 'name' | 'issuer' | 'link_key'>>,
): Promise<void> {
  if (Object.keys(change).length === 0) return
  await tx.updateTable('identity_providers').set(change).where('id', '=', id).execute()
}

/** The sessions that it opened end; people and links stay, for when it comes again. @returns false when there is none */
export async function removeProvider(tx: Transaction, organizationId: string | null, name: string): Promise<boolean> {
  const row = await findProvider(tx, organizationId, name)
  if (row === undefined) return false
  await tx.deleteFrom('sessions').where('provider_id', '=', row.id).execute()
  await tx.deleteFrom('identity_providers').where('id', '=', row.id).execute()
  await removeIdleLinkKey(tx, row.link_key)
  return true
}

/** What the providers of that key have opened for the user. */
export async function endSessionsOf(tx: Transaction, userId: string, linkKey: string): Promise<void> {
  await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('provider_id', 'in', (eb) =>
      eb.selectFrom('identity_providers').select('identity_providers.id').where('link_key', '=', linkKey),
    )
    .execute()
}

export async function touchProvider(tx: Transaction, id: string, at: string): Promise<void> {
  await tx.updateTable('identity_providers').set({ last_used_at: at }).where('id', '=', id).execute()
}

/**
 * `only` is for an organization's own: members who are linked to such a provider of it, and those who belong to no other organization.
 * Whom owners have merely added keeps what is theirs elsewhere.
 */
const readOnlyProvider = prepareQuery((db, value: Value<Record<'userId' | 'providerId', string>>) =>
  db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .innerJoin('organizations as organization', 'organization.id', 'members.organization_id')
    .innerJoin('identity_providers as provider', (join) =>
      join.onRef('provider.organization_id', '=', 'members.organization_id').on('provider.is_only', '=', 1),
    )
    .select(['organization.name as organization', 'provider.name', 'provider.id'])
    .where('members.user_id', '=', value('userId'))
    .where('users.is_operator', '=', 0)
    .where((eb) =>
      eb.or([
        eb('members.role', '!=', 'owner'),
        eb.exists(
          eb
            .selectFrom('members as other')
            .select(sql<number>`1`.as('one'))
            .whereRef('other.organization_id', '=', 'members.organization_id')
            .whereRef('other.user_id', '!=', 'members.user_id')
            .where('other.role', '=', 'owner'),
        ),
      ]),
    )
    .where((eb) =>
      eb.or([
        eb.exists(
          eb
            .selectFrom('accounts as link')
            .innerJoin('identity_providers as linked', (join) =>
              join.on('link.provider_id', '=', sql<string>`${sql.lit(LINK_PREFIX)} || linked.link_key`),
            )
            .select(sql<number>`1`.as('one'))
            .whereRef('link.user_id', '=', 'members.user_id')
            .whereRef('linked.organization_id', '=', 'members.organization_id')
            .where('linked.is_only', '=', 1),
        ),
        eb.not(
          eb.exists(
            eb
              .selectFrom('members as elsewhere')
              .select(sql<number>`1`.as('one'))
              .whereRef('elsewhere.user_id', '=', 'members.user_id')
              .whereRef('elsewhere.organization_id', '!=', 'members.organization_id'),
          ),
        ),
      ]),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('identity_providers as used')
            .select(sql<number>`1`.as('one'))
            .whereRef('used.organization_id', '=', 'members.organization_id')
            .where('used.is_only', '=', 1)
            .where('used.id', '=', value('providerId')),
        ),
      ),
    )
    .orderBy('organization.name')
    .orderBy('provider.name')
    .limit(1),
)

/**
 * The provider that the user has to sign in by, as one of their organizations wants it; undefined: what they signed in by will do. An
 * organization's only owner, and operators, are free: a provider that fails must not lock everybody out.
 * @param providerId by which they signed in; undefined: by a password. Another organization's does not stand for this one's
 */
export async function findOnlyProvider(
  db: Queries,
  userId: string,
  providerId = '',
): Promise<{ readonly organization: string; readonly name: string; readonly id: string } | undefined> {
  return (await readOnlyProvider(db, { userId, providerId }))[0]
}
