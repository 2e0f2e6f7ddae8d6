/** What a monitoring system asks of replications, in a fixed number of queries whatever there is. */
import { sql } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { ReplicationCounterRow, ReplicationPauseCause, RestingState } from '../schema.ts'

export interface ReplicationMeasure {
  readonly id: string
  readonly repository: string
  /** `TARGET/REPOSITORY`. */
  readonly target: string
  readonly state: RestingState
  readonly changed_since: string | null
  readonly looked_at: string | null
  readonly succeeded_at: string | null
  readonly drifted: number
  readonly isPaused: boolean
  readonly isRunning: boolean
}

export interface ReplicationMeasures {
  /** The oldest `limit`: which ones they are changes seldom. */
  readonly replications: readonly ReplicationMeasure[]
  readonly standing: readonly {
    readonly state: RestingState
    readonly isPaused: boolean
    readonly isRunning: boolean
    readonly replications: number
  }[]
  readonly paused: readonly { readonly cause: ReplicationPauseCause; readonly replications: number }[]
  readonly counters: readonly (Pick<ReplicationCounterRow, 'counter' | 'label' | 'total'> & {
    /** Null: of all beyond those that are listed. */
    readonly replicationId: string | null
  })[]
}

/** Flags are 0 and 1 on both engines. */
function standings(db: Queries) {
  return db
    .selectFrom('replications as replication')
    .innerJoin('repositories as repository', 'repository.id', 'replication.repository_id')
    .innerJoin('targets as target', 'target.id', 'replication.target_id')
    .select(['replication.id', 'replication.state', 'replication.created_at', 'replication.changed_since'])
    .select(['replication.looked_at', 'replication.succeeded_at', 'replication.drifted'])
    .select(['repository.name as repository', 'target.name as target', 'replication.target_repository'])
    .select((eb) => [
      eb
        .case()
        .when(
          eb.exists(
            eb.selectFrom('replication_pauses').select('cause').whereRef('replication_id', '=', 'replication.id'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('paused'),
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('replication_runs')
              .select('id')
              .where('outcome', '=', 'running')
              .whereRef('replication_id', '=', 'replication.id'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('running'),
    ])
}

function oldest(db: Queries, limit: number) {
  return db.selectFrom('replications').select('id').orderBy('created_at').orderBy('id').limit(limit)
}

export async function readReplicationMeasures(db: Queries, limit: number): Promise<ReplicationMeasures> {
  const rows = await standings(db).orderBy('replication.created_at').orderBy('replication.id').limit(limit).execute()
  const standing = await db
    .selectFrom(standings(db).as('one'))
    .select(['state', 'paused', 'running'])
    .select((eb) => eb.fn.countAll<number>().as('replications'))
    .groupBy(['state', 'paused', 'running'])
    .execute()
  const paused = await db
    .selectFrom('replication_pauses')
    .select('cause')
    .select((eb) => eb.fn.countAll<number>().as('replications'))
    .groupBy('cause')
    .execute()
  const listed = sql<
    string | null
  >`case when replication_id in (${oldest(db, limit)}) then replication_id else null end`
  const counters = await db
    .selectFrom('replication_counters')
    .select((eb) => [listed.as('replicationId'), 'counter', 'label', eb.fn.sum<number>('total').as('total')])
    .groupBy([sql`1`, 'counter', 'label'])
    .execute()
  return {
    replications: rows.map(({ target, target_repository, paused, running, created_at: _, ...row }) => ({
      ...row,
      target: `${target}/${target_repository}`,
      drifted: Number(row.drifted),
      isPaused: paused === 1,
      isRunning: running === 1,
    })),
    standing: standing.map(({ state, paused, running, replications }) => ({
      state,
      isPaused: paused === 1,
      isRunning: running === 1,
      replications: Number(replications),
    })),
    paused: paused.map(({ cause, replications }) => ({ cause, replications: Number(replications) })),
    counters: counters.map((one) => ({ ...one, total: Number(one.total) })),
  }
}
