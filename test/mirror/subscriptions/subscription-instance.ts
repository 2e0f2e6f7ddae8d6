// A mirror engine over upstreams in memory, with subscriptions to a catalog that a test changes as it likes.
import type { Database } from '../../../src/db/engine/engine.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import type { MirrorEngineOptions } from '../../../src/mirror/engine.ts'
import { createSubscriptions } from '../../../src/mirror/subscriptions/create-subscriptions.ts'
import type {
  SubscriptionStart,
  Subscriptions,
  SubscriptionsOptions,
} from '../../../src/mirror/subscriptions/subscriptions.ts'
import type { RepositoryName } from '../../../src/oci/reference.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'

export interface SubscriptionInstance extends MirrorInstance {
  readonly subscriptions: Subscriptions
  /** What the upstream lists, or how it fails. */
  catalog: readonly string[] | Error
  /** Called before each read of it. */
  beforeRead: () => void | Promise<void>
  /** In milliseconds. */
  time: number
  /** Subscribes acme to hub, and does what is due. @returns its id */
  subscribe(o?: Partial<SubscriptionStart>): Promise<string>
  /** The next read of the catalog, and what follows from it. */
  reread(id: string): Promise<void>
  /** As another server on the same data. */
  another(o?: Partial<SubscriptionsOptions>): Subscriptions
  organizationId(): Promise<string>
  show(id: string): ReturnType<Subscriptions['show']>
  /** Destination → the subscription that keeps it, of each mirror. */
  mirrors(): Promise<Record<string, string | null>>
}

export async function openSubscriptionInstance(
  db: Database,
  o: Partial<MirrorEngineOptions> & Pick<Partial<SubscriptionsOptions>, 'firstRunsApartMs'> = {},
): Promise<SubscriptionInstance> {
  const { firstRunsApartMs, ...engine } = o
  const clock = { now: () => new Date(instance.time) }
  const base = await openMirrorInstance({ db, clock, random: () => 0.5, ...engine })
  const opened: Subscriptions[] = []
  const another = (more: Partial<SubscriptionsOptions> = {}) => {
    const made = createSubscriptions({
      db,
      logger: createLogger('silent'),
      mirrors: base.engine,
      openRegistry: () => ({
        async *listRepositories() {
          await instance.beforeRead()
          if (instance.catalog instanceof Error) throw instance.catalog
          yield* instance.catalog as RepositoryName[]
        },
      }),
      clock,
      random: () => 0.5,
      ...(firstRunsApartMs === undefined ? {} : { firstRunsApartMs }),
      ...more,
    })
    opened.push(made)
    return made
  }
  const instance: SubscriptionInstance = {
    ...base,
    catalog: [],
    beforeRead: () => {},
    time: Date.parse('2026-01-01T00:00:00.000Z'),
    subscriptions: another(),
    another,
    async subscribe(more = {}) {
      const asked = { organization: 'acme', upstream: 'hub', match: [], except: [], adopt: false, by: 'user:ann' }
      const { id } = await instance.subscriptions.start({ ...asked, ...more })
      await instance.subscriptions.work(id)
      return id
    },
    async reread(id) {
      instance.time += 60 * 60_000
      await instance.subscriptions.work(id)
    },
    async organizationId() {
      return (
        await db.read.selectFrom('organizations').select('id').where('name', '=', 'acme').executeTakeFirstOrThrow()
      ).id
    },
    show: async (id) => instance.subscriptions.show(id, await instance.organizationId()),
    async mirrors() {
      const { mirrors } = await base.engine.list({ limit: 1000 })
      return Object.fromEntries(mirrors.map(({ repository, subscription }) => [repository, subscription]))
    },
    async close() {
      for (const one of opened) await one.close()
      await base.close()
    },
  }
  return instance
}
