/** The entries of a catalog that a subscription matches, or has matched, and what became of each. */
import { sql } from 'kysely'
import { type SubscriptionEntryState as EntryState, entryStateSchema } from '../../api/subscriptions.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SubscriptionEntryRow } from '../schema.ts'

export type EntryFacts = Pick<SubscriptionEntryRow, 'repository' | 'matched' | 'listed' | 'made'>

export interface EntryRecord {
  readonly source: RepositoryName
  readonly state: EntryState
  readonly listed: 0 | 1
  /** Destination of its mirror. */
  readonly mirror: string | null
  readonly code: string | null
  readonly reason: string | null
}

const STATE = sql<EntryState>`case
  when entry.matched = 0 then 'unmatched'
  when entry.made = 0 and entry.code is not null then 'failed'
  when entry.made = 0 then 'waiting'
  when mirror.id is null then 'removed'
  when mirror.state = 'stopped' then 'stopped'
  when exists (select 1 from mirror_pauses as pause where pause.mirror_id = mirror.id) then 'paused'
  else mirror.state end`

function stateQuery(db: Queries, subscriptionId: string) {
  return db
    .selectFrom('subscription_entries as entry')
    .leftJoin('mirrors as mirror', (join) =>
      join
        .onRef('mirror.subscription_id', '=', 'entry.subscription_id')
        .onRef('mirror.source_repository', '=', 'entry.repository'),
    )
    .leftJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .where('entry.subscription_id', '=', subscriptionId)
    .select(['entry.repository as source', 'entry.listed', 'entry.code', 'entry.reason', 'repository.name as mirror'])
    .select(STATE.as('state'))
    .$castTo<EntryRecord>()
}

/** By name. @param o.state undefined: all */
export async function listEntries(
  db: Queries,
  subscriptionId: string,
  o: { readonly state?: EntryState | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<EntryRecord[]> {
  let query = stateQuery(db, subscriptionId).orderBy('entry.repository').limit(o.limit)
  if (o.after !== undefined) query = query.where('entry.repository', '>', o.after as RepositoryName)
  if (o.state !== undefined) query = query.where(STATE, '=', o.state)
  return query.execute()
}

export interface EntryCounts extends Record<EntryState, number> {
  /** Among all: those that the catalog has no more. */
  readonly unlisted: number
}

export async function countEntries(db: Queries, subscriptionId: string): Promise<EntryCounts> {
  const rows = await db
    .selectFrom(stateQuery(db, subscriptionId).as('entry'))
    .select(['entry.state', 'entry.listed'])
    .select((eb) => eb.fn.countAll<number | string>().as('number'))
    .groupBy(['entry.state', 'entry.listed'])
    .execute()
  const counts = Object.fromEntries(entryStateSchema.options.map((state) => [state, 0])) as Record<EntryState, number>
  let unlisted = 0
  for (const { state, listed, number } of rows) {
    counts[state] += Number(number)
    if (listed === 0) unlisted += Number(number)
  }
  return { ...counts, unlisted }
}

export async function listEntryFacts(db: Queries, subscriptionId: string): Promise<EntryFacts[]> {
  return db
    .selectFrom('subscription_entries')
    .select(['repository', 'matched', 'listed', 'made'])
    .where('subscription_id', '=', subscriptionId)
    .execute()
}

/** New ones, each due to get its mirror. */
export async function insertEntries(
  tx: Transaction,
  subscriptionId: string,
  names: readonly string[],
  at: string,
): Promise<void> {
  const rows = names.map((repository) => ({
    subscription_id: subscriptionId,
    repository,
    matched: 1 as const,
    listed: 1 as const,
    made: 0 as const,
    due: 1 as const,
    code: null,
    reason: null,
    since: at,
  }))
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('subscription_entries')
      .values(chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

export async function removeEntries(tx: Transaction, subscriptionId: string, names: readonly string[]): Promise<void> {
  for (const chunk of inChunks(names)) {
    await tx
      .deleteFrom('subscription_entries')
      .where('subscription_id', '=', subscriptionId)
      .where('repository', 'in', chunk)
      .execute()
  }
}

export async function updateEntries(
  tx: Transaction,
  subscriptionId: string,
  names: readonly string[],
  change: Partial<Omit<SubscriptionEntryRow, 'subscription_id' | 'repository'>>,
): Promise<void> {
  for (const chunk of inChunks(names)) {
    await tx
      .updateTable('subscription_entries')
      .set(change)
      .where('subscription_id', '=', subscriptionId)
      .where('repository', 'in', chunk)
      .execute()
  }
}

/** Whatever is without its mirror is looked at once more: the name may be free by now, or people have made the mirror themselves. */
export async function lookAgain(tx: Transaction, subscriptionId: string): Promise<void> {
  await tx
    .updateTable('subscription_entries')
    .set({ due: 1 })
    .where('subscription_id', '=', subscriptionId)
    .where('matched', '=', 1)
    .where((eb) =>
      eb.or([
        eb('made', '=', 0),
        eb.not(
          eb.exists(
            eb
              .selectFrom('mirrors')
              .select('mirrors.id')
              .whereRef('mirrors.subscription_id', '=', 'subscription_entries.subscription_id')
              .whereRef('mirrors.source_repository', '=', 'subscription_entries.repository'),
          ),
        ),
      ]),
    )
    .execute()
}

/** The next ones to be looked at, by name. */
export async function listDueEntries(
  db: Queries,
  subscriptionId: string,
  limit: number,
): Promise<{ readonly repository: RepositoryName; readonly made: 0 | 1 }[]> {
  return db
    .selectFrom('subscription_entries')
    .select(['repository', 'made'])
    .where('subscription_id', '=', subscriptionId)
    .where('due', '=', 1)
    .where('matched', '=', 1)
    .orderBy('repository')
    .limit(limit)
    .$castTo<{ repository: RepositoryName; made: 0 | 1 }>()
    .execute()
}

/** Its mirrors that are not stopped, by the name of their source, after one. */
export async function listSubscribedMirrors(
  db: Queries,
  subscriptionId: string,
  o: { readonly after: string; readonly limit: number },
): Promise<{ readonly id: string; readonly source_repository: string }[]> {
  return db
    .selectFrom('mirrors')
    .select(['id', 'source_repository'])
    .where('subscription_id', '=', subscriptionId)
    .where('state', '!=', 'stopped')
    .where('source_repository', '>', o.after)
    .orderBy('source_repository')
    .limit(o.limit)
    .execute()
}

/** The mirror is the subscription's from now on. */
export async function joinSubscription(tx: Transaction, mirrorId: string, subscriptionId: string): Promise<void> {
  await tx.updateTable('mirrors').set({ subscription_id: subscriptionId }).where('id', '=', mirrorId).execute()
}
