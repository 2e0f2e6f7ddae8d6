/** Receivers, and a server's part that delivers to them, over a database of the test's, with a clock that the test moves. */
import { afterAll, afterEach } from 'bun:test'
import type { KyselyPlugin, RootOperationNode } from 'kysely'
import { type Webhook, webhookCreateSchema } from '../../src/api/webhooks.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { appendEvents } from '../../src/db/platform/events.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import type { Render } from '../../src/events/attempt.ts'
import { createDeliverer } from '../../src/events/deliverer.ts'
import { createFactsLoader } from '../../src/events/payload/load-facts.ts'
import { renderDelivery } from '../../src/events/payload/render.ts'
import { callbackAddresses } from '../../src/events/signing.ts'
import { createWebhooks, type WebhookScope } from '../../src/events/webhooks.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createSealer } from '../../src/lib/seal.ts'
import { createPoster, POST_TIMES } from '../../src/net/post.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'
import { temporaryDirectory } from './process.ts'
import { type Answer, type Receiver, startReceiver, status } from './webhook-receiver.ts'

export const DAY_MS = 24 * 60 * 60 * 1000
const NEVER_MS = 2 ** 31 - 1

export interface DeliverOptions {
  readonly render?: Render
  /** The database as the server sees it. */
  readonly db?: Database
}

/** For one file of tests: whatever they begin ends after each. */
export function deliveringInstances() {
  const directory = temporaryDirectory('deliverer')
  afterAll(() => directory.remove())
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  async function instance(db: Database, o: { readonly organization?: string; readonly isPatient?: boolean } = {}) {
    const name = o.organization ?? 'acme'
    let now = Date.parse('2026-01-31T12:00:00.000Z')
    const clock = { now: () => new Date(now) }
    const at = () => clock.now().toISOString()
    const { organization, repository } = await db.write(async (tx) => {
      const { row: organization } = await createOrganization(tx, { name, at: at() })
      const of = { organizationId: organization.id, name: `${name}/app` as RepositoryName, actor: 'user:o', at: at() }
      return { organization, repository: (await createRepository(tx, of)).row }
    })
    const sealer = createSealer(new Uint8Array(32).fill(7))
    const scope: WebhookScope = { organization, repository }
    let wake = () => {}
    const webhooks = createWebhooks({ db, clock, sealer, wake: () => wake() })
    const poster = createPoster({
      policy: { allowLoopback: false, allowNetworks: ['127.0.0.0/8'] },
      times: o.isPatient === true ? { ...POST_TIMES, headMs: NEVER_MS } : POST_TIMES,
    })
    closers.push(() => poster.close())
    const facts = createFactsLoader({ db, blobs: await openFileBlobStore(directory.path), clock })
    return {
      db,
      clock,
      scope,
      webhooks,
      callbacks: callbackAddresses(sealer, () => 'http://kagami'),
      pass: (ms: number) => {
        now += ms
        wake()
      },
      goTo: (time: string) => {
        now = Math.max(now, Date.parse(time))
        wake()
      },
      hook: async (url: string, more: object = {}): Promise<Webhook> => {
        const body = webhookCreateSchema.parse({ name: 'ci', url, plainHttp: true, ...more })
        return (await webhooks.create(scope, { ...body, by: 'user:o' })).webhook
      },
      move: (...tags: readonly string[]) =>
        db.write((tx) =>
          appendEvents(
            tx,
            tags.map((tag) => ({
              kind: 'tag.moved',
              organizationId: organization.id,
              repositoryId: repository.id,
              actor: 'user:o',
              at: at(),
              payload: { repository: repository.name, tag, from: null, to: `sha256:${'a'.repeat(64)}` },
            })),
          ),
        ),
      deliveries: async (name = 'ci') => (await webhooks.deliveries(scope, name, { limit: 100 })).items,
      async deliver(more: DeliverOptions = {}) {
        const deliverer = createDeliverer({
          db: more.db ?? db,
          clock,
          sealer,
          poster,
          logger: createLogger('error'),
          callbacks: callbackAddresses(sealer, () => 'http://kagami'),
          publicUrl: () => 'http://kagami',
          holder: 'test',
          // The clock jumps by days, and nobody else is there.
          leaseTtlMs: 20 * DAY_MS,
          random: () => 0,
          render:
            more.render ??
            (async (event, urls, { format }) => renderDelivery(event, await facts.load(event, urls), format)),
        })
        wake = deliverer.wake
        await deliverer.start({ isAlone: true })
        closers.push(() => deliverer.close())
      },
    }
  }

  async function receiverOf(answer: Answer = status(200)): Promise<Receiver> {
    const receiver = await startReceiver(answer)
    closers.push(() => receiver.stop())
    return receiver
  }

  return { instance, receiverOf }
}

/** The database, but that what is read arrives only once `late` lets it: it may be over by then. */
export function lateReads(
  db: Database,
  late: (query: RootOperationNode, rows: readonly object[]) => Promise<void> | undefined,
): Database {
  const asked = new WeakMap<object, RootOperationNode>()
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      asked.set(queryId, node)
      return node
    },
    async transformResult({ queryId, result }) {
      const node = asked.get(queryId)
      if (node !== undefined) await late(node, result.rows as readonly object[])
      return result
    },
  }
  return { ...db, read: db.read.withPlugin(plugin) }
}

export async function until<T>(look: () => Promise<T>, enough: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look()
    if (enough(found)) return found
    await Bun.sleep(10)
  }
}

const FENCE = 'webhooks:outbox'

/** Takes the lease of whoever delivers. */
export async function fenceOf(db: Database, holder = 'one', now = '2026-01-01', expiresAt = '2026-01-02') {
  const generation = await db.write((tx) => claimLease(tx, { key: FENCE, holder, now, expiresAt }))
  if (generation === undefined) throw new Error('the lease is held')
  return { key: FENCE, generation }
}
