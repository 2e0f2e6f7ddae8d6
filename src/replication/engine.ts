/** What replication offers to the edges, and what it needs from the composition root; `create-replications.ts` makes it. */
import type { Progress } from '../api/progress.ts'
import type { Replication, ReplicationChange, ReplicationPlan, ReplicationTagExplanation } from '../api/replications.ts'
import type { Run, RunItem } from '../api/runs.ts'
import type { Database } from '../db/engine/engine.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import type { TargetRow } from '../db/schema.ts'
import type { Presence } from '../jobs/presence.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Sleep } from '../lib/retry.ts'
import type { Portions } from '../net/portions.ts'
import type { Priority } from '../net/priority.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { RepositoryReader } from '../oci/repository.ts'
import type { TargetMemory, TargetRepository } from '../oci/target-repository.ts'

export interface ReplicationsOptions {
  readonly db: Database
  readonly logger: Logger
  /** Our own storage; published content only. @param repositoryId its id */
  openLocal(repositoryId: string): RepositoryReader
  /**
   * Opens a repository of a target for one pass.
   * @param o.organization id of the one that replicates: what is sent counts in its share
   * @throws AppError when the target's settings do not allow it
   */
  openTarget(
    target: TargetRow,
    repository: RepositoryName,
    o: {
      readonly organization: string
      readonly memory: TargetMemory
      readonly priority?: (() => Priority) | undefined
    },
  ): TargetRepository | Promise<TargetRepository>
  /** Whether the target mounts only what a manifest that is there names. */
  mountsCommittedOnly(target: TargetRow): boolean
  readonly intervalMs?: number
  readonly runsAtOnce?: number
  readonly transfersPerRun?: number
  readonly presence?: Presence
  readonly portions?: Portions
  readonly leaseTtlMs?: number
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** In [0, 1). */
  readonly random?: () => number
}

export interface ReplicationAndRun {
  readonly replication: Replication
  readonly run: Run
}

export interface ReplicationStart {
  /** Ours, `acme/dhi-python`. */
  readonly repository: RepositoryName
  /** Name of a target that the organization sees: its own first, then the shared ones. */
  readonly target: string
  /** Below the target's own path. */
  readonly targetRepository: RepositoryName
  readonly settings?: ReplicationChange | undefined
}

interface Signalled {
  readonly signal?: AbortSignal | undefined
}

export interface Replications {
  /**
   * Makes the replication and begins its first run; one that was stopped goes on. The caller has checked the right.
   * @throws AppError NOT_FOUND, TARGET_* (nothing is left behind), TARGET_PUBLIC, CONFLICT when it is there already
   */
  start(request: ReplicationStart & Signalled & { readonly by: string }): Promise<ReplicationAndRun>
  /** What `start` would do. Same errors. */
  planStart(request: ReplicationStart, o?: Signalled): Promise<ReplicationPlan>
  /** Begins a run, or queues one behind the run under way. @throws AppError NOT_FOUND, CONFLICT when it is stopped or paused by hand */
  sync(
    id: string,
    o?: { readonly full?: boolean | undefined; readonly only?: ReadonlySet<Tag> | undefined },
  ): Promise<ReplicationAndRun>
  planSync(
    id: string,
    o?: Signalled & { readonly full?: boolean | undefined; readonly only?: ReadonlySet<Tag> | undefined },
  ): Promise<ReplicationPlan>
  pause(id: string, by: string): Promise<Replication>
  resumeOne(id: string, by: string): Promise<Replication>
  /** What is at the target stays. Fine when stopped already. */
  stop(id: string, by: string): Promise<Replication>
  change(id: string, change: ReplicationChange, by: string): Promise<Replication>
  show(id: string): Promise<Replication>
  list(o: {
    /** Names; undefined: all. */
    readonly organizations?: readonly string[] | undefined
    readonly viewer?: Viewer | undefined
    /** Only of this repository of ours. */
    readonly repository?: string | undefined
    /** Only to this target, or this repository of it. */
    readonly target?: { readonly name: string; readonly repository?: string | undefined } | undefined
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<{ readonly replications: readonly Replication[]; readonly next: string | null }>
  /**
   * Why tags are, or are not, at the target, and what happens next.
   * @param o.tags undefined: all that are not simply in step, by name, page by page
   */
  explain(
    id: string,
    o: { readonly tags?: readonly Tag[] | undefined; readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly tags: readonly ReplicationTagExplanation[]; readonly next: string | null }>
  run(id: string, runId: string): Promise<Run>
  runs(
    id: string,
    o: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly runs: readonly Run[]; readonly next: string | null }>
  runItems(
    id: string,
    runId: string,
    o: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<{ readonly items: readonly RunItem[]; readonly next: string | null }>
  wait(runId: string, signal?: AbortSignal): Promise<Run>
  /** As `MirrorEngine.watch`; `mirror` of a moment is `TARGET/NAME`. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<Progress>
  /** Ends runs of what is gone. */
  halt(id: string): Promise<void>
  wake(): void
  resume(o: { readonly isAlone: boolean }): Promise<void>
  close(): Promise<void>
}
