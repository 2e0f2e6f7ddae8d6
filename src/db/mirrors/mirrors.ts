import { newId } from '../../lib/ids.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { MirrorRow, RestingState } from '../schema.ts'

/** A mirror with the names that people know it by. */
export interface MirrorRecord extends MirrorRow {
  readonly organization: string
  readonly repository: RepositoryName
  readonly upstream: string
  readonly upstream_prefix: string
  /** Null: it is shared. */
  readonly upstream_organization_id: string | null
  /** Id of the subscription that keeps it; null: none, or one that has stopped or matches it no more. */
  readonly subscription: string | null
}

function mirrorQuery(db: Queries) {
  return db
    .selectFrom('mirrors as mirror')
    .innerJoin('organizations as organization', 'organization.id', 'mirror.organization_id')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .innerJoin('upstreams as upstream', 'upstream.id', 'mirror.upstream_id')
    .leftJoin('subscription_entries as entry', (join) =>
      join
        .onRef('entry.subscription_id', '=', 'mirror.subscription_id')
        .onRef('entry.repository', '=', 'mirror.source_repository')
        .on('entry.matched', '=', 1),
    )
    .leftJoin('subscriptions as subscription', (join) =>
      join.onRef('subscription.id', '=', 'entry.subscription_id').on('subscription.state', '!=', 'stopped'),
    )
    .selectAll('mirror')
    .select('subscription.id as subscription')
    .select(['organization.name as organization', 'repository.name as repository'])
    .select(['upstream.name as upstream', 'upstream.prefix as upstream_prefix'])
    .select('upstream.organization_id as upstream_organization_id')
    .$castTo<MirrorRecord>()
}

export async function findMirror(db: Queries, id: string): Promise<MirrorRecord | undefined> {
  return mirrorQuery(db).where('mirror.id', '=', id).executeTakeFirst()
}

/** The mirror of a repository, stopped or not: it may be restarted, and then what people deleted stays away. */
export async function findMirrorId(db: Queries, repositoryId: string): Promise<string | undefined> {
  const row = await db.selectFrom('mirrors').select('id').where('repository_id', '=', repositoryId).executeTakeFirst()
  return row?.id
}

export async function findMirrorOfRepository(db: Queries, name: RepositoryName): Promise<MirrorRecord | undefined> {
  return mirrorQuery(db).where('repository.name', '=', name).executeTakeFirst()
}

/** By destination. `organizations` are names; undefined: all. `viewer` undefined: all, for the program itself. */
export async function listMirrors(
  db: Queries,
  o: {
    readonly organizations?: readonly string[] | undefined
    readonly viewer?: Viewer | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<MirrorRecord[]> {
  let query = mirrorQuery(db).orderBy('repository.name').limit(o.limit)
  if (o.viewer !== undefined) query = query.where(isVisibleTo(o.viewer))
  if (o.after !== undefined) query = query.where('repository.name', '>', o.after)
  if (o.organizations === undefined) return query.execute()
  return pageOfChunks(o.organizations, (chunk) => query.where('organization.name', 'in', chunk).execute(), {
    limit: o.limit,
    keyOf: (row) => row.id,
    compare: (a, b) => byBytes(a.repository, b.repository),
  })
}

export async function createMirror(
  tx: Transaction,
  mirror: Pick<MirrorRow, 'organization_id' | 'repository_id' | 'upstream_id' | 'source_repository'> & {
    readonly at: string
    /** JSON of `api/mirror-settings.ts`. */
    readonly settings?: string
  },
): Promise<MirrorRow> {
  const { at, settings = '{}', ...columns } = mirror
  const life = {
    state: 'initial',
    reason: null,
    since: at,
    created_at: at,
    next_run_at: null,
    full_due: 0,
    listed_tags: null,
  } as const
  const look = { looked_at: null, look_due_at: at, succeeded_at: null, missed_since: null }
  return tx
    .insertInto('mirrors')
    .values({ id: newId(), ...columns, settings, ...life, ...look })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Puts a stopped mirror to work again, perhaps on another source. What it knew of another source's tags and referrers is forgotten;
 * what people deleted stays excluded.
 */
export async function restartMirror(
  tx: Transaction,
  mirror: MirrorRow,
  source: Pick<MirrorRow, 'upstream_id' | 'source_repository' | 'settings'> & { readonly at: string },
): Promise<MirrorRow> {
  const { at, ...columns } = source
  const look = { looked_at: mirror.looked_at, look_due_at: at, missed_since: null }
  if (mirror.upstream_id !== source.upstream_id || mirror.source_repository !== source.source_repository) {
    look.looked_at = null
    await tx.deleteFrom('mirror_subjects').where('mirror_id', '=', mirror.id).execute()
    await tx.deleteFrom('mirror_tags').where('mirror_id', '=', mirror.id).execute()
    // It is another repository's now, and the subscription's no more.
    await tx.updateTable('mirrors').set({ subscription_id: null }).where('id', '=', mirror.id).execute()
    await tx.deleteFrom('mirror_unlisted').where('mirror_id', '=', mirror.id).execute()
    await tx.deleteFrom('mirror_holds').where('mirror_id', '=', mirror.id).execute()
    await tx.updateTable('mirrors').set({ listed_tags: null }).where('id', '=', mirror.id).execute()
  }
  return tx
    .updateTable('mirrors')
    .set({ ...columns, ...look, state: 'initial', reason: null, since: at, next_run_at: null, full_due: 1 })
    .where('id', '=', mirror.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** `since` changes only with the state. A stopped mirror stays stopped. @returns whether it was not stopped */
export async function setMirrorState(
  tx: Transaction,
  id: string,
  change: {
    readonly state: RestingState
    readonly reason: string | null
    readonly nextRunAt: string | null
    readonly at: string
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('mirrors')
    .set((eb) => ({
      state: change.state,
      reason: change.reason,
      next_run_at: change.nextRunAt,
      since: eb.case().when('state', '=', change.state).then(eb.ref('since')).else(change.at).end(),
    }))
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function scheduleMirror(tx: Transaction, id: string, nextRunAt: string): Promise<void> {
  await tx
    .updateTable('mirrors')
    .set({ next_run_at: nextRunAt })
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .execute()
}

/**
 * Takes a due run of the schedule for this process: of several servers that see it due at once, one gets it.
 * @param dueAt as `next_run_at` was read
 * @param nextRunAt when it is due again by itself, should this process die before the run is written down
 */
export async function claimDueMirror(tx: Transaction, id: string, dueAt: string, nextRunAt: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('mirrors')
    .set({ next_run_at: nextRunAt })
    .where('id', '=', id)
    .where('next_run_at', '=', dueAt)
    .where('state', '!=', 'stopped')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Mirrors whose next run is due, the longest waiting first: so many of each organization and upstream that neither hides the others.
 */
export async function listDueMirrors(db: Queries, now: string, limitOfEach: number): Promise<{ id: string }[]> {
  const due = db
    .selectFrom('mirrors')
    .select(['id', 'next_run_at'])
    .select((eb) =>
      eb.fn
        .agg<number>('row_number')
        .over((over) => over.partitionBy(['organization_id', 'upstream_id']).orderBy('next_run_at'))
        .as('place'),
    )
    .where('state', '!=', 'stopped')
    .where('next_run_at', '<=', now)
  return db
    .selectFrom(due.as('due'))
    .select('id')
    .where('place', '<=', limitOfEach)
    .orderBy('next_run_at')
    .orderBy('id')
    .execute()
}

/** When the next run of any mirror is due that is not due at `now`. */
export async function findNextDue(db: Queries, now: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('mirrors')
    .select('next_run_at')
    .where('state', '!=', 'stopped')
    .where('next_run_at', '>', now)
    .orderBy('next_run_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_run_at ?? undefined
}

/** A pass over all of upstream came to its end, with all of it or not; `dueAt` is when the next one should. */
export async function setLooked(
  tx: Transaction,
  id: string,
  o: { readonly at: string; readonly dueAt: string; readonly isDone: boolean },
): Promise<void> {
  const success = o.isDone ? { succeeded_at: o.at } : {}
  await tx
    .updateTable('mirrors')
    .set({ looked_at: o.at, look_due_at: o.dueAt, ...success })
    .where('id', '=', id)
    .execute()
}

/** What people set for it; JSON of `api/mirror-settings.ts`. A new schedule counts from now on. */
export async function setMirrorSettings(
  tx: Transaction,
  id: string,
  o: {
    readonly settings: string
    readonly nextRunAt: string | null
    readonly isFullDue?: boolean
    readonly lookDueAt?: string | undefined
  },
): Promise<void> {
  const full = o.isFullDue === true ? { full_due: 1 as const } : {}
  const look = o.lookDueAt === undefined ? {} : { look_due_at: o.lookDueAt }
  const columns = { settings: o.settings, next_run_at: o.nextRunAt, ...full, ...look }
  await tx.updateTable('mirrors').set(columns).where('id', '=', id).execute()
}

/** Those that have an objective, or are known to miss one. */
export async function listMirrorsWithObjective(db: Queries): Promise<MirrorRecord[]> {
  return mirrorQuery(db)
    .where('mirror.state', '!=', 'stopped')
    .where((eb) => eb.or([eb('mirror.settings', 'like', '%"objective":%'), eb('mirror.missed_since', 'is not', null)]))
    .execute()
}

export async function setMissedSince(tx: Transaction, id: string, since: string | null): Promise<void> {
  await tx.updateTable('mirrors').set({ missed_since: since }).where('id', '=', id).execute()
}

/** Repository and images stay; the mirror gives up its tags. */
export async function stopMirror(tx: Transaction, id: string, at: string): Promise<void> {
  await tx
    .updateTable('mirrors')
    .set({ state: 'stopped', reason: null, since: at, next_run_at: null, missed_since: null })
    .where('id', '=', id)
    .where('state', '!=', 'stopped')
    .execute()
  await tx.deleteFrom('mirror_pauses').where('mirror_id', '=', id).execute()
}

export async function findListedTags(db: Queries, id: string): Promise<number | undefined> {
  const row = await db.selectFrom('mirrors').select('listed_tags').where('id', '=', id).executeTakeFirst()
  return row?.listed_tags ?? undefined
}

/** How many tags upstream listed in a pass that could go by its list. */
export async function setListedTags(tx: Transaction, id: string, tags: number): Promise<void> {
  await tx
    .updateTable('mirrors')
    .set({ listed_tags: tags })
    .where('id', '=', id)
    .where('listed_tags', 'is distinct from', tags)
    .execute()
}
