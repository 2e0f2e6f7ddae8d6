/** How runs are looked at, waited for and watched: those of this process, and those of others on the same database. */
import type { Progress } from '../../api/progress.ts'
import type { Run } from '../../api/runs.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { listRunItems } from '../../db/mirrors/run-items.ts'
import { listRunningIn } from '../../db/mirrors/running-runs.ts'
import { findRun, listRuns, runCursor } from '../../db/mirrors/sync-runs.ts'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { mergeUntilEither } from '../../lib/merge.ts'
import type { Sleep } from '../../lib/retry.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../engine.ts'
import { followForeignRuns, momentOf } from './foreign-runs.ts'
import { getMirror } from './get-mirror.ts'
import type { ProgressBoard } from './progress.ts'
import type { Runner } from './runner.ts'
import { renderRun } from './views.ts'

/** How often the end of a run of another server is looked for. */
const FOREIGN_RUN_POLL_MS = 500

export interface RunReadsOptions {
  readonly db: Database
  readonly clock: Clock
  readonly sleep: Sleep
  /** This process. */
  readonly holder: string
  readonly board: ProgressBoard
  readonly runner: Runner
}

type RunReads = Pick<MirrorEngine, 'activity' | 'run' | 'runItems' | 'runs' | 'wait' | 'watch'>

export function createRunReads({ db, clock, sleep, holder, board, runner }: RunReadsOptions): RunReads {
  async function getRun(runId: string, mirrorId?: string): Promise<Run> {
    const row = await findRun(db.read, runId)
    if (row === undefined || (mirrorId !== undefined && row.mirror_id !== mirrorId)) {
      throw new AppError('NOT_FOUND', `there is no run ${runId}`, { about: { reason: 'absent', what: 'run' } })
    }
    return renderRun(row)
  }

  /** The last run as a moment, for a mirror that has not run in this process. */
  async function lastMoment(mirror: MirrorRecord): Promise<Progress | undefined> {
    const [last] = await listRuns(db.read, mirror.id, { limit: 1 })
    return last === undefined ? undefined : momentOf(last, mirror.repository)
  }

  return {
    async activity({ organizationId, viewer, limit }) {
      const { runs, total } = await listRunningIn(db.read, organizationId, viewer, limit)
      const moments = runs.map((row) => {
        // What this process does it knows better than the row tells.
        const live = row.holder === holder ? board.find(row.mirror_id) : undefined
        return live?.runId === row.id ? live : momentOf(row, row.repository)
      })
      return { runs: moments, total }
    },
    run: (mirrorId, runId) => getRun(runId, mirrorId),
    async runItems(mirrorId, runId, { limit, after }) {
      await getRun(runId, mirrorId)
      const { items, next } = await readPage({
        limit,
        after,
        read: (from, count) => listRunItems(db.read, runId, { after: from, limit: count }),
        keyOf: ({ cursor }) => cursor,
      })
      return { items: items.map(({ cursor: _, ...item }) => item), next }
    },
    async runs(mirrorId, { limit, after }) {
      await getMirror(db.read, mirrorId)
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) => (await listRuns(db.read, mirrorId, { after: from, limit: count })).map(renderRun),
        keyOf: runCursor,
      })
      return { runs: items, next }
    },
    async wait(runId, signal) {
      for (;;) {
        const mine = runner.find(runId)
        if (mine !== undefined) await untilAborted(mine, signal)
        const run = await getRun(runId)
        if (run.outcome !== 'running') return run
        await sleep(FOREIGN_RUN_POLL_MS, signal)
      }
    },
    async *watch(mirrorId, signal) {
      const mirror = await getMirror(db.read, mirrorId)
      const first = board.find(mirrorId) ?? (await lastMoment(mirror))
      const own = board.follow(mirrorId, first, signal)
      if (db.engine === 'sqlite') {
        yield* own
        return
      }
      let shown: Progress | undefined
      const foreign = untilCancelled(followForeignRuns({ db: db.read, clock, sleep, holder }, mirror, signal), signal)
      for await (const moment of mergeUntilEither(own, foreign)) {
        // The end that came first may be seen twice: as the last moment, and as a change.
        if (shown?.runId === moment.runId && shown.phase === 'ended') continue
        shown = moment
        yield moment
      }
    },
  }
}

/** Ends quietly when `signal` aborts. */
async function* untilCancelled<T>(items: AsyncGenerator<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** `work`, or CANCELLED as soon as `signal` aborts; the work itself goes on. */
async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(new AppError('CANCELLED', 'the wait was cancelled', { cause: signal.reason }))
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  try {
    await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
