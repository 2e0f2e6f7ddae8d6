import { DEFAULT_REPLICATION } from '../api/replications.ts'
import { SERVER_LEASE, voidLeases } from '../db/platform/leases.ts'
import { isReplicationResting, listReplicationPauses } from '../db/replication/life.ts'
import {
  claimDueReplication,
  findNextDueReplication,
  findReplication,
  listDueReplications,
  listForgottenReplications,
  listReplications,
  type ReplicationRecord,
  replicationCursor,
  scheduleReplication,
  setReplicationState,
} from '../db/replication/replications.ts'
import { listReplicationItems } from '../db/replication/runs.ts'
import { findTargetById } from '../db/replication/targets.ts'
import { AppError } from '../errors.ts'
import { createPortions } from '../jobs/portions.ts'
import { createPresence } from '../jobs/presence.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import { parseDuration } from '../lib/duration.ts'
import { createKeyedTurns } from '../lib/held-turns.ts'
import { systemSleep } from '../lib/retry.ts'
import { readPage } from '../lib/weighed-page.ts'
import { createDue } from '../mirror/life/due.ts'
import type { PassRun } from '../mirror/life/execution.ts'
import { endOrphans } from '../mirror/life/orphans.ts'
import { priorityOf } from '../mirror/life/places.ts'
import { createProgressBoard } from '../mirror/life/progress.ts'
import { type Round, startRound } from '../mirror/life/round.ts'
import { stopReason } from '../mirror/life/run-end.ts'
import { createRunReads } from '../mirror/life/run-reads.ts'
import { createRunner, type RunRequest } from '../mirror/life/runner.ts'
import { type Scheduler, startScheduler } from '../mirror/life/schedule.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import type { ReplicationAndRun, ReplicationStart, Replications, ReplicationsOptions } from './engine.ts'
import { explainReplication } from './life/explain.ts'
import { followChanges } from './life/follow-changes.ts'
import { getReplication, refuseStopped } from './life/get-replication.ts'
import { createPlans, type ToTarget, unmade } from './life/plans.ts'
import { REPLICATION_KIND, REPLICATION_LEASE } from './life/replication-kind.ts'
import { changedReplication, driftDueMs, fullSettings, privacyDueMs, replicationSettings } from './life/settings.ts'
import { settleReplication } from './life/settle.ts'
import { findStart, insertStart, type StartOf } from './life/start.ts'
import { createVerbs } from './life/verbs.ts'
import { renderReplications } from './life/views.ts'
import { createLedgers, type RepositoryLedger } from './pass/ledgers.ts'
import { type PassOptions, refuseOpen, runPass } from './pass/pass.ts'
import type { ReplicationReport } from './pass/report.ts'

const TRANSFERS_PER_RUN = 64
const LEASE_TTL_MS = 20_000
/** How late a change here may be seen: servers on one database do not call each other. */
const CHANGES_EVERY_MS = 500

/** The replications of one process. Nothing runs by itself before `resume`. */
export function createReplications(options: ReplicationsOptions): Replications {
  const { db, logger } = options
  const clock = options.clock ?? systemClock
  const sleep = options.sleep ?? systemSleep
  const random = options.random ?? Math.random
  const transfers = options.transfersPerRun ?? TRANSFERS_PER_RUN
  const intervalMs = options.intervalMs ?? parseDuration(DEFAULT_REPLICATION.schedule.every)
  const leaseTtlMs = options.leaseTtlMs ?? LEASE_TTL_MS
  const presence = options.presence ?? createPresence({ db, clock, ttlMs: leaseTtlMs })
  const ownPortions = options.portions === undefined ? createPortions({ db, clock, presence, logger }) : undefined
  const board = createProgressBoard({ clock, sleep })
  const ledgers = createLedgers({ db, clock, logger })
  const turns = createKeyedTurns()
  const rounds: Round[] = []
  let scheduler: Scheduler | undefined
  const now = () => isoTime(clock.now())
  const { holder } = presence
  const runner = createRunner<ReplicationRecord, ReplicationReport>({
    kind: REPLICATION_KIND,
    ...{ db, logger, clock, sleep, intervalMs, board, holder, leaseTtlMs, presence },
    runsAtOnce: options.runsAtOnce,
    portions: options.portions ?? ownPortions,
    pass,
    settle: (tx, replication, end) => settleReplication(tx, replication, { ...end, random }),
    onRoom: () => scheduler?.wake(),
  })
  const beginScheduled = createDue({
    kind: REPLICATION_KIND,
    ...{ db, clock, runner, intervalMs },
    listDue: listDueReplications,
    claim: claimDueReplication,
    findNextDue: findNextDueReplication,
    requestOf: (replication) => ({ trigger: triggerOf(replication), isFull: replication.full_due === 1 }),
  })

  function triggerOf(replication: ReplicationRecord): 'change' | 'drift' | 'schedule' {
    if (replication.changed_since !== null && fullSettings(replication).onChange) return 'change'
    return isDriftDue(replication) ? 'drift' : 'schedule'
  }

  function isDriftDue(replication: ReplicationRecord): boolean {
    const dueMs = driftDueMs(replication)
    return dueMs !== undefined && dueMs <= clock.now().getTime()
  }

  /** Opens the target of a replication, or of one to be, for as long as `work` takes. */
  async function withTarget<T>(
    of: ToTarget,
    priority: (() => ReturnType<typeof priorityOf>) | undefined,
    work: (opened: Pick<PassOptions, 'target' | 'ledger'>) => Promise<T>,
  ): Promise<T> {
    const { target, repository, organizationId: organization } = of
    const committedOnly = options.mountsCommittedOnly(target)
    const ledger: RepositoryLedger = ledgers.open(target.id, repository, { committedOnly })
    try {
      const asked = priority?.()
      const opened = await options.openTarget(target, repository, {
        ...{ organization, memory: ledger.memory },
        ...(asked === undefined ? {} : { priority: () => asked }),
      })
      return await work({ target: opened, ledger })
    } finally {
      await ledger.close()
    }
  }

  async function targetOf(replication: ReplicationRecord) {
    const target = await findTargetById(db.read, replication.target_id)
    if (target === undefined) throw new AppError('NOT_FOUND', 'the target of this replication is gone')
    const repository = parseRepositoryName(replication.target_repository)
    return { target, repository, organizationId: replication.organization_id }
  }

  async function pass(replication: ReplicationRecord, o: PassRun): Promise<ReplicationReport> {
    const { run, lease, meter, counts, signal, changed } = o
    const isPaused = ((await listReplicationPauses(db.read, [replication.id])).get(replication.id) ?? []).length > 0
    const isDue = run.isFull || (run.trigger !== 'change' && isDriftDue(replication))
    const isAsked = run.trigger === 'start' || run.trigger === 'sync'
    // Where nothing changes, nobody else finds out that everybody may read what was sent.
    const isPrivacyDue = privacyDueMs(replication) <= clock.now().getTime()
    const isProbing = isPaused || isPrivacyDue || run.trigger === 'schedule' || run.trigger === 'drift'
    return withTarget(
      await targetOf(replication),
      () => priorityOf(run.trigger),
      (opened) =>
        runPass({
          ...{ ...opened, db, clock, replication, turns, transfers, isProbing, meter, counts, signal, changed },
          settings: fullSettings(replication),
          reader: options.openLocal(replication.repository_id),
          isFull: run.isFull,
          isAsking: isAsked || isDue || isPaused,
          isDriftDue: isDue && run.only === undefined,
          only: run.only,
          runId: run.id,
          fence: lease,
          begin(what) {
            const end = meter.current.begin(what)
            changed()
            return end
          },
        }),
    )
  }

  const plan = createPlans({ ...options, clock, transfers, turns, withTarget })

  async function render(replication: ReplicationRecord) {
    const [view] = await renderReplications(db.read, [replication], clock.now(), runner.ahead)
    if (view === undefined) throw new Error('one replication renders as one')
    return view
  }

  const show = async (id: string) => render(await getReplication(db.read, id))

  async function begin(id: string, request: RunRequest): Promise<ReplicationAndRun> {
    const run = await runner.begin(await getReplication(db.read, id), request)
    return { replication: await show(id), run }
  }

  function startedOn({ target, organization }: StartOf, request: ReplicationStart) {
    return { target, repository: request.targetRepository, organizationId: organization.id }
  }

  async function halt(id: string): Promise<void> {
    const present = await findReplication(db.read, id)
    const isOver = present === undefined || present.state === 'stopped' || (await isReplicationResting(db.read, id))
    if (isOver) await runner.end(id, stopReason('the replication was paused'))
  }

  async function takeOver(): Promise<void> {
    await presence.announce()
    const ended = await endOrphans({
      kind: REPLICATION_KIND,
      ...{ db, clock },
      isMine: (runId) => runner.find(runId) !== undefined,
      setState: setReplicationState,
    })
    if (ended > 0) logger.warn({ ended }, 'replication runs of a server that is gone are taken over')
    if (ended > 0 || (await listDueReplications(db.read, now(), 1)).length > 0) scheduler?.wake()
  }

  async function haltOthers(): Promise<void> {
    // Whoever has to wait for the end of a run is not this round.
    for (const id of runner.subjectIds)
      halt(id).catch((error) => logger.error({ err: error }, 'a replication run could not be ended'))
  }

  return {
    async start(request) {
      const of = await findStart(db.read, request)
      const name = { target: of.target.name, target_repository: request.targetRepository }
      await withTarget(startedOn(of, request), undefined, async ({ target }) => {
        const abortable = request.signal === undefined ? {} : { signal: request.signal }
        await target.prepare(abortable)
        await refuseOpen(target, name, request.signal)
      })
      const made = await db.write((tx) => insertStart(tx, of, request, now()))
      return begin(made.id, { trigger: 'start', isFull: false })
    },
    async planStart(request, { signal } = {}) {
      const of = await findStart(db.read, request)
      const before = of.stopped === undefined ? {} : replicationSettings(of.stopped)
      const settings = JSON.stringify(changedReplication(before, request.settings ?? {}))
      const planned = of.stopped === undefined ? unmade(of, request, now()) : of.stopped
      return plan({ ...planned, settings }, startedOn(of, request), { signal })
    },
    async sync(id, { full = false, only } = {}) {
      const replication = await getReplication(db.read, id)
      refuseStopped(replication)
      if (await isReplicationResting(db.read, id)) {
        const { reason, remedy, target } = await render(replication)
        const name = `${target.target}/${target.repository}`
        throw new AppError('CONFLICT', `the replication ${name} is paused: ${reason}; to go on: kagami ${remedy}`, {
          about: { reason: 'paused', what: 'replication', name },
        })
      }
      const isFull = full || (replication.full_due === 1 && only === undefined)
      return begin(id, { trigger: 'sync', isFull, only })
    },
    async planSync(id, o = {}) {
      const replication = await getReplication(db.read, id)
      return plan(replication, await targetOf(replication), o)
    },
    ...createVerbs({ db, runner, now, random, show, wake: () => scheduler?.wake() }),
    show,
    async explain(id, o) {
      const record = await getReplication(db.read, id)
      return explainReplication(db.read, record, await render(record), o)
    },
    async list({ limit, after, ...o }) {
      const { items, next } = await readPage({
        ...{ limit, after },
        read: async (from, count) =>
          renderReplications(
            db.read,
            await listReplications(db.read, { ...o, after: from, limit: count }),
            clock.now(),
            runner.ahead,
          ),
        keyOf: ({ id, repository }) => replicationCursor({ id, repository: parseRepositoryName(repository) }),
      })
      return { replications: items, next }
    },
    ...createRunReads({
      kind: REPLICATION_KIND,
      ...{ db, clock, sleep, holder, board, runner },
      get: getReplication,
      listItems: listReplicationItems,
    }),
    halt,
    wake: () => scheduler?.wake(),
    async resume({ isAlone }) {
      if (isAlone) {
        await db.write(async (tx) => {
          for (const prefix of [REPLICATION_LEASE, ...(options.presence === undefined ? [SERVER_LEASE] : [])])
            await voidLeases(tx, prefix)
        })
      }
      await takeOver()
      await db.write(async (tx) => {
        for (const id of await listForgottenReplications(tx)) {
          if (!(await isReplicationResting(tx, id))) await scheduleReplication(tx, id, now())
        }
      })
      if (scheduler !== undefined) return
      scheduler = startScheduler({ clock, sleep, logger, beginDue: beginScheduled })
      const follow = async () => {
        if (await followChanges({ db, clock })) scheduler?.wake()
      }
      const often = { everyMs: leaseTtlMs / 4, logger }
      rounds.push(startRound({ everyMs: CHANGES_EVERY_MS, logger, what: 'changes for replications', work: follow }))
      rounds.push(startRound({ ...often, what: 'replication runs of dead servers', work: takeOver }))
      rounds.push(startRound({ ...often, what: 'replications of others', work: haltOthers }))
    },
    async close() {
      for (const round of rounds.splice(0)) await round.close()
      await scheduler?.close()
      await runner.close(new AppError('CANCELLED', 'the server was shut down during this run'))
      await ownPortions?.close()
      if (options.presence === undefined) await presence.close()
    },
  }
}
