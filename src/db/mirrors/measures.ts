/** What a monitoring system asks for, in a fixed number of queries whatever there is: the same from each server on one database. */
import { sql } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { MirrorCounterRow, PauseCause, RestingState } from '../schema.ts'

export interface MirrorMeasure {
  readonly id: string
  readonly repository: string
  readonly state: RestingState
  readonly settings: string
  readonly looked_at: string | null
  readonly look_due_at: string | null
  readonly succeeded_at: string | null
  readonly isPaused: boolean
  readonly isRunning: boolean
  readonly behindSince: string | null
}

export interface Counter extends Pick<MirrorCounterRow, 'counter' | 'label' | 'total'> {
  /** Null: of all mirrors beyond those that are listed. */
  readonly mirrorId: string | null
}

export interface Measures {
  /** The oldest `limit` mirrors: which ones they are changes seldom. */
  readonly mirrors: readonly MirrorMeasure[]
  /** How many more there are, and since when the most backward of them is behind. */
  readonly others: { readonly mirrors: number; readonly behindSince: string | null }
  readonly counters: readonly Counter[]
  readonly standing: readonly {
    readonly state: RestingState
    readonly isPaused: boolean
    readonly isRunning: boolean
    readonly mirrors: number
  }[]
  readonly paused: readonly { readonly cause: PauseCause; readonly mirrors: number }[]
  readonly runs: { readonly running: number; readonly waiting: number }
}

/** One query over mirrors with how they stand; flags are 0 and 1 on both engines. */
function standings(db: Queries) {
  return db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['mirror.id', 'repository.name as repository', 'mirror.state', 'mirror.settings', 'mirror.created_at'])
    .select(['mirror.looked_at', 'mirror.look_due_at', 'mirror.succeeded_at'])
    .select((eb) => [
      eb
        .case()
        .when(eb.exists(eb.selectFrom('mirror_pauses').select('cause').whereRef('mirror_id', '=', 'mirror.id')))
        .then(1)
        .else(0)
        .end()
        .as('paused'),
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('sync_runs')
              .select('id')
              .where('outcome', '=', 'running')
              .whereRef('mirror_id', '=', 'mirror.id'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('running'),
      eb
        .selectFrom('mirror_tags as behind')
        .select((inner) => inner.fn.min('behind.behind_since').as('since'))
        .whereRef('behind.mirror_id', '=', 'mirror.id')
        .where('behind.behind_since', 'is not', null)
        .where((inner) =>
          inner.not(
            inner.exists(
              inner
                .selectFrom('mirror_tag_exclusions as exclusion')
                .select('exclusion.tag')
                .whereRef('exclusion.mirror_id', '=', 'behind.mirror_id')
                .whereRef('exclusion.tag', '=', 'behind.tag'),
            ),
          ),
        )
        .where((inner) =>
          inner.not(
            inner.exists(
              inner
                .selectFrom('tag_pins as pin')
                .select('pin.tag')
                .whereRef('pin.mirror_id', '=', 'behind.mirror_id')
                .whereRef('pin.tag', '=', 'behind.tag'),
            ),
          ),
        )
        .as('behind_since'),
    ])
}

function oldest(db: Queries, limit: number) {
  return db.selectFrom('mirrors').select('id').orderBy('created_at').orderBy('id').limit(limit)
}

export async function readMeasures(db: Queries, limit: number): Promise<Measures> {
  const mirrors = await standings(db).orderBy('mirror.created_at').orderBy('mirror.id').limit(limit).execute()
  const others = await db
    .selectFrom(standings(db).as('other'))
    .select((eb) => [eb.fn.countAll<number>().as('mirrors'), eb.fn.min('behind_since').as('since')])
    .where('id', 'not in', (eb) => eb.selectFrom(oldest(db, limit).as('listed')).select('listed.id'))
    .where('state', '!=', 'stopped')
    .executeTakeFirstOrThrow()
  const listed = sql<string | null>`case when mirror_id in (${oldest(db, limit)}) then mirror_id else null end`
  const counters = await db
    .selectFrom('mirror_counters')
    .select((eb) => [listed.as('mirrorId'), 'counter', 'label', eb.fn.sum<number>('total').as('total')])
    .groupBy([sql`1`, 'counter', 'label'])
    .execute()
  const standing = await db
    .selectFrom(standings(db).as('one'))
    .select((eb) => ['state', 'paused', 'running', eb.fn.countAll<number>().as('mirrors')])
    .groupBy(['state', 'paused', 'running'])
    .execute()
  const paused = await db
    .selectFrom('mirror_pauses')
    .select((eb) => ['cause', eb.fn.countAll<number>().as('mirrors')])
    .groupBy('cause')
    .execute()
  const runs = await db
    .selectFrom('sync_runs')
    .select((eb) => [
      eb.case().when('generation', '=', 0).then(0).else(1).end().as('began'),
      eb.fn.countAll<number>().as('runs'),
    ])
    .where('outcome', '=', 'running')
    .groupBy(sql`1`)
    .execute()
  const runsOf = (began: number) => Number(runs.find((row) => Number(row.began) === began)?.runs ?? 0)
  return {
    mirrors: mirrors.map(({ paused: isPaused, running, behind_since: behindSince, created_at: _, ...row }) => ({
      ...row,
      isPaused: Number(isPaused) === 1,
      isRunning: Number(running) === 1,
      behindSince,
    })),
    others: { mirrors: Number(others.mirrors), behindSince: others.since },
    counters: counters.map((row) => ({ ...row, total: Number(row.total) })),
    standing: standing.map((row) => ({
      state: row.state,
      isPaused: Number(row.paused) === 1,
      isRunning: Number(row.running) === 1,
      mirrors: Number(row.mirrors),
    })),
    paused: paused.map(({ cause, mirrors }) => ({ cause, mirrors: Number(mirrors) })),
    runs: { running: runsOf(1), waiting: runsOf(0) },
  }
}
