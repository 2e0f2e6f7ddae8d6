/** One run: it waits for its place, takes the lease of what it is of, makes the pass, and is settled. */
import type { PlanReference } from '../../api/plans.ts'
import type { RunCounts } from '../../api/runs.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { DatabaseUnavailable } from '../../db/engine/unavailable.ts'
import type { RunOutcome, RunRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Sleep } from '../../lib/retry.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RunMeter } from '../pass/meter.ts'
import { type Places, urgencyOf } from './places.ts'
import type { ProgressBoard } from './progress.ts'
import { isStop, NO_COUNTS, type RunEnding } from './run-end.ts'
import type { RunKind, RunSubject } from './run-kind.ts'

/** How often a run looks whether another server's run of the same mirror has ended. */
const LEASE_RETRY_MS = 1_000
/** How often a long run writes down how far it is. */
const PROGRESS_EVERY_MS = 2_000
/** How often the end of a run is said again to a database that does not take it. */
const SETTLE_RETRY_MS = 1_000
/** Failures of a run whose end could not be written down. */
const UNSAID_END = JSON.stringify([
  {
    tag: null,
    digest: null,
    code: 'INTERNAL',
    message: 'the end of this run could not be recorded; what it fetched is kept',
  },
])

/** What the pass of a run works with. */
export interface PassRun {
  readonly run: ExecutedRun
  readonly lease: Lease
  readonly counts: { -readonly [K in keyof RunCounts]: RunCounts[K] }
  readonly signal: AbortSignal
  readonly meter: RunMeter
  changed(): void
}

export interface ExecutionOptions<Subject extends RunSubject, Report> {
  readonly kind: RunKind<Subject>
  readonly db: Database
  readonly logger: Logger
  readonly clock: Clock
  readonly sleep: Sleep
  readonly board: ProgressBoard
  readonly places: Places
  /** This process, as leases and runs name it. */
  readonly holder: string
  readonly leaseTtlMs: number
  /** @throws what ended the pass as a whole; `counts` then tells how far it got */
  pass(subject: Subject, o: PassRun): Promise<Report>
  /** The end of a run, and what it means. @returns the outcome, as it was written down */
  settle(tx: Transaction, subject: Subject, end: RunEnding<Report>): Promise<RunOutcome>
}

/** What may change until the run has begun is read then. */
export interface ExecutedRun {
  readonly id: string
  readonly ownerId: string
  readonly abort: AbortController
  readonly trigger: RunRow['trigger']
  isFull: boolean
  readonly acceptShrink: boolean
  readonly only: ReadonlySet<Tag> | undefined
  readonly exactly: PlanReference | undefined
  readonly hinted: { readonly claims: readonly string[]; readonly attached: ReadonlySet<Tag> } | undefined
  readonly hasBegun: boolean
}

/** @returns what brings one run to its end; it tells when the run has begun, and throws only when the end could not be written down */
export function createExecution<Subject extends RunSubject, Report>(
  o: ExecutionOptions<Subject, Report>,
): (subject: Subject, run: ExecutedRun, onBegun: () => void) => Promise<void> {
  const { kind, db, clock, logger, places } = o
  const now = () => isoTime(clock.now())

  async function execute(begun: Subject, run: ExecutedRun, onBegun: () => void): Promise<void> {
    let subject = begun
    const { id: runId } = run
    const ahead = () => places.ahead(runId)
    const name = kind.nameOf(subject)
    const { meter, changed: tell } = o.board.open({ mirrorId: subject.id, mirror: name, runId, ahead })
    const writeDown = progressWriter(subject.id, run.id)
    const changed = () => {
      tell()
      writeDown()
    }
    const counts = { ...NO_COUNTS }
    let lease: Lease | undefined
    let leave: (() => void) | undefined
    let report: Report | undefined
    let thrown: { readonly error: unknown } | undefined
    try {
      const turn = await takeTurn(subject, run)
      lease = turn.lease
      leave = turn.leave
      meter.phase = 'listing'
      onBegun()
      changed()
      const { generation } = lease
      // It may have waited: settings are those of now, and a full check that is due is made by whoever comes first.
      subject = (await kind.find(db.read, subject.id)) ?? subject
      if (subject.full_due === 1) run.isFull = true
      await db.write((tx) =>
        kind.runs.setRunGeneration(tx, run, generation, { at: now(), failuresOfEarlier: UNSAID_END }),
      )
      const signal = AbortSignal.any([run.abort.signal, lease.signal])
      report = await o.pass(subject, { run, lease, counts, signal, meter, changed })
    } catch (error) {
      // What ended the run says more than the failure of whatever was under way at that moment.
      const ended = run.abort.signal.aborted ? run.abort.signal : lease?.signal.aborted ? lease.signal : undefined
      thrown = { error: ended === undefined ? asAway(error) : endedBy(ended, run.hasBegun) }
    }
    meter.current.begin({ doing: 'recording' })
    tell()
    try {
      const isFenced = lease?.signal.aborted ?? false
      meter.outcome = await finish(subject, run, counts, report, thrown, isFenced)
    } finally {
      if (meter.outcome === 'running') meter.outcome = 'failed'
      meter.phase = 'ended'
      changed()
      leave?.()
      await lease?.release()
    }
  }

  /** Lets other servers see how it goes: one write in a while, none for a short run, and none where there are no others. */
  function progressWriter(subjectId: string, runId: string): () => void {
    let nextMs = clock.now().getTime() + PROGRESS_EVERY_MS
    return () => {
      if (db.engine === 'sqlite' || clock.now().getTime() < nextMs) return
      nextMs = clock.now().getTime() + PROGRESS_EVERY_MS
      const moment = o.board.find(subjectId)
      if (moment?.runId !== runId) return
      // Shown, not relied on.
      db.write((tx) => kind.runs.setRunProgress(tx, runId, JSON.stringify(moment))).catch(() => {})
    }
  }

  /** A place and the lease. While another server has the lease, the place is for others. */
  async function takeTurn(subject: Subject, run: ExecutedRun): Promise<{ lease: Lease; leave: () => void }> {
    const { signal } = run.abort
    const options = { db, clock, key: `${kind.lease}${subject.id}`, holder: o.holder, ttlMs: o.leaseTtlMs }
    const request = {
      runId: run.id,
      organizationId: subject.organization_id,
      registry: await kind.registryOf(db.read, subject),
      urgency: () => urgencyOf(run.trigger, run.only !== undefined),
    }
    for (;;) {
      const leave = await places.take(request, signal)
      o.board.changed()
      let lease: Lease | undefined
      try {
        if (signal.aborted) throw cancelledBy(signal)
        lease = await acquireLease(options)
        if (lease !== undefined) return { lease, leave }
      } finally {
        if (lease === undefined) leave()
      }
      await o.sleep(LEASE_RETRY_MS, signal)
    }
  }

  async function finish(
    subject: Subject,
    run: ExecutedRun,
    counts: RunCounts,
    report: Report | undefined,
    thrown: { readonly error: unknown } | undefined,
    isFenced: boolean,
  ): Promise<RunOutcome> {
    const isStopped = isStop(run.abort.signal.reason)
    if (thrown !== undefined && !isStopped) logFailure(subject, run, thrown.error)
    return untilTaken(run, (tx) =>
      o.settle(tx, subject, {
        runId: run.id,
        // One that had nothing to say but that its plan is over says nothing about the whole.
        isPart: run.only !== undefined || (run.exactly !== undefined && isAppError(thrown?.error, 'CONFLICT')),
        hintClaims: run.hinted?.claims,
        isFull: run.isFull,
        counts,
        report,
        thrown,
        isStopped,
        // As with the end of the server: the next run goes on at once.
        isInterrupted: !isStopped && (run.abort.signal.aborted || isAppError(thrown?.error, 'UNAVAILABLE')),
        hasBegun: run.hasBegun,
        isFenced,
        now: clock.now(),
        at: now(),
      }),
    )
  }

  /** Nobody else ends the run of a server that lives: a database that is away, or full, hears of it when it is back. */
  async function untilTaken<T>(run: ExecutedRun, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const { signal } = run.abort
    for (;;) {
      try {
        return await db.write(work)
      } catch (error) {
        const isForNow = error instanceof DatabaseUnavailable || isAppError(error, 'STORAGE_FULL')
        // The next start ends what a server that is closed has left.
        if (!isForNow || (signal.aborted && !isStop(signal.reason))) throw error
        await o.sleep(SETTLE_RETRY_MS)
      }
    }
  }

  /** One line a failed run; where it came from is for those who look for it, unless nobody expected it. */
  function logFailure(subject: Subject, run: ExecutedRun, error: unknown): void {
    const about = { [kind.what]: kind.nameOf(subject), run: run.id }
    if (!isAppError(error)) {
      logger.error({ ...about, err: error }, 'a run failed')
      return
    }
    logger.warn({ ...about, code: error.code, reason: error.message }, 'a run failed')
    logger.debug({ ...about, err: error }, 'where the run failed')
  }

  return execute
}

function asAway(error: unknown): unknown {
  if (!(error instanceof DatabaseUnavailable)) return error
  return new AppError('UNAVAILABLE', 'the database did not answer during this run; what it fetched is kept', {
    cause: error,
  })
}

function endedBy(signal: AbortSignal, hasBegun: boolean): AppError {
  if (hasBegun || isStop(signal.reason)) return cancelledBy(signal)
  return new AppError('CANCELLED', 'the server was shut down before this run had begun', { cause: signal.reason })
}
