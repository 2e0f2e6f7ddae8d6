/** What a closed organization has left (`organization-ends.ts`), as it is removed: of bounded size a time. */
import { findHidden, removeHidden } from '../content/images.ts'
import type { Transaction } from '../engine/engine.ts'
import { accountProviderOf } from '../people/identity-people.ts'

/** Rows that one transaction removes. */
const PORTION = 2000

/**
 * Removes a portion of what a closed organization has left. Its own row, its audit log (until that is too old) and its events stay.
 * @returns false when there was nothing left
 */
export async function removePortion(tx: Transaction, id: string): Promise<boolean> {
  return (
    (await removeRepository(tx, id)) ||
    (await removeImage(tx, id)) ||
    (await removeFetched(tx, id)) ||
    (await removeSubscription(tx, id)) ||
    (await removeUpstreamRow(tx, id)) ||
    (await removeTargetRow(tx, id)) ||
    (await removePeople(tx, id)) ||
    (await removeRest(tx, id))
  )
}

/** What grows with the use of a repository, oldest table first; the rest goes with its row. */
const OF_REPOSITORY = [
  ['tag_history', 'id'],
  ['tags', 'name'],
  ['tag_pulls', 'tag'],
  ['manifest_pulls', 'digest'],
  ['superseded_manifests', 'digest'],
  ['repository_manifests', 'digest'],
  ['repository_blobs', 'digest'],
] as const

async function removeRepository(tx: Transaction, organizationId: string): Promise<boolean> {
  const repository = await tx
    .selectFrom('repositories')
    .select('id')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (repository === undefined) return false
  const { id } = repository
  let removed = 0
  for (const [table, key] of OF_REPOSITORY) {
    removed += await removeSome(tx, table, key, id)
    if (removed >= PORTION) return true
  }
  const mirror = await tx.selectFrom('mirrors').select('id').where('repository_id', '=', id).executeTakeFirst()
  if (mirror !== undefined && (await removeRuns(tx, 'sync_runs', mirror.id))) return true
  if (await removeReplication(tx, id)) return true
  await tx.deleteFrom('mirrors').where('repository_id', '=', id).execute()
  await tx.deleteFrom('repositories').where('id', '=', id).execute()
  return true
}

/** Up to a portion of the rows of one repository. @returns how many */
async function removeSome(
  tx: Transaction,
  table: (typeof OF_REPOSITORY)[number][0],
  key: (typeof OF_REPOSITORY)[number][1],
  repositoryId: string,
): Promise<number> {
  // All of these have both columns; the types of a query take one table at a time.
  const of = table as 'tags'
  const some = tx
    .selectFrom(of)
    .select(key as 'name')
    .where('repository_id', '=', repositoryId)
    .limit(PORTION)
  const { numDeletedRows } = await tx
    .deleteFrom(of)
    .where('repository_id', '=', repositoryId)
    .where(key as 'name', 'in', (eb) => eb.selectFrom(some.as('some')).select(`some.${key}` as 'some.name'))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** @returns true when there may be more of them */
async function removeRuns(
  tx: Transaction,
  table: 'sync_runs' | 'replication_runs',
  subjectId: string,
): Promise<boolean> {
  const of = table as 'sync_runs'
  const owner = (table === 'sync_runs' ? 'mirror_id' : 'replication_id') as 'mirror_id'
  const some = tx.selectFrom(of).select('id').where(owner, '=', subjectId).limit(RUNS)
  const { numDeletedRows } = await tx
    .deleteFrom(of)
    .where('id', 'in', (eb) => eb.selectFrom(some.as('some')).select('some.id'))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows) === RUNS
}

/** Each has items of its own. */
const RUNS = 50

/** A portion of one of those that send a repository on; what else it has is few. @returns false when there was none */
async function removeReplication(tx: Transaction, repositoryId: string): Promise<boolean> {
  const one = await tx
    .selectFrom('replications')
    .select('id')
    .where('repository_id', '=', repositoryId)
    .limit(1)
    .executeTakeFirst()
  if (one === undefined) return false
  if (await removeRuns(tx, 'replication_runs', one.id)) return true
  const some = tx.selectFrom('replication_tags').select('tag').where('replication_id', '=', one.id).limit(PORTION)
  const { numDeletedRows } = await tx
    .deleteFrom('replication_tags')
    .where('replication_id', '=', one.id)
    .where('tag', 'in', (eb) => eb.selectFrom(some.as('some')).select('some.tag'))
    .executeTakeFirstOrThrow()
  if (Number(numDeletedRows) < PORTION) await tx.deleteFrom('replications').where('id', '=', one.id).execute()
  return true
}

/** What images hold was hidden with their repositories. */
async function removeImage(tx: Transaction, organizationId: string): Promise<boolean> {
  const hidden = await findHidden(tx, organizationId)
  if (hidden === undefined) return false
  await removeHidden(tx, hidden.seq, PORTION)
  return true
}

async function removeFetched(tx: Transaction, organizationId: string): Promise<boolean> {
  const first = await tx
    .selectFrom('fetched_content')
    .select('source')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (first === undefined) return false
  const of = tx
    .selectFrom('fetched_content')
    .select('digest')
    .where('organization_id', '=', organizationId)
    .where('source', '=', first.source)
    .limit(PORTION)
  await tx
    .deleteFrom('fetched_content')
    .where('organization_id', '=', organizationId)
    .where('source', '=', first.source)
    .where('digest', 'in', (eb) => eb.selectFrom(of.as('some')).select('some.digest'))
    .execute()
  return true
}

async function removeSubscription(tx: Transaction, organizationId: string): Promise<boolean> {
  const one = await tx
    .selectFrom('subscriptions')
    .select('id')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (one === undefined) return false
  await tx.deleteFrom('subscriptions').where('id', '=', one.id).execute()
  return true
}

async function removeUpstreamRow(tx: Transaction, organizationId: string): Promise<boolean> {
  const one = await tx
    .selectFrom('upstreams')
    .select('id')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (one === undefined) return false
  await tx.updateTable('upstreams').set({ referrers_from: null }).where('referrers_from', '=', one.id).execute()
  await tx.deleteFrom('upstreams').where('id', '=', one.id).execute()
  return true
}

/** What is kept in sync out to it went with the repositories, and rules go before it. */
async function removeTargetRow(tx: Transaction, organizationId: string): Promise<boolean> {
  await tx.deleteFrom('replication_rules').where('organization_id', '=', organizationId).execute()
  const one = await tx
    .selectFrom('targets')
    .select('id')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (one === undefined) return false
  const known = await tx
    .selectFrom('target_content')
    .select('repository')
    .where('target_id', '=', one.id)
    .limit(1)
    .executeTakeFirst()
  if (known === undefined) {
    await tx.deleteFrom('replications').where('target_id', '=', one.id).execute()
    await tx.deleteFrom('targets').where('id', '=', one.id).execute()
    return true
  }
  const some = tx
    .selectFrom('target_content')
    .select('digest')
    .where('target_id', '=', one.id)
    .where('repository', '=', known.repository)
    .limit(PORTION)
  await tx
    .deleteFrom('target_content')
    .where('target_id', '=', one.id)
    .where('repository', '=', known.repository)
    .where('digest', 'in', (eb) => eb.selectFrom(some.as('some')).select('some.digest'))
    .execute()
  return true
}

/** Whom its providers have vouched for: people stay, with their sessions and what else they sign in by. */
async function removePeople(tx: Transaction, organizationId: string): Promise<boolean> {
  const one = await tx
    .selectFrom('identity_link_keys')
    .select('link_key')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (one === undefined) return false
  await tx.deleteFrom('accounts').where('provider_id', '=', accountProviderOf(one.link_key)).execute()
  await tx.deleteFrom('identity_people').where('link_key', '=', one.link_key).execute()
  await tx.deleteFrom('identity_link_keys').where('link_key', '=', one.link_key).execute()
  return true
}

/** What is few, or goes with what it hangs on. */
const REST = [
  'members',
  'organization_tokens',
  'identity_rules',
  'identity_refusals',
  'identity_used_tokens',
  'webhooks',
  'invitations',
  'teams',
  'organization_periods',
  'organization_usage',
  'organization_usage_changes',
  'stage_reservations',
] as const

async function removeRest(tx: Transaction, organizationId: string): Promise<boolean> {
  let removed = 0n
  for (const table of REST) {
    const { numDeletedRows } = await tx
      .deleteFrom(table)
      .where('organization_id', '=', organizationId)
      .executeTakeFirstOrThrow()
    removed += numDeletedRows
  }
  return removed > 0n
}
