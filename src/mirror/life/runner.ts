/**
 * The runs of this process: one per mirror (or replication) at a time; behind it wait one of all tags, one of a few that people name, and one of those that
 * upstream names. `execution.ts` is one of them.
 */
import type { PlanReference } from '../../api/plans.ts'
import type { Run } from '../../api/runs.ts'
import { detached } from '../../db/engine/watch.ts'
import type { RunRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import type { Presence } from '../../jobs/presence.ts'
import { isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Portions } from '../../net/portions.ts'
import type { Tag } from '../../oci/reference.ts'
import { createExecution, type ExecutionOptions } from './execution.ts'
import { createPlaces, RUNS_AT_ONCE, urgencyOf } from './places.ts'
import { NO_COUNTS } from './run-end.ts'
import type { RunSubject } from './run-kind.ts'
import { renderRun } from './views.ts'

export interface RunnerOptions<Subject extends RunSubject, Report>
  extends Omit<ExecutionOptions<Subject, Report>, 'places'> {
  /** Runs under way at once, of all processes on the database. */
  readonly runsAtOnce?: number | undefined
  /** Of a run that began a while ago the next one is due after this, should this process die. */
  readonly intervalMs: number
  readonly presence: Presence
  /** Where several processes share the places. */
  readonly portions: Portions | undefined
  /** A run has begun or ended: there may be room for another one that is due. */
  onRoom(): void
}

interface ProcessRun {
  readonly id: string
  readonly ownerId: string
  readonly organizationId: string
  readonly registryId: string
  readonly abort: AbortController
  /** The most urgent of those that have joined it. */
  trigger: RunRow['trigger']
  isFull: boolean
  acceptShrink: boolean
  /** Only these tags; undefined: all. */
  only: ReadonlySet<Tag> | undefined
  /** Of hints; undefined: people or the schedule ask. */
  hinted: { readonly claims: readonly string[]; readonly attached: ReadonlySet<Tag> } | undefined
  readonly exactly: PlanReference | undefined
  readonly plannedBytes: number
  /** It has its place: nobody joins it any more. */
  hasBegun: boolean
  /** Its row is there. */
  readonly inserted: Promise<void>
  /** Resolves when no other run of the mirror is before it. */
  readonly turn: PromiseWithResolvers<void>
  readonly ended: Promise<void>
}

export interface RunRequest {
  readonly trigger: RunRow['trigger']
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

export interface Runner<Subject extends RunSubject> {
  /**
   * Begins a run, or lets it wait behind the present one; whoever comes while one of the kind (all tags, some by name, some by hints)
   * waits already joins it.
   */
  begin(subject: Subject, o: RunRequest): Promise<Run>
  /** Those with runs under way here, or waiting. */
  readonly subjectIds: readonly string[]
  /** Whether a run of the mirror is under way here, or waits. */
  isRunning(subjectId: string): boolean
  /** Runs under way and waiting. */
  readonly size: number
  /** How many runs that the schedule has begun for this organization and registry wait for a place. */
  countWaiting(of: Subject): number
  /** How many runs come before this one; undefined: it does not wait here. */
  ahead(runId: string): number | undefined
  /** Resolves when the run has ended here; undefined when it is not a run of this process. */
  find(runId: string): Promise<void> | undefined
  /** Aborts its runs with `reason` and waits for their end. */
  end(subjectId: string, reason: AppError): Promise<void>
  /** The same for all, and no more begin. */
  close(reason: AppError): Promise<void>
}

/** What the plans of an organization's runs say of their images, of all that wait here: beyond this a refusal names no differences. */
const MAX_PLANNED_BYTES = 16 * 1024 * 1024

export function createRunner<Subject extends RunSubject, Report>(o: RunnerOptions<Subject, Report>): Runner<Subject> {
  const { kind, db, clock, logger } = o
  const places = createPlaces(o.runsAtOnce ?? RUNS_AT_ONCE, o.portions)
  /** By what it is of: the present run and those that wait, in order of asking. */
  const queues = new Map<string, ProcessRun[]>()
  /** By what it is of: the run whose turn it is. */
  const present = new Map<string, ProcessRun>()
  let isClosed = false
  const execute = createExecution({ ...o, places })
  const now = () => isoTime(clock.now())

  /** As far as there is room to keep it until the run has begun: each such run waits by itself. */
  function keptPlan(plan: PlanReference, organizationId: string): { plan: PlanReference; bytes: number } {
    const bytes = plan.images === undefined ? 0 : JSON.stringify(plan.images).length
    const others = all().reduce((sum, run) => sum + (run.organizationId === organizationId ? run.plannedBytes : 0), 0)
    return others + bytes <= MAX_PLANNED_BYTES ? { plan, bytes } : { plan: { id: plan.id }, bytes: 0 }
  }

  /** Tags that people name are ahead of whatever else waits for the mirror; the rest goes in order of asking. */
  function giveTurn(subjectId: string): void {
    const queue = queues.get(subjectId)
    if (queue === undefined || present.has(subjectId)) return
    const next = queue.find((run) => kindOf(run.only, run.hinted) === 'some') ?? queue[0]
    if (next === undefined) return
    present.set(subjectId, next)
    next.turn.resolve()
  }

  function create(subject: Subject, request: RunRequest): ProcessRun {
    const { trigger, isFull, acceptShrink = false, only, hint } = request
    const kept = request.exactly === undefined ? undefined : keptPlan(request.exactly, subject.organization_id)
    const queue = queues.get(subject.id) ?? []
    const id = newId()
    const turn = Promise.withResolvers<void>()
    const inserted = db.write(async (tx) => {
      const row: RunRow = {
        id,
        trigger,
        full: isFull ? 1 : 0,
        outcome: 'running',
        generation: 0,
        started_at: now(),
        began_at: null,
        ended_at: null,
        counts: JSON.stringify(NO_COUNTS),
        failures: '[]',
        tags: tagsText(only),
        holder: o.holder,
        plan: null,
        progress: null,
      }
      await kind.runs.insertRun(tx, row, subject.id)
      // A few tags do not stand for the pass over all.
      if (only !== undefined) return
      // Should this process die, the mirror is due again by itself.
      const later = new Date(clock.now().getTime() + o.intervalMs)
      if (!(await kind.isResting(tx, subject.id))) await kind.schedule(tx, subject.id, isoTime(later))
    })
    const run: ProcessRun = {
      id,
      ownerId: subject.id,
      organizationId: subject.organization_id,
      registryId: kind.registryIdOf(subject),
      abort: new AbortController(),
      trigger,
      isFull,
      acceptShrink,
      hasBegun: false,
      only,
      hinted: hint === undefined ? undefined : { claims: [hint.claim], attached: hint.attached },
      exactly: kept?.plan,
      plannedBytes: kept?.bytes ?? 0,
      inserted,
      turn,
      ended: Promise.resolve()
        .then(async () => {
          await inserted
          await turn.promise
          // Whoever began it is not who does what it does.
          await detached(() =>
            execute(subject, run, () => {
              run.hasBegun = true
              o.onRoom()
            }),
          )
        })
        .catch((error) => logger.error({ err: error, run: id }, 'a run could not be brought to its end'))
        .finally(() => {
          queue.splice(queue.indexOf(run), 1)
          if (queue.length === 0) queues.delete(subject.id)
          if (present.get(subject.id) === run) present.delete(subject.id)
          giveTurn(subject.id)
          o.onRoom()
        }),
    }
    queue.push(run)
    queues.set(subject.id, queue)
    giveTurn(subject.id)
    return run
  }

  const all = () => [...queues.values()].flat()
  return {
    async begin(subject, request) {
      // Before anything runs here, other servers know that this one lives.
      await o.presence.announce()
      if (isClosed) throw new AppError('UNAVAILABLE', 'the server is shutting down')
      const waiting = (queues.get(subject.id) ?? []).filter((one) => !one.hasBegun && !one.abort.signal.aborted)
      const mayJoin = (one: ProcessRun) =>
        one.exactly === undefined && kindOf(one.only, one.hinted) === kindOf(request.only, request.hint)
      const joined = request.exactly === undefined ? waiting.find(mayJoin) : undefined
      const run = joined ?? create(subject, request)
      if (request.isFull) run.isFull = true
      if (request.acceptShrink) run.acceptShrink = true
      if (urgencyOf(request.trigger) < urgencyOf(run.trigger)) run.trigger = request.trigger
      if (run.only !== undefined) run.only = new Set([...run.only, ...(request.only ?? [])])
      if (run.hinted !== undefined && request.hint !== undefined && joined !== undefined) {
        run.hinted = {
          claims: [...run.hinted.claims, request.hint.claim],
          attached: run.hinted.attached.union(request.hint.attached),
        }
      }
      await run.inserted
      if (joined?.only !== undefined) await db.write((tx) => kind.runs.setRunTags(tx, run.id, tagsText(run.only)))
      const row = await kind.runs.findRun(db.read, run.id)
      if (row === undefined) throw new Error(`run ${run.id} is gone`)
      return renderRun(row)
    },
    get subjectIds() {
      return [...queues.keys()]
    },
    isRunning: (subjectId) => queues.has(subjectId),
    get size() {
      return all().length
    },
    countWaiting: (subject) =>
      all().filter(
        (run) =>
          !run.hasBegun &&
          isOfClock(run.trigger) &&
          run.organizationId === subject.organization_id &&
          run.registryId === kind.registryIdOf(subject),
      ).length,
    ahead: (runId) => places.ahead(runId),
    find: (runId) => all().find((run) => run.id === runId)?.ended,
    async end(subjectId, reason) {
      const runs = all().filter((run) => run.ownerId === subjectId)
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

/** Nobody asked for it at that moment; what upstream names is another matter. */
function isOfClock(trigger: RunRow['trigger']): boolean {
  return trigger === 'schedule' || trigger === 'change' || trigger === 'drift'
}

function kindOf(only: ReadonlySet<Tag> | undefined, hint: object | undefined): 'all' | 'some' | 'hinted' {
  if (only === undefined) return 'all'
  return hint === undefined ? 'some' : 'hinted'
}

/** As `sync_runs` keeps them. */
function tagsText(only: ReadonlySet<Tag> | undefined): string | null {
  return only === undefined ? null : JSON.stringify([...only].sort())
}
