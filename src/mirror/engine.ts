/** What the mirror engine offers to the edges, and what it needs from the composition root; `create-engine.ts` makes it. */
import type { TagExplanation } from '../api/explain.ts'
import type { MirrorGlance } from '../api/glance.ts'
import type { MirrorChange } from '../api/mirror-settings.ts'
import type { Mirror } from '../api/mirrors.ts'
import type { Plan, PlanReference } from '../api/plans.ts'
import type { Progress } from '../api/progress.ts'
import type { Run, RunItem } from '../api/runs.ts'
import type { Database } from '../db/engine/engine.ts'
import type { MirrorBinding } from '../db/mirrors/mirror-binding.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import type { RunTrigger, UpstreamRow } from '../db/schema.ts'
import type { Presence } from '../jobs/presence.ts'
import type { Clock } from '../lib/clock.ts'
import type { HeldBudget } from '../lib/held.ts'
import type { Logger } from '../lib/logger.ts'
import type { Sleep } from '../lib/retry.ts'
import type { Portions } from '../net/portions.ts'
import type { Priority } from '../net/priority.ts'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { RepositoryReader, RepositoryWriter } from '../oci/repository.ts'

/** One repository of one upstream, opened for one pass. */
export interface Source {
  readonly reader: RepositoryReader
  /** What went over the network through this reader so far; `readBytes` are bytes of bodies. */
  usage(): { readonly requests: number; readonly readBytes: number }
  /** What its registry said is left to this login; absent: it says nothing ever. */
  allowances?(): Promise<readonly Allowance[]>
  /** Until when its registry, or the end of an allowance, lets nothing be asked; absent: it never does. */
  pauses?(): Promise<readonly BudgetPause[]>
}

/** Requests to a registry wait. */
export interface BudgetPause {
  /** ISO 8601. */
  readonly until: string
  readonly reason: string
}

/** What a registry says is left. */
export interface Allowance {
  /** In its words, such as `pulls`. */
  readonly kind: string
  readonly counts: 'all' | 'manifests'
  readonly remaining: number
  /** When it is renewed, ISO 8601. */
  readonly until: string | null
}

export interface MirrorEngineOptions {
  readonly db: Database
  readonly logger: Logger
  /**
   * Opens a repository of an upstream for one pass.
   * @param organization id of the one that mirrors: what is sent counts in its share
   * @param priority of what is asked at the moment; absent: somebody waits for it
   * @throws AppError when the upstream's settings do not allow it
   */
  openSource(
    upstream: UpstreamRow,
    repository: RepositoryName,
    organization: string,
    priority?: () => Priority,
  ): Source | Promise<Source>
  /** The writer of our own storage, bound to one run of one mirror (`registry/local-writer.ts`). */
  openWriter(binding: MirrorBinding): RepositoryWriter
  /** Between two passes of a mirror, before jitter. */
  readonly intervalMs?: number
  /** Runs under way at once, of all processes on the database; the others wait for a place (`life/places.ts`). */
  readonly runsAtOnce?: number
  /** Blobs and manifests in flight per run. */
  readonly transfersPerRun?: number
  /** Bytes of manifests that all passes may keep; 16 MiB when left out. */
  readonly held?: HeldBudget
  /** That this process lives, where others of its parts say so too; closed by who made it. */
  readonly presence?: Presence
  /** What it shares with the other processes; closed by who made it. */
  readonly portions?: Portions
  /** After this without a sign of life, another server on the same database takes over what this one was doing. */
  readonly leaseTtlMs?: number
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** In [0, 1). */
  readonly random?: () => number
}

export interface MirrorAndRun {
  readonly mirror: Mirror
  readonly run: Run
}

export interface StartRequest {
  /** Name of the organization that gets the mirror. */
  readonly organization: string
  /** Name of an upstream that the organization sees: its own first, then the shared ones. */
  readonly upstream: string
  readonly repository: string
  /** The destination's name without the organization; the upstream's prefix and the name when absent. */
  readonly as?: string | undefined
  /** Take an unmirrored repository, or restart a stopped mirror. */
  readonly adopt?: boolean | undefined
  readonly settings?: MirrorChange | undefined
  /** Exactly this plan is executed, or nothing is done. */
  readonly plan?: PlanReference | undefined
}

/** What upstream says was pushed to one of its repositories. */
export interface Hint {
  /** What mirrors may call it. */
  readonly repositories: readonly RepositoryName[]
  readonly tags: readonly Tag[]
  /** Something that hangs on these was pushed. */
  readonly subjects: readonly Digest[]
  /** Something was pushed that neither a tag nor a subject names. */
  readonly isWhole: boolean
}

/** Destinations that a hint concerns, whosever they are. */
export interface HintOutcome {
  readonly mirrors: readonly string[]
  readonly notStarted: readonly { readonly mirror: string; readonly reason: string }[]
}

export interface MirrorEngine {
  /**
   * Makes the mirror (and its private repository) and begins the first run in the background. The caller has checked the right.
   * @param by who stands in events: `user:<name>`
   * @throws AppError NOT_FOUND (organization, upstream), UPSTREAM_NOT_FOUND and other UPSTREAM_* (nothing is left behind),
   *   NAME_INVALID, CONFLICT (the plan does not hold any more; destination exists, with a suggestion in the message and in `detail.suggestion`),
   *   TOOMANYREQUESTS when the organization has too many plans made already
   */
  start(
    request: StartRequest & {
      readonly by: string
      /** Ends the wait for the plan that is compared. */
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<MirrorAndRun>
  /** What `start` would do. Same errors. */
  planStart(request: StartRequest, o?: { readonly signal?: AbortSignal | undefined }): Promise<Plan>
  /**
   * Begins a run, or queues one behind the run under way: what upstream has at the call is here when the returned run has ended.
   * @param mirrorId id of the mirror
   * @param o.only these tags and what hangs on them, nothing else; one that does not come is a failure of the run, also when
   *   people keep the mirror from it: naming a tag releases nothing. One that waits for its attestations goes on waiting
   * @param o.acceptShrink what upstream lists now is right, however much less it is than before; for this run only
   * @throws AppError NOT_FOUND, CONFLICT when the mirror is stopped, or the plan does not hold any more
   */
  sync(
    mirrorId: string,
    o?: {
      readonly full?: boolean | undefined
      readonly acceptShrink?: boolean | undefined
      readonly only?: ReadonlySet<Tag> | undefined
      readonly trigger?: RunTrigger | undefined
      /** Exactly this plan is executed, or nothing is done. */
      readonly plan?: PlanReference | undefined
      /** Ends the wait for the plan that is compared. */
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<MirrorAndRun>
  /**
   * Takes what an upstream says was pushed, for all its mirrors: once this resolves it is kept until runs have looked at it. The outcomes
   * are in the order of the hints.
   */
  hint(upstreamId: string, hints: readonly Hint[]): Promise<readonly HintOutcome[]>
  planSync(
    mirrorId: string,
    o?: {
      readonly full?: boolean | undefined
      readonly acceptShrink?: boolean | undefined
      readonly only?: ReadonlySet<Tag> | undefined
      /** As if they were changed so. */
      readonly settings?: MirrorChange | undefined
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<Plan>
  /** Ends the run under way and keeps repository and images. Fine when stopped already. @throws AppError NOT_FOUND */
  stop(mirrorId: string, by: string): Promise<Mirror>
  /** Nothing runs until `resume`. Fine when paused already. @throws AppError NOT_FOUND, CONFLICT when it is stopped */
  pause(mirrorId: string, by: string): Promise<Mirror>
  /** Ends the pause by hand, with a full check; other causes stay, and say so. @throws AppError NOT_FOUND, CONFLICT when it is stopped */
  unpause(mirrorId: string, by: string): Promise<Mirror>
  /**
   * Puts a stopped mirror to work again, or another one on another source; what people deleted stays away.
   * @throws AppError as `start`
   */
  restart(
    mirrorId: string,
    o: { readonly by: string; readonly from?: { readonly upstream: string; readonly repository: string } | undefined },
  ): Promise<MirrorAndRun>
  /** Changes what people set for it. @throws AppError NOT_FOUND, INVALID_REQUEST */
  change(mirrorId: string, change: MirrorChange, by: string): Promise<Mirror>
  /** Ends the runs of a mirror that something else has paused or removed. */
  halt(mirrorId: string): Promise<void>
  /** Looks at the schedule at once, after something that made a mirror due. */
  wake(): void
  /** @throws AppError NOT_FOUND */
  show(mirrorId: string): Promise<Mirror>
  /** By destination, `acme/dhi-python`; undefined when no mirror has ever written there. */
  findByRepository(name: RepositoryName): Promise<Mirror | undefined>
  /** Ordered by destination; `after` is the destination of the last one seen. `organizations` are names; undefined: all, and so is `viewer`. */
  list(o: {
    readonly organizations?: readonly string[] | undefined
    /** Only what these eyes see. */
    readonly viewer?: Viewer | undefined
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<{ readonly mirrors: readonly Mirror[]; readonly next: string | null }>
  /** The same as `list`, of each as much as a board of many shows; few queries, however many there are. */
  glance(o: {
    readonly organization: string
    readonly viewer: Viewer
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<{ readonly mirrors: readonly MirrorGlance[]; readonly next: string | null }>
  /** Runs that are under way or wait, the one that was asked for first comes first; `total` counts those that are left out too. */
  activity(o: {
    readonly organizationId: string
    readonly viewer: Viewer
    readonly limit: number
  }): Promise<{ readonly runs: readonly Progress[]; readonly total: number }>
  /**
   * Why tags are, or are not, here, and what happens next. A tag that nobody has seen costs upstream one request.
   * @param o.tags undefined: all that are not simply in step, by name, page by page
   * @throws AppError NOT_FOUND, CANCELLED
   */
  explain(
    mirrorId: string,
    o: {
      readonly tags?: readonly Tag[] | undefined
      readonly limit: number
      readonly after?: string | undefined
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<{ readonly tags: readonly TagExplanation[]; readonly next: string | null }>
  /** @throws AppError NOT_FOUND, also for a run of another mirror */
  run(mirrorId: string, runId: string): Promise<Run>
  /** What a run did, item by item; `after` is the `next` of the page before. @throws AppError as `run`, INVALID_REQUEST */
  runItems(
    mirrorId: string,
    runId: string,
    o: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly items: readonly RunItem[]; readonly next: string | null }>
  /** Newest first; `after` is the `next` of the page before. @throws AppError NOT_FOUND, INVALID_REQUEST */
  runs(
    mirrorId: string,
    o: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly runs: readonly Run[]; readonly next: string | null }>
  /** The run once it has ended. @throws AppError NOT_FOUND, CANCELLED */
  wait(runId: string, signal?: AbortSignal): Promise<Run>
  /**
   * The present moment of the latest run at once, then each change (at most a few a second), over later runs too, until
   * `signal` aborts. A follower of one run stops at the first moment whose `phase` is `ended`. @throws AppError NOT_FOUND
   */
  watch(mirrorId: string, signal: AbortSignal): AsyncGenerator<Progress>
  /**
   * At boot: ends interrupted runs as failed and begins the schedule.
   * @param o.isAlone no other process works on this data, so every lease of before is void
   */
  resume(o: { readonly isAlone: boolean }): Promise<void>
  /** Ends the schedule, aborts all runs and waits for them. Aborted runs end as failed (interrupted) and are due at once. */
  close(): Promise<void>
}
