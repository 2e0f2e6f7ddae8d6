/**
 * The end of an organization. One short transaction closes it: from then on it is there for nobody, its tokens open nothing and nothing of it
 * is worked on. Then its rows go, a portion a transaction, so that others write in between; whoever dies half-way leaves what the next goes on
 * with. Blobs are collected once nothing links them.
 */
import { AppError } from '../../errors.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { listProviders, MAX_PROVIDERS, removeProvider } from '../people/identity-providers.ts'

/** What would be lost; counting ends at MAX_COUNT. */
export interface OrganizationLosses {
  readonly repositories: number
  readonly tags: number
  readonly mirrors: number
  readonly subscriptions: number
  readonly upstreams: number
  readonly webhooks: number
  readonly tokens: number
  readonly teams: number
  readonly members: number
}

/** Whoever has more is told of so many: a count goes through each row. */
export const MAX_COUNT = 100_000

export async function countLosses(db: Queries, id: string): Promise<OrganizationLosses> {
  const count = async (rows: { as(alias: 'row'): unknown }) => {
    const found = await db
      .selectFrom(rows.as('row') as never)
      .select((eb) => eb.fn.countAll<number | string>().as('count'))
      .executeTakeFirstOrThrow()
    return Number((found as { count: number | string }).count)
  }
  const own = (table: 'repositories' | 'subscriptions' | 'upstreams' | 'webhooks' | 'teams') =>
    db.selectFrom(table).select('id').where('organization_id', '=', id).limit(MAX_COUNT)
  return {
    repositories: await count(own('repositories')),
    tags: await count(
      db
        .selectFrom('tags')
        .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
        .select('tags.name')
        .where('repositories.organization_id', '=', id)
        .limit(MAX_COUNT),
    ),
    mirrors: await count(
      db
        .selectFrom('mirrors')
        .select('id')
        .where('organization_id', '=', id)
        .where('state', '!=', 'stopped')
        .limit(MAX_COUNT),
    ),
    subscriptions: await count(own('subscriptions').where('state', '!=', 'stopped')),
    upstreams: await count(own('upstreams')),
    webhooks: await count(own('webhooks')),
    // Those of CI jobs end by themselves within minutes.
    tokens: await count(
      db
        .selectFrom('organization_tokens')
        .select('id')
        .where('organization_id', '=', id)
        .where('rule_id', 'is', null)
        .limit(MAX_COUNT),
    ),
    teams: await count(own('teams')),
    members: await count(db.selectFrom('members').select('user_id').where('organization_id', '=', id).limit(MAX_COUNT)),
  }
}

/**
 * From the end of this transaction on the organization is there for nobody.
 * @throws AppError NOT_FOUND when it is not there, CONFLICT when it has repositories and they are not to go with it
 */
export async function closeOrganization(
  tx: Transaction,
  id: string,
  o: { readonly at: string; readonly withRepositories: boolean },
): Promise<void> {
  const closed = await tx
    .updateTable('organizations')
    .set({ deleted_at: o.at })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('name')
    .executeTakeFirst()
  if (closed === undefined) throw new AppError('NOT_FOUND', 'there is no such organization')
  if (!o.withRepositories) {
    const repository = await tx
      .selectFrom('repositories')
      .select('name')
      .where('organization_id', '=', id)
      .orderBy('name')
      .limit(1)
      .executeTakeFirst()
    if (repository !== undefined) {
      throw new AppError(
        'CONFLICT',
        `${closed.name} has repositories, as ${repository.name}: delete them first, or say withRepositories (--with-repositories)`,
      )
    }
  }
  for (const { name } of await listProviders(tx, id, { limit: MAX_PROVIDERS })) await removeProvider(tx, id, name)
  for (const table of ['organization_tokens', 'identity_rules', 'webhooks', 'members'] as const) {
    await tx.deleteFrom(table).where('organization_id', '=', id).execute()
  }
  await tx
    .deleteFrom('upstream_hooks')
    .where('upstream_id', 'in', (eb) =>
      eb.selectFrom('upstreams').select('upstreams.id').where('organization_id', '=', id),
    )
    .execute()
  await tx
    .updateTable('catalogs')
    .set({ next_at: null })
    .where('upstream_id', 'in', (eb) =>
      eb.selectFrom('upstreams').select('upstreams.id').where('organization_id', '=', id),
    )
    .execute()
  await tx
    .updateTable('subscriptions')
    .set({ state: 'stopped', next_read_at: null, work_due: 0, pending: null })
    .where('organization_id', '=', id)
    .execute()
  // Runs under way find out at their next look, on whichever server they are.
  await tx
    .updateTable('mirrors')
    .set({ state: 'stopped', next_run_at: null })
    .where('organization_id', '=', id)
    .execute()
  await tx
    .updateTable('replications')
    .set({ state: 'stopped', next_run_at: null })
    .where('organization_id', '=', id)
    .execute()
  await tx
    .updateTable('repositories')
    .set({ visibility: 'private' })
    .where('organization_id', '=', id)
    .where('visibility', '=', 'public')
    .execute()
}

/** Organizations that were closed and are not empty yet. */
export async function listClosedOrganizations(db: Queries): Promise<string[]> {
  const rows = await db
    .selectFrom('organizations')
    .select('id')
    .where('deleted_at', 'is not', null)
    .where('emptied_at', 'is', null)
    .orderBy('deleted_at')
    .execute()
  return rows.map(({ id }) => id)
}

export async function noteEmptied(tx: Transaction, id: string, at: string): Promise<void> {
  await tx.updateTable('organizations').set({ emptied_at: at }).where('id', '=', id).execute()
}
