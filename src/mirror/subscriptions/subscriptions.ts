/** What subscriptions offer to the edges, and what they need from the composition root; `create-subscriptions.ts` makes them. */
import type { MirrorChange } from '../../api/mirror-settings.ts'
import type {
  Subscription,
  SubscriptionChange,
  SubscriptionEntry,
  SubscriptionEntryState,
  SubscriptionPlan,
} from '../../api/subscriptions.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Sleep } from '../../lib/retry.ts'
import type { RegistryReader } from '../../oci/repository.ts'
import type { MirrorEngine } from '../engine.ts'

export interface SubscriptionsOptions {
  readonly db: Database
  readonly logger: Logger
  readonly mirrors: Pick<MirrorEngine, 'stop' | 'change' | 'wake'>
  /** Opens the catalog of an upstream. @param organization id of the one that asks */
  openRegistry(upstream: UpstreamRow, organization: string): RegistryReader
  /** Between two reads of a catalog, before jitter. */
  readonly intervalMs?: number
  /** Between the beginnings of the first runs of the mirrors that it makes. */
  readonly firstRunsApartMs?: number
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** In [0, 1). */
  readonly random?: () => number
}

export interface SubscriptionStart {
  /** Name of the organization that gets the mirrors. */
  readonly organization: string
  readonly upstream: string
  readonly match: readonly string[]
  readonly except: readonly string[]
  readonly repositories?: readonly string[] | undefined
  readonly adopt: boolean
  readonly settings?: MirrorChange | undefined
}

interface Asked {
  readonly signal?: AbortSignal | undefined
}

export interface Subscriptions {
  /**
   * Reads the catalog, and subscribes to it; the mirrors are made in the background. The caller has checked the right.
   * @throws AppError NOT_FOUND (organization, upstream), CONFLICT when there is the same already, UPSTREAM_* when the catalog cannot be
   *   read: nothing is left behind
   */
  start(request: SubscriptionStart & Asked & { readonly by: string }): Promise<Subscription>
  /** What `start` would do. Same errors. */
  planStart(request: SubscriptionStart & Asked): Promise<SubscriptionPlan>
  /** @throws AppError NOT_FOUND, also for one of another organization */
  show(id: string, organizationId: string): Promise<Subscription>
  /** Oldest first. `after` is the `next` of the page before. @throws AppError INVALID_REQUEST */
  list(o: {
    readonly organizationIds: readonly string[]
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<{ readonly subscriptions: readonly Subscription[]; readonly next: string | null }>
  /** By name. */
  entries(
    id: string,
    o: {
      readonly state?: SubscriptionEntryState | undefined
      readonly limit: number
      readonly after?: string | undefined
    },
  ): Promise<{ readonly entries: readonly SubscriptionEntry[]; readonly next: string | null }>
  /**
   * What falls out of changed globs keeps its mirror, which is subscribed no more; settings go to its mirrors one after the other.
   * @throws AppError NOT_FOUND, INVALID_REQUEST, CONFLICT when it is stopped
   */
  change(
    id: string,
    change: SubscriptionChange,
    by: string,
  ): Promise<{ readonly subscription: Subscription; readonly fallenOut: number }>
  /** The catalog is read at once. @throws AppError NOT_FOUND, CONFLICT when it is stopped or paused by hand */
  sync(id: string, o: { readonly acceptShrink: boolean; readonly by: string }): Promise<Subscription>
  /** No reads and no new mirrors until `unpause`; its mirrors go on. @throws AppError NOT_FOUND, CONFLICT when it is stopped */
  pause(id: string, by: string): Promise<Subscription>
  /** @throws AppError NOT_FOUND, CONFLICT when it is stopped */
  unpause(id: string, by: string): Promise<Subscription>
  /** For good; its mirrors go on unless they are to be stopped as well. Fine when stopped already. @throws AppError NOT_FOUND */
  stop(id: string, o: { readonly mirrors: boolean; readonly by: string }): Promise<Subscription>
  /** Does all that is due for one now. @returns false when another server is at it */
  work(id: string): Promise<boolean>
  /** At boot. @param o.isAlone no other process works on this data, so every lease of before is void */
  resume(o: { readonly isAlone: boolean }): Promise<void>
  /** Ends the schedule and what is under way; all of it goes on where it was. */
  close(): Promise<void>
}
