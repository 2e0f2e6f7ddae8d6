// The outbox over a database, without a server: events are written, read into deliveries, and what receivers would say is said.
import { webhookCreateSchema } from '../../src/api/webhooks.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { appendEvents, type NewEvent } from '../../src/db/platform/events.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { takeCallback } from '../../src/events/callbacks.ts'
import { fanOut } from '../../src/events/outbox.ts'
import { createWebhooks, type WebhookScope } from '../../src/events/webhooks.ts'
import type { Fence } from '../../src/jobs/fence.ts'
import { createSealer } from '../../src/lib/seal.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'

export const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`

export async function openOutbox(db: Database) {
  const clock = { now: () => new Date() }
  const at = () => clock.now().toISOString()
  const { organization, repository } = await db.write(async (tx) => {
    const { row: organization } = await createOrganization(tx, { name: 'acme', at: at() })
    const of = { organizationId: organization.id, name: 'acme/dhi-app' as RepositoryName, actor: 'user:o', at: at() }
    return { organization, repository: (await createRepository(tx, of)).row }
  })
  const scope: WebhookScope = { organization, repository }
  const wide: WebhookScope = { organization, repository: undefined }
  const webhooks = createWebhooks({ db, clock, sealer: createSealer(new Uint8Array(32).fill(7)), wake: () => {} })
  const key = 'webhooks:outbox'
  const lease = { key, holder: 'test', now: at(), expiresAt: '2999-01-01T00:00:00.000Z' }
  const generation = await db.write((tx) => claimLease(tx, lease))
  if (generation === undefined) throw new Error('the lease is held')
  const fence: Fence = { key, generation }
  const list = async (name: string, of = scope) =>
    [...(await webhooks.deliveries(of, name, { limit: 100 })).items].sort((a, b) => a.seq - b.seq)
  return {
    db,
    clock,
    fence,
    scope,
    wide,
    webhooks,
    list,
    hook: (name: string, o: object = {}, of = scope) =>
      webhooks.create(of, {
        ...webhookCreateSchema.parse({ name, url: 'https://x.example/', ...o }),
        by: 'user:o',
      }),
    /** Writes events down, and reads the log. */
    async happen(...events: readonly (readonly [NewEvent['kind'], object])[]) {
      const of = { organizationId: organization.id, repositoryId: repository.id, actor: 'user:o', at: at() }
      const rows = events.map(([kind, payload]) => ({
        ...of,
        kind,
        payload: { repository: repository.name, ...payload },
      }))
      await db.write((tx) => appendEvents(tx, rows))
      return fanOut({ db, clock, fence, isUnderWay: () => false })
    },
    /** What the receiver of a webhook says of its n-th delivery of a tag. */
    async say(name: string, n: number, state: 'success' | 'failure') {
      const id = (await list(name))[n]?.id ?? ''
      await takeCallback({ db, clock, wake: () => {} }, id, { state })
    },
    /** `kind status error` of each, oldest first. */
    shown: async (name: string, of = scope) =>
      (await list(name, of)).map(({ kind, status, error }) => `${kind} ${status}${error === null ? '' : ` ${error}`}`),
  }
}
