/** One run: it waits for its place, takes the lease of its mirror, makes the pass, and is settled. */
import type { PlanReference } from '../../api/plans.ts'
import type { RunCounts } from '../../api/runs.ts'
import { findMirror, type MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { setRunGeneration, setRunProgress } from '../../db/mirrors/sync-runs.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import type { RunOutcome, RunTrigger } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { HeldBudget } from '../../lib/held.ts'
import type { Sleep } from '../../lib/retry.ts'
import type { Tag } from '../../oci/reference.ts'
import type { MirrorEngineOptions } from '../engine.ts'
import { runPass } from '../pass/run.ts'
import type { RunReport } from '../pass/run-report.ts'
import { MIRROR_LEASE } from './orphans.ts'
import { type Places, priorityOf, registryOf, urgencyOf } from './places.ts'
import type { ProgressBoard } from './progress.ts'
import { nextPassMs } from './schedule.ts'
import { settingsOf } from './settings.ts'
import { isStop, settleRun } from './settle.ts'
import { NO_COUNTS } from './views.ts'

/** How often a run looks whether another server's run of the same mirror has ended. */
const LEASE_RETRY_MS = 1_000
/** How often a long run writes down how far it is. */
const PROGRESS_EVERY_MS = 2_000
/** Failures of a run whose end could not be written down. */
const UNSAID_END = JSON.stringify([
  {
    tag: null,
    digest: null,
    code: 'INTERNAL',
    message: 'the end of this run could not be recorded; what it fetched is kept',
  },
])

export interface ExecutionOptions extends Omit<MirrorEngineOptions, 'presence' | 'portions'> {
  readonly clock: Clock
  readonly sleep: Sleep
  readonly random: () => number
  readonly intervalMs: number
  readonly transfersPerRun: number
  readonly held: HeldBudget
  readonly board: ProgressBoard
  readonly places: Places
  /** This process, as leases and runs name it. */
  readonly holder: string
  readonly leaseTtlMs: number
}

/** What may change until the run has begun is read then. */
export interface ExecutedRun {
  readonly id: string
  readonly mirrorId: string
  readonly abort: AbortController
  readonly trigger: RunTrigger
  isFull: boolean
  readonly acceptShrink: boolean
  readonly only: ReadonlySet<Tag> | undefined
  readonly exactly: PlanReference | undefined
  readonly hinted: { readonly claims: readonly string[]; readonly attached: ReadonlySet<Tag> } | undefined
  readonly hasBegun: boolean
}

/** @returns what brings one run to its end; it tells when the run has begun, and throws only when the end could not be written down */
export function createExecution(
  o: ExecutionOptions,
): (mirror: MirrorRecord, run: ExecutedRun, onBegun: () => void) => Promise<void> {
  const { db, clock, logger, places } = o
  const now = () => isoTime(clock.now())

  async function execute(begun: MirrorRecord, run: ExecutedRun, onBegun: () => void): Promise<void> {
    let mirror = begun
    const { id: runId } = run
    const ahead = () => places.ahead(runId)
    const { meter, changed: tell } = o.board.open({ mirrorId: mirror.id, mirror: mirror.repository, runId, ahead })
    const writeDown = progressWriter(mirror.id, run.id)
    const changed = () => {
      tell()
      writeDown()
    }
    const counts = { ...NO_COUNTS }
    let lease: Lease | undefined
    let leave: (() => void) | undefined
    let report: RunReport | undefined
    let thrown: { readonly error: unknown } | undefined
    try {
      const turn = await takeTurn(mirror, run)
      lease = turn.lease
      leave = turn.leave
      meter.phase = 'listing'
      onBegun()
      changed()
      const { key, generation, signal } = lease
      // It may have waited: settings are those of now, and a full check that is due is made by whoever comes first.
      mirror = (await findMirror(db.read, mirror.id)) ?? mirror
      if (mirror.full_due === 1) run.isFull = true
      await db.write((tx) => setRunGeneration(tx, run, generation, { at: now(), failuresOfEarlier: UNSAID_END }))
      report = await runPass(
        {
          engine: o,
          clock,
          transfers: o.transfersPerRun,
          held: o.held,
          mirror,
          binding: { runId: run.id, leaseKey: key, generation },
          isFull: run.isFull,
          selection: settingsOf(mirror).selection,
          only: run.only,
          hinted: run.hinted,
          acceptShrink: run.acceptShrink,
          nextPassMs: nextPassMs(mirror.settings, clock.now(), o.intervalMs),
          exactly: run.exactly,
          signal: AbortSignal.any([run.abort.signal, signal]),
          priority: priorityOf(run.trigger),
          meter,
          changed,
        },
        counts,
      )
    } catch (error) {
      // What ended the run says more than the failure of whatever was under way at that moment.
      const ended = run.abort.signal.aborted ? run.abort.signal : lease?.signal.aborted ? lease.signal : undefined
      thrown = { error: ended === undefined ? error : endedBy(ended, run.hasBegun) }
    }
    meter.current.begin({ doing: 'recording' })
    tell()
    try {
      meter.outcome = await finish(mirror, run, counts, report, thrown, lease?.signal.aborted ?? false)
    } finally {
      if (meter.outcome === 'running') meter.outcome = 'failed'
      meter.phase = 'ended'
      changed()
      leave?.()
      await lease?.release()
    }
  }

  /** Lets other servers see how it goes: one write in a while, none for a short run, and none where there are no others. */
  function progressWriter(mirrorId: string, runId: string): () => void {
    let nextMs = clock.now().getTime() + PROGRESS_EVERY_MS
    return () => {
      if (db.engine === 'sqlite' || clock.now().getTime() < nextMs) return
      nextMs = clock.now().getTime() + PROGRESS_EVERY_MS
      const moment = o.board.find(mirrorId)
      if (moment?.runId !== runId) return
      // Shown, not relied on.
      db.write((tx) => setRunProgress(tx, runId, JSON.stringify(moment))).catch(() => {})
    }
  }

  /** A place and the mirror's lease. While another server has the lease, the place is for others. */
  async function takeTurn(mirror: MirrorRecord, run: ExecutedRun): Promise<{ lease: Lease; leave: () => void }> {
    const { signal } = run.abort
    const options = { db, clock, key: `${MIRROR_LEASE}${mirror.id}`, holder: o.holder, ttlMs: o.leaseTtlMs }
    const upstream = await findUpstreamById(db.read, mirror.upstream_id)
    const request = {
      runId: run.id,
      organizationId: mirror.organization_id,
      registry: registryOf(upstream, mirror.upstream_id),
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
    mirror: MirrorRecord,
    run: ExecutedRun,
    counts: RunCounts,
    report: RunReport | undefined,
    thrown: { readonly error: unknown } | undefined,
    isFenced: boolean,
  ): Promise<RunOutcome> {
    const isStopped = isStop(run.abort.signal.reason)
    if (thrown !== undefined && !isStopped) logFailure(mirror, run, thrown.error)
    return db.write((tx) =>
      settleRun(tx, mirror, {
        runId: run.id,
        // One that had nothing to say but that its plan is over says nothing about the mirror.
        isPartOfMirror: run.only !== undefined || (run.exactly !== undefined && isAppError(thrown?.error, 'CONFLICT')),
        hintClaims: run.hinted?.claims,
        isFull: run.isFull,
        counts,
        report,
        thrown,
        isStopped,
        isInterrupted: run.abort.signal.aborted && !isStopped,
        hasBegun: run.hasBegun,
        isFenced,
        now: clock.now(),
        at: now(),
        defaultCadence: { everyMs: o.intervalMs },
        random: o.random,
      }),
    )
  }

  /** One line a failed run; where it came from is for those who look for it, unless nobody expected it. */
  function logFailure(mirror: MirrorRecord, run: ExecutedRun, error: unknown): void {
    const about = { mirror: mirror.repository, run: run.id }
    if (!isAppError(error)) {
      logger.error({ ...about, err: error }, 'a run failed')
      return
    }
    logger.warn({ ...about, code: error.code, reason: error.message }, 'a run failed')
    logger.debug({ ...about, err: error }, 'where the run failed')
  }

  return execute
}

function endedBy(signal: AbortSignal, hasBegun: boolean): AppError {
  if (hasBegun || isStop(signal.reason)) return cancelledBy(signal)
  return new AppError('CANCELLED', 'the server was shut down before this run had begun', { cause: signal.reason })
}
