/** How runs are looked at, waited for and watched: those of this process, and those of others on the same database. */
import type { Progress } from '../../api/progress.ts'
import type { Run } from '../../api/runs.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import type { ShownRunItem } from '../../db/mirrors/run-items.ts'
import { runCursor } from '../../db/mirrors/run-table.ts'
import type { RunRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { mergeUntilEither } from '../../lib/merge.ts'
import type { Sleep } from '../../lib/retry.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../engine.ts'
import { followForeignRuns, momentOf } from './foreign-runs.ts'
import type { ProgressBoard } from './progress.ts'
import type { RunKind, RunSubject } from './run-kind.ts'
import type { Runner } from './runner.ts'
import { renderRun } from './views.ts'

/** How often the end of a run of another server is looked for. */
const FOREIGN_RUN_POLL_MS = 500

export interface RunReadsOptions<Subject extends RunSubject> {
  readonly kind: RunKind<Subject>
  readonly db: Database
  readonly clock: Clock
  readonly sleep: Sleep
  /** This process. */
  readonly holder: string
  readonly board: ProgressBoard
  readonly runner: Runner<Subject>
  /** @throws AppError NOT_FOUND */
  get(db: Queries, id: string): Promise<Subject>
  listItems(
    db: Queries,
    runId: string,
    o: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<ShownRunItem[]>
}

type RunReads = Pick<MirrorEngine, 'run' | 'runItems' | 'runs' | 'wait' | 'watch'>

export function createRunReads<Subject extends RunSubject>(o: RunReadsOptions<Subject>): RunReads {
  const { kind, db, clock, sleep, holder, board, runner } = o

  async function getRun(runId: string, subjectId?: string): Promise<Run> {
    const row = await kind.runs.findRun(db.read, runId)
    if (row === undefined || (subjectId !== undefined && kind.ownerOf(row) !== subjectId)) {
      throw new AppError('NOT_FOUND', `there is no run ${runId}`, { about: { reason: 'absent', what: 'run' } })
    }
    return renderRun(row)
  }

  /** The last run as a moment, for what has not run in this process. */
  async function lastMoment(subject: Subject): Promise<Progress | undefined> {
    const [last] = await kind.runs.listRuns(db.read, subject.id, { limit: 1 })
    return last === undefined ? undefined : momentOf(last, kind.nameOf(subject))
  }

  return {
    run: (subjectId, runId) => getRun(runId, subjectId),
    async runItems(subjectId, runId, { limit, after }) {
      await getRun(runId, subjectId)
      const { items, next } = await readPage({
        limit,
        after,
        read: (from, count) => o.listItems(db.read, runId, { after: from, limit: count }),
        keyOf: ({ cursor }) => cursor,
      })
      return { items: items.map(({ cursor: _, ...item }) => item), next }
    },
    async runs(subjectId, { limit, after }) {
      await o.get(db.read, subjectId)
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) =>
          (await kind.runs.listRuns(db.read, subjectId, { after: from, limit: count })).map(renderRun),
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
    async *watch(subjectId, signal) {
      const subject = await o.get(db.read, subjectId)
      const first = board.find(subjectId) ?? (await lastMoment(subject))
      const own = board.follow(subjectId, first, signal)
      if (db.engine === 'sqlite') {
        yield* own
        return
      }
      let shown: Progress | undefined
      const foreigners = { runs: kind.runs, db: db.read, clock, sleep, holder }
      const of = { id: subject.id, name: kind.nameOf(subject) }
      const foreign = untilCancelled(followForeignRuns(foreigners, of, signal), signal)
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

/** Runs that are under way, of a process of its own where the board has them. */
export function momentsOf(
  rows: readonly (RunRow & { readonly repository: string })[],
  o: { readonly holder: string; readonly board: ProgressBoard; ownerOf(run: RunRow): string },
): Progress[] {
  return rows.map((row) => {
    // What this process does it knows better than the row tells.
    const live = row.holder === o.holder ? o.board.find(o.ownerOf(row)) : undefined
    return live?.runId === row.id ? live : momentOf(row, row.repository)
  })
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
