/**
 * The runs of this process: one per mirror at a time, each under a lease; behind it wait one of all tags, one of a few that people name,
 * and one of those that upstream names.
 */
import type { PlanReference } from '../../api/plans.ts'
import type { Run, RunCounts } from '../../api/runs.ts'
import { isResting } from '../../db/mirrors/life.ts'
import { findMirror, type MirrorRecord, scheduleMirror } from '../../db/mirrors/mirrors.ts'
import { findRun, insertRun, setRunGeneration, setRunProgress, setRunTags } from '../../db/mirrors/sync-runs.ts'
import type { RunOutcome, RunTrigger } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Sleep } from '../../lib/retry.ts'
import type { Tag } from '../../oci/reference.ts'
import type { MirrorEngineOptions } from '../engine.ts'
import { runPass } from '../pass/run.ts'
import type { RunReport } from '../pass/run-report.ts'
import { MIRROR_LEASE, type Presence } from './presence.ts'
import type { ProgressBoard } from './progress.ts'
import { nextPassMs } from './schedule.ts'
import { settingsOf } from './settings.ts'
import { isStop, settleRun } from './settle.ts'
import { NO_COUNTS, renderRun } from './views.ts'

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

export interface RunnerOptions extends MirrorEngineOptions {
  readonly clock: Clock
  readonly sleep: Sleep
  readonly random: () => number
  readonly intervalMs: number
  readonly transfersPerRun: number
  readonly board: ProgressBoard
  /** This process, as leases and runs name it. */
  readonly holder: string
  readonly leaseTtlMs: number
  readonly presence: Presence
  onEnded(): void
}

interface ProcessRun {
  readonly id: string
  readonly mirrorId: string
  readonly abort: AbortController
  isFull: boolean
  acceptShrink: boolean
  /** Only these tags; undefined: all. */
  only: ReadonlySet<Tag> | undefined
  /** Of hints; undefined: people or the schedule ask. */
  hinted: { readonly claims: readonly string[]; readonly attached: ReadonlySet<Tag> } | undefined
  readonly exactly: PlanReference | undefined
  /** Its row is there. */
  readonly inserted: Promise<void>
  readonly ended: Promise<void>
}

export interface RunRequest {
  readonly trigger: RunTrigger
  readonly isFull: boolean
  /** What upstream lists now is right, however much less it is than before. */
  readonly acceptShrink?: boolean | undefined
  /** Only these tags; undefined: all. */
  readonly only?: ReadonlySet<Tag> | undefined
  /** Upstream names them: the claim on these hints, and of which of them something that hangs on it was pushed. */
  readonly hint?: { readonly claim: string; readonly attached: ReadonlySet<Tag> } | undefined
  /** Nothing but this plan; another one ends the run before anything is done. */
  readonly exactly?: PlanReference | undefined
}

export interface Runner {
  /**
   * Begins a run, or lets it wait behind the present one; whoever comes while one of the kind (all tags, some by name, some by hints)
   * waits already joins it.
   */
  begin(mirror: MirrorRecord, o: RunRequest): Promise<Run>
  isRunning(mirrorId: string): boolean
  readonly size: number
  /** Resolves when the run has ended here; undefined when it is not a run of this process. */
  find(runId: string): Promise<void> | undefined
  /** Aborts the mirror's runs with `reason` and waits for their end. */
  end(mirrorId: string, reason: AppError): Promise<void>
  /** The same for all, and no more begin. */
  close(reason: AppError): Promise<void>
}

export function createRunner(o: RunnerOptions): Runner {
  const { db, clock, logger } = o
  /** By mirror: the present run, then those that wait, in their order. */
  const queues = new Map<string, ProcessRun[]>()
  let isClosed = false
  const now = () => isoTime(clock.now())

  function create(mirror: MirrorRecord, request: RunRequest): ProcessRun {
    const { trigger, isFull, acceptShrink = false, only, hint, exactly } = request
    const queue = queues.get(mirror.id) ?? []
    const before = queue.at(-1)
    const id = newId()
    const inserted = db.write(async (tx) => {
      await insertRun(tx, {
        id,
        mirror_id: mirror.id,
        trigger,
        full: isFull ? 1 : 0,
        outcome: 'running',
        generation: 0,
        started_at: now(),
        ended_at: null,
        counts: JSON.stringify(NO_COUNTS),
        failures: '[]',
        tags: tagsText(only),
        holder: o.holder,
        plan: null,
        progress: null,
      })
      // A few tags do not stand for the pass over all.
      if (only !== undefined) return
      // Should this process die, the mirror is due again by itself.
      const later = new Date(clock.now().getTime() + o.intervalMs)
      if (!(await isResting(tx, mirror.id))) await scheduleMirror(tx, mirror.id, isoTime(later))
    })
    const run: ProcessRun = {
      id,
      mirrorId: mirror.id,
      abort: new AbortController(),
      isFull,
      acceptShrink,
      only,
      hinted: hint === undefined ? undefined : { claims: [hint.claim], attached: hint.attached },
      exactly,
      inserted,
      ended: Promise.resolve()
        .then(async () => {
          await inserted
          await before?.ended
          await execute(mirror, run)
        })
        .catch((error) => logger.error({ err: error, run: id }, 'a run could not be brought to its end'))
        .finally(() => {
          queue.splice(queue.indexOf(run), 1)
          if (queue.length === 0) queues.delete(mirror.id)
          o.onEnded()
        }),
    }
    queue.push(run)
    queues.set(mirror.id, queue)
    return run
  }

  async function execute(begun: MirrorRecord, run: ProcessRun): Promise<void> {
    let mirror = begun
    const { meter, changed: tell } = o.board.open({ mirrorId: mirror.id, mirror: mirror.repository, runId: run.id })
    const writeDown = progressWriter(mirror.id, run.id)
    const changed = () => {
      tell()
      writeDown()
    }
    const counts = { ...NO_COUNTS }
    let lease: Lease | undefined
    let report: RunReport | undefined
    let thrown: { readonly error: unknown } | undefined
    try {
      lease = await takeLease(mirror.id, run.abort.signal)
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
          meter,
          changed,
        },
        counts,
      )
    } catch (error) {
      // What ended the run says more than the failure of whatever was under way at that moment.
      const ended = run.abort.signal.aborted ? run.abort.signal : lease?.signal.aborted ? lease.signal : undefined
      thrown = { error: ended === undefined ? error : cancelledBy(ended) }
    }
    try {
      meter.outcome = await finish(mirror, run, counts, report, thrown, lease?.signal.aborted ?? false)
    } finally {
      if (meter.outcome === 'running') meter.outcome = 'failed'
      meter.phase = 'ended'
      changed()
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

  async function takeLease(mirrorId: string, signal: AbortSignal): Promise<Lease> {
    const options = { db, clock, key: `${MIRROR_LEASE}${mirrorId}`, holder: o.holder, ttlMs: o.leaseTtlMs }
    for (;;) {
      if (signal.aborted) throw cancelledBy(signal)
      const lease = await acquireLease(options)
      if (lease !== undefined) return lease
      await o.sleep(LEASE_RETRY_MS, signal)
    }
  }

  async function finish(
    mirror: MirrorRecord,
    run: ProcessRun,
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
        isFenced,
        now: clock.now(),
        at: now(),
        defaultCadence: { everyMs: o.intervalMs },
        random: o.random,
      }),
    )
  }

  /** One line a failed run; where it came from is for those who look for it, unless nobody expected it. */
  function logFailure(mirror: MirrorRecord, run: ProcessRun, error: unknown): void {
    const about = { mirror: mirror.repository, run: run.id }
    if (!isAppError(error)) {
      logger.error({ ...about, err: error }, 'a run failed')
      return
    }
    logger.warn({ ...about, code: error.code, reason: error.message }, 'a run failed')
    logger.debug({ ...about, err: error }, 'where the run failed')
  }

  const all = () => [...queues.values()].flat()
  return {
    async begin(mirror, request) {
      // Before anything runs here, other servers know that this one lives.
      await o.presence.announce()
      if (isClosed) throw new AppError('UNAVAILABLE', 'the server is shutting down')
      const [, ...waiting] = queues.get(mirror.id) ?? []
      const mayJoin = (one: ProcessRun) =>
        one.exactly === undefined && kindOf(one.only, one.hinted) === kindOf(request.only, request.hint)
      const joined = request.exactly === undefined ? waiting.find(mayJoin) : undefined
      const run = joined ?? create(mirror, request)
      if (request.isFull) run.isFull = true
      if (request.acceptShrink) run.acceptShrink = true
      if (run.only !== undefined) run.only = new Set([...run.only, ...(request.only ?? [])])
      if (run.hinted !== undefined && request.hint !== undefined && joined !== undefined) {
        run.hinted = {
          claims: [...run.hinted.claims, request.hint.claim],
          attached: run.hinted.attached.union(request.hint.attached),
        }
      }
      await run.inserted
      if (joined?.only !== undefined) await db.write((tx) => setRunTags(tx, run.id, tagsText(run.only)))
      const row = await findRun(db.read, run.id)
      if (row === undefined) throw new Error(`run ${run.id} is gone`)
      return renderRun(row)
    },
    isRunning: (mirrorId) => queues.has(mirrorId),
    get size() {
      return queues.size
    },
    find: (runId) => all().find((run) => run.id === runId)?.ended,
    async end(mirrorId, reason) {
      const runs = all().filter((run) => run.mirrorId === mirrorId)
      for (const run of runs) run.abort.abort(reason)
      await Promise.all(runs.map((run) => run.ended))
    },
    async close(reason) {
      isClosed = true
      const runs = all()
      for (const run of runs) run.abort.abort(reason)
      await Promise.all(runs.map((run) => run.ended))
    },
  }
}

function kindOf(only: ReadonlySet<Tag> | undefined, hint: object | undefined): 'all' | 'some' | 'hinted' {
  if (only === undefined) return 'all'
  return hint === undefined ? 'some' : 'hinted'
}

/** As `sync_runs` keeps them. */
function tagsText(only: ReadonlySet<Tag> | undefined): string | null {
  return only === undefined ? null : JSON.stringify([...only].sort())
}
