import { changedSettings, DEFAULT_SCHEDULE } from '../api/mirror-settings.ts'
import { isResting, scheduleForgotten } from '../db/mirrors/life.ts'
import { listHintedMirrors, releaseClaimsOf } from '../db/mirrors/mirror-hints.ts'
import {
  claimDueMirror,
  findMirror,
  findMirrorOfRepository,
  findNextDue,
  listDueMirrors,
  listMirrors,
  type MirrorRecord,
  setMirrorState,
} from '../db/mirrors/mirrors.ts'
import { listRunItems } from '../db/mirrors/run-items.ts'
import { listRunningIn } from '../db/mirrors/running-runs.ts'
import { SERVER_LEASE, voidLeases } from '../db/platform/leases.ts'
import { AppError } from '../errors.ts'
import { createPortions } from '../jobs/portions.ts'
import { createPresence } from '../jobs/presence.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import { parseDuration } from '../lib/duration.ts'
import { createHeldBudget } from '../lib/held.ts'
import { systemSleep } from '../lib/retry.ts'
import { cutPage, readPage } from '../lib/weighed-page.ts'
import type { MirrorAndRun, MirrorEngine, MirrorEngineOptions, StartRequest } from './engine.ts'
import { createClockWatch } from './life/clock-watch.ts'
import { createDryRuns, type DryRunRequest } from './life/dry-run.ts'
import { createDue } from './life/due.ts'
import { explainMirror } from './life/explain.ts'
import { settleObjectives } from './life/freshness.ts'
import { getMirror } from './life/get-mirror.ts'
import { renderGlances } from './life/glance.ts'
import { createHints } from './life/hints.ts'
import { MIRROR_KIND, MIRROR_LEASE } from './life/mirror-kind.ts'
import { createMirrorPass } from './life/mirror-pass.ts'
import { endOrphans } from './life/orphans.ts'
import { createProgressBoard } from './life/progress.ts'
import { type Round, startRound } from './life/round.ts'
import { stopReason } from './life/run-end.ts'
import { createRunReads, momentsOf } from './life/run-reads.ts'
import { createRunner, type RunRequest } from './life/runner.ts'
import { type Scheduler, startScheduler } from './life/schedule.ts'
import { settingsOf } from './life/settings.ts'
import { settleRun } from './life/settle.ts'
import { findStartTarget, insertStart, requireReachable, restartOf, type StartTarget } from './life/start.ts'
import { createVerbs } from './life/verbs.ts'
import { renderMirrors } from './life/views.ts'
import { refuseOtherPlan } from './pass/plan-images.ts'
import type { RunReport } from './pass/run-report.ts'

/** The windows of requests bound what is read from a registry (record 53): a run alone may fill them. */
const TRANSFERS_PER_RUN = 64
/** Takeover, of runs and of hints, is within 30 s of a server's death: this, and a fourth of it until somebody looks. */
const LEASE_TTL_MS = 20_000
/** How often the clock alone may have made a mirror miss its objective. */
const OBJECTIVES_EVERY_MS = 15_000

/** The mirror engine of one process. Nothing runs by itself before `resume`. */
export function createMirrorEngine(options: MirrorEngineOptions): MirrorEngine {
  const { db } = options
  const clock = options.clock ?? systemClock
  const sleep = options.sleep ?? systemSleep
  const transfersPerRun = options.transfersPerRun ?? TRANSFERS_PER_RUN
  const intervalMs = options.intervalMs ?? parseDuration(DEFAULT_SCHEDULE.every)
  const held = options.held ?? createHeldBudget()
  const board = createProgressBoard({ clock, sleep })
  const leaseTtlMs = options.leaseTtlMs ?? LEASE_TTL_MS
  const presence = options.presence ?? createPresence({ db, clock, ttlMs: leaseTtlMs })
  const { holder } = presence
  const ownPortions =
    options.portions === undefined ? createPortions({ db, clock, presence, logger: options.logger }) : undefined
  let scheduler: Scheduler | undefined
  const rounds: Round[] = []
  const random = options.random ?? Math.random
  const runner = createRunner<MirrorRecord, RunReport>({
    kind: MIRROR_KIND,
    db,
    logger: options.logger,
    clock,
    sleep,
    intervalMs,
    runsAtOnce: options.runsAtOnce,
    pass: createMirrorPass({ ...options, clock, intervalMs, transfersPerRun, held }),
    settle: (tx, mirror, end) => settleRun(tx, mirror, { ...end, defaultCadence: { everyMs: intervalMs }, random }),
    board,
    holder,
    leaseTtlMs,
    presence,
    portions: options.portions ?? ownPortions,
    onRoom: () => scheduler?.wake(),
  })
  const clockWatch = createClockWatch({ db, clock, logger: options.logger, intervalMs, leaseTtlMs })
  const hints = createHints({ db, clock, runner, logger: options.logger })
  const now = () => isoTime(clock.now())

  /** What people or rules have paused is not run by asking; what upstream is paused for is tried. */
  async function refusePaused(mirror: MirrorRecord): Promise<void> {
    if (!(await isResting(db.read, mirror.id))) return
    const { reason, remedy } = await renderMirror(mirror)
    throw new AppError('CONFLICT', `the mirror ${mirror.repository} is paused: ${reason}; to go on: kagami ${remedy}`, {
      about: { reason: 'paused', what: 'mirror', name: mirror.repository },
    })
  }

  async function renderMirror(mirror: MirrorRecord) {
    const [view] = await renderMirrors(db.read, [mirror], clock.now(), runner.ahead)
    if (view === undefined) throw new Error('one mirror renders as one')
    return view
  }

  async function begin(id: string, o: RunRequest): Promise<MirrorAndRun> {
    const run = await runner.begin(await getMirror(db.read, id), o)
    return { mirror: await renderMirror(await getMirror(db.read, id)), run }
  }

  async function beginDue(at: string): Promise<string | undefined> {
    await clockWatch.look()
    const nextHint = await hints.deliver(at)
    const nextDue = await beginScheduled(at)
    return nextHint === undefined || (nextDue !== undefined && nextDue < nextHint) ? nextDue : nextHint
  }

  const beginScheduled = createDue({
    kind: MIRROR_KIND,
    ...{ db, clock, runner, intervalMs },
    listDue: listDueMirrors,
    claim: claimDueMirror,
    findNextDue,
    requestOf: (mirror) => ({ trigger: 'schedule', isFull: mirror.full_due === 1 }),
  })

  const dryRun = createDryRuns({
    db,
    openSource: options.openSource,
    clock,
    intervalMs,
    transfers: transfersPerRun,
    held,
  })

  function planOf(
    mirror: MirrorRecord,
    o: Omit<DryRunRequest, 'settings'> & { readonly settings?: DryRunRequest['settings'] | undefined },
  ) {
    // As a change of what it takes is followed by a look at everything.
    const full = o.full === true || mirror.full_due === 1 || o.settings !== undefined
    return dryRun(mirror, mirror, { ...o, full, settings: o.settings ?? settingsOf(mirror) })
  }

  async function planStart(target: StartTarget, request: StartRequest, signal?: AbortSignal) {
    const { repository, stopped } = target
    // An adopted repository without a mirror has tags and content, but no mirror that saw any.
    const id = repository === undefined ? undefined : { id: stopped?.id ?? '', repository_id: repository.id }
    const subject = {
      upstream_id: target.upstream.id,
      upstream: target.upstream.name,
      source_repository: target.source,
      organization_id: target.organization.id,
      repository: target.destination,
    }
    const settings = changedSettings(stopped === undefined ? {} : settingsOf(stopped), request.settings ?? {})
    return dryRun(subject, id, { signal, settings, full: stopped !== undefined })
  }

  /** What makes a plan lists the tags anyway; before a mirror is made, one page is asked for. */
  async function requireSource(target: StartTarget, signal: AbortSignal | undefined): Promise<void> {
    const source = await options.openSource(target.upstream, target.source, target.organization.id)
    await requireReachable(source, signal === undefined ? {} : { signal })
  }

  const verbs = createVerbs({
    db,
    runner,
    now,
    openSource: options.openSource,
    random,
    begin,
    show: async (id) => renderMirror(await getMirror(db.read, id)),
    wake: () => scheduler?.wake(),
  })
  const runReads = createRunReads({
    kind: MIRROR_KIND,
    ...{ db, clock, sleep, holder, board, runner },
    get: getMirror,
    listItems: listRunItems,
  })

  return {
    async start(request) {
      const { signal } = request
      const target = await findStartTarget(db.read, request)
      if (request.plan === undefined) await requireSource(target, signal)
      else refuseOtherPlan(request.plan, await planStart(target, request, signal))
      const mirror = await db.write((tx) =>
        insertStart(tx, target, {
          adopt: request.adopt ?? false,
          by: request.by,
          at: now(),
          settings: request.settings ?? {},
        }),
      )
      return begin(mirror.id, { trigger: 'start', isFull: false, exactly: request.plan })
    },
    async planStart(request, { signal } = {}) {
      return planStart(await findStartTarget(db.read, request), request, signal)
    },
    async sync(mirrorId, o = {}) {
      const mirror = await getMirror(db.read, mirrorId)
      if (mirror.state === 'stopped') {
        throw new AppError(
          'CONFLICT',
          `the mirror ${mirror.repository} is stopped: restart it with kagami ${restartOf(mirror)}`,
          { about: { reason: 'stopped', what: 'mirror', name: mirror.repository } },
        )
      }
      await refusePaused(mirror)
      const { plan, full: isFull = false, acceptShrink = false, only, signal } = o
      // Whoever asked is told at once; the run looks again, for what moves between the two.
      if (plan !== undefined) refuseOtherPlan(plan, await planOf(mirror, { full: isFull, acceptShrink, only, signal }))
      return begin(mirrorId, { trigger: o.trigger ?? 'sync', isFull, acceptShrink, only, exactly: plan })
    },
    async hint(upstreamId, given) {
      const outcomes = await hints.take(upstreamId, given)
      scheduler?.wake()
      return outcomes
    },
    async planSync(mirrorId, o = {}) {
      const mirror = await getMirror(db.read, mirrorId)
      const settings = o.settings && changedSettings(settingsOf(mirror), o.settings)
      return planOf(mirror, { ...o, settings })
    },
    ...verbs,
    halt,
    wake: () => scheduler?.wake(),
    show: async (mirrorId) => renderMirror(await getMirror(db.read, mirrorId)),
    async explain(mirrorId, o) {
      const record = await getMirror(db.read, mirrorId)
      return explainMirror({ ...options, clock }, record, { ...o, mirror: await renderMirror(record) })
    },
    async findByRepository(name) {
      const mirror = await findMirrorOfRepository(db.read, name)
      return mirror === undefined ? undefined : renderMirror(mirror)
    },
    async list({ organizations, viewer, limit, after }) {
      // With the failures of its last run a mirror may weigh some hundred kilobytes.
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) =>
          renderMirrors(
            db.read,
            await listMirrors(db.read, { organizations, viewer, after: from, limit: count }),
            clock.now(),
            runner.ahead,
          ),
        keyOf: (mirror) => mirror.repository,
      })
      return { mirrors: items, next }
    },
    async glance({ organization, viewer, limit, after }) {
      const records = await listMirrors(db.read, { organizations: [organization], viewer, after, limit: limit + 1 })
      const { items, next } = cutPage(
        await renderGlances(db.read, records, clock.now()),
        limit,
        (one) => one.repository,
      )
      return { mirrors: items, next }
    },
    ...runReads,
    async activity({ organizationId, viewer, limit }) {
      const { runs, total } = await listRunningIn(db.read, organizationId, viewer, limit)
      return { runs: momentsOf(runs, { holder, board, ownerOf: MIRROR_KIND.ownerOf }), total }
    },
    async resume({ isAlone }) {
      if (isAlone) {
        await db.write(async (tx) => {
          for (const prefix of [MIRROR_LEASE, SERVER_LEASE]) await voidLeases(tx, prefix)
        })
        await hints.recover(now())
      }
      await clockWatch.look()
      await presence.announce()
      await takeOver()
      await db.write((tx) => scheduleForgotten(tx, now()))
      if (scheduler !== undefined) return
      scheduler = startScheduler({ clock, sleep, logger: options.logger, beginDue })
      const { logger } = options
      rounds.push(startRound({ everyMs: leaseTtlMs / 4, logger, what: 'runs of dead servers', work: takeOver }))
      rounds.push(startRound({ everyMs: leaseTtlMs / 4, logger, what: 'mirrors of others', work: haltOthers }))
      const objectives = () => settleObjectives(db, clock.now())
      rounds.push(startRound({ everyMs: OBJECTIVES_EVERY_MS, logger, what: 'objectives', work: objectives }))
    },
    async close() {
      for (const round of rounds.splice(0)) await round.close()
      await scheduler?.close()
      await runner.close(new AppError('CANCELLED', 'the server was shut down during this run'))
      await ownPortions?.close()
      if (options.presence === undefined) await presence.close()
    },
  }

  async function halt(mirrorId: string): Promise<void> {
    const mirror = await findMirror(db.read, mirrorId)
    const isOver = mirror === undefined || mirror.state === 'stopped' || (await isResting(db.read, mirrorId))
    if (isOver) await runner.end(mirrorId, stopReason('the mirror was paused'))
  }

  /** Stopped, paused or deleted by another server: nothing more would be published, so nothing more is fetched. */
  async function haltOthers(): Promise<void> {
    const { logger } = options
    // Whoever has to wait for the end of a run is not this round.
    for (const id of runner.subjectIds)
      halt(id).catch((error) => logger.error({ err: error }, 'a run could not be ended'))
  }

  async function takeOver(): Promise<void> {
    await clockWatch.look()
    // A process that slept, or was forgotten, says again that it lives.
    await presence.announce()
    const ended = await endOrphans({
      kind: MIRROR_KIND,
      ...{ db, clock },
      isMine: (id) => runner.find(id) !== undefined,
      setState: setMirrorState,
      release: releaseClaimsOf,
    })
    if (ended > 0) options.logger.warn({ ended }, 'runs of a server that is gone are taken over')
    // Another server may have been told of what is due and be gone, and the nap of this one's schedule may be long.
    if (ended > 0 || (await hasWork())) scheduler?.wake()
  }

  async function hasWork(): Promise<boolean> {
    const at = now()
    return (await listHintedMirrors(db.read, at, 1)).length > 0 || (await listDueMirrors(db.read, at, 1)).length > 0
  }
}
