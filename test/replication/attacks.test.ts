// What happens under a pass: the repository here changes, goes, or opens; the one there opens while nothing, or much, is sent.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { createKeyedTurns } from '../../src/lib/held-turns.ts'
import { guardOpen } from '../../src/replication/pass/guard-open.ts'
import { withSharedUploads } from '../../src/replication/pass/shared-uploads.ts'
import { addImage } from '../mirror/small-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import type { MemoryTarget } from '../support/memory-target.ts'
import { openReplicationInstance, type ReplicationInstance } from './replication-instance.ts'
import { addWebhookRow } from './webhook-row.ts'

const SENDS = /^(PUT|UPLOAD|MOUNT|TAG)/

describeOnEachEngine('replications under attack', (openFresh) => {
  let instance: ReplicationInstance
  let upstream: MemoryRepository
  let target: MemoryTarget
  beforeEach(async () => {
    instance = await openReplicationInstance({ db: await openFresh() })
    upstream = instance.upstream('app')
    target = await instance.addTarget('hub')
  })
  afterEach(() => instance.close())

  const there = () => target.repositories.get('base/app') as MemoryRepository
  const db = () => instance.mirrors.db

  test('a scheduled pass with nothing to send notices that everybody may read, and that it is over', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    target.visibility = 'public'
    target.requests.length = 0
    await instance.replications.resume({ isAlone: true })
    await due(id)
    await until(id, 'paused')
    expect((await instance.replications.show(id)).pauses.map(({ cause }) => cause)).toEqual(['public'])
    expect(target.requests.filter((one) => SENDS.test(one))).toEqual([])
    const events = await db().read.selectFrom('events').selectAll().where('kind', '=', 'replication.paused').execute()
    expect(events).toHaveLength(1)
    target.visibility = 'private'
    await due(id)
    await until(id, 'active')
  })

  test('a tag that moves while it is sent is whole at one of both, and the next pass has the newer', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const two = addImage(memoryRepository(), 'two')
    let isMoved = false
    target.before = async (request) => {
      if (isMoved || !request.startsWith('UPLOAD')) return
      isMoved = true
      addImage(upstream, 'two', { tags: ['1'] })
      await instance.fill('app')
    }
    const { id, run } = await instance.start('app', 'hub/base/app')
    expect([run.outcome, there().tags.get('1')]).toEqual(['done', one.digest])
    expect((await instance.sync(id)).outcome).toBe('done')
    expect(there().tags.get('1')).toBe(two.digest)
  })

  test('a repository that is deleted under a pass ends it, and leaves nothing half there', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: ['a', 'b', 'c'] })
    await instance.fill('app')
    const [row] = await db().read.selectFrom('repositories').select('id').where('name', '=', 'acme/app').execute()
    let isGone = false
    target.before = async (request) => {
      if (isGone || !request.startsWith('UPLOAD')) return
      isGone = true
      await db().write((tx) =>
        tx
          .deleteFrom('repositories')
          .where('id', '=', row?.id ?? '')
          .execute(),
      )
    }
    await instance.start('app', 'hub/base/app').catch(() => {})
    await instance.replications.close()
    expect(isGone).toBe(true)
    const [digest] = there().tags.values()
    if (digest !== undefined) expect(there().manifests.has(digest)).toBe(true)
    expect(await db().read.selectFrom('replications').selectAll().execute()).toEqual([])
    expect(await db().read.selectFrom('replication_tags').selectAll().execute()).toEqual([])
  })

  test('what is known of a target counts for its own repositories alone, and what another login sees is asked for', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    await instance.start('app', 'hub/base/app')
    const other = await instance.addTarget('other')
    const { run } = await instance.start('app', 'other/base/app')
    expect([run.outcome, run.counts.mountsTried]).toEqual(['done', 0])
    expect(other.requests.some((one) => one.startsWith('UPLOAD'))).toBe(true)
  })

  test('an outage is told in words of a target, and ends by itself', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    addImage(upstream, 'att', { subject: image, artifactType: 'application/att' })
    await instance.fill('app')
    target.before = (request) => {
      if (SENDS.test(request)) throw new AppError('TARGET_UNAVAILABLE', 'hub.example: app: answered 503')
    }
    const { id, run } = await instance.start('app', 'hub/base/app')
    expect(run).toMatchObject({ outcome: 'failed', failures: [{ tag: '1', code: 'TARGET_UNAVAILABLE' }] })
    expect(JSON.stringify(run)).not.toMatch(/upstream/i)
    expect(there().tags.size).toBe(0)
    target.before = () => {}
    expect((await instance.sync(id)).outcome).toBe('done')
    expect((await instance.replications.show(id)).state).toBe('active')
  })

  test('a change of settings does not forget that all is to be looked at anew', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    await db().write((tx) => tx.updateTable('replications').set({ full_due: 1 }).where('id', '=', id).execute())
    await instance.replications.change(id, { drift: 'repair' }, 'user:test')
    const rows = await db().read.selectFrom('replications').select('full_due').execute()
    expect(rows).toEqual([{ full_due: 1 }])
  })

  test('what waits for a webhook that is not there is not sent, and says so, until nobody waits for it any more', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const webhook = await addWebhookRow(db(), 'scan')
    const { id } = await instance.start('app', 'hub/base/app', { after: 'scan' })
    await db().write((tx) => tx.deleteFrom('webhooks').where('id', '=', webhook).execute())
    const run = await instance.sync(id)
    expect([run.counts.tagsMoved, run.counts.tagsHeld, there().tags.size]).toEqual([0, 1, 0])
    expect(target.requests.filter((one) => SENDS.test(one))).toEqual([])
    const { tags } = await instance.replications.explain(id, { limit: 10 })
    expect(tags).toMatchObject([{ name: '1', state: 'waiting', reason: expect.stringContaining('no webhook scan') }])
    await instance.replications.change(id, { after: null }, 'user:test')
    expect((await instance.sync(id)).counts.tagsMoved).toBe(1)
    expect(there().tags.get('1')).toBe(image.digest)
  })

  async function due(id: string): Promise<void> {
    const at = new Date().toISOString()
    await db().write((tx) => tx.updateTable('replications').set({ next_run_at: at }).where('id', '=', id).execute())
    instance.replications.wake()
  }

  async function until(id: string, state: string): Promise<void> {
    while ((await instance.replications.show(id)).state !== state) await Bun.sleep(20)
  }
})

test('what becomes public while much is sent gets nothing more', async () => {
  let now = 0
  let isPublic = false
  let asked = 0
  const repository = memoryRepository()
  const image = addImage(repository, 'one', { tags: ['1'] })
  const written: string[] = []
  const inner = memoryRepository().writer()
  const guard = guardOpen(
    { ...inner, writeManifest: async ({ descriptor }) => void written.push(descriptor.digest) },
    {
      clock: { now: () => new Date(now) },
      believedMs: 1000,
      async refuseOpen() {
        asked++
        if (isPublic) throw new AppError('TARGET_PUBLIC', 'hub/app is public')
      },
    },
  )
  const write = () => guard.writer.writeManifest({ descriptor: image as never, bytes: new Uint8Array() })
  await Promise.all([write(), write()])
  expect([asked, written.length]).toEqual([0, 2])
  now = 1000
  await Promise.all([write(), write(), write()])
  expect([asked, written.length]).toEqual([1, 5])
  isPublic = true
  now = 2000
  await expect(write()).rejects.toMatchObject({ code: 'TARGET_PUBLIC' })
  isPublic = false
  await expect(write()).rejects.toMatchObject({ code: 'TARGET_PUBLIC' })
  expect([asked, written.length, guard.reason()?.code]).toEqual([2, 5, 'TARGET_PUBLIC'])
})

test('an upload that breaks lets the next one have its turn', async () => {
  const turns = createKeyedTurns()
  const memory = {
    hasManifest: () => false,
    hasBlob: () => false,
    mountsOf: () => [],
    noteBlob() {},
    noteManifest() {},
    forget() {},
  }
  const repository = memoryRepository()
  const writer = withSharedUploads(repository.writer(), { turns, targetId: 'hub', memory })
  const bytes = new TextEncoder().encode('layer')
  const digest = `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`
  const blob = { mediaType: 'text/plain', digest: digest as never, size: bytes.length }
  const first = await writer.stageBlob(blob)
  if (first === 'present') throw new Error('want a sink')
  const second = writer.stageBlob(blob)
  const gone = new AbortController()
  const third = writer.stageBlob(blob, { signal: gone.signal })
  gone.abort()
  await expect(third).rejects.toThrow()
  await first.close()
  expect(await second).not.toBe('present')
})
