// What happens to runs beside their work: ended with the server and taken over, stopped, paused, waiting for a callback, in the way of others.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { newId } from '../../src/lib/ids.ts'
import { addImage } from '../mirror/small-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import type { MemoryRepository } from '../support/memory-repository.ts'
import type { MemoryTarget } from '../support/memory-target.ts'
import { openReplicationInstance, type ReplicationInstance } from './replication-instance.ts'
import { addWebhookRow } from './webhook-row.ts'

describeOnEachEngine('the life of replications', (openFresh) => {
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

  /** Begins a run that stops before `request`, and tells when it is there. */
  function stopBefore(request: string) {
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    target.before = async (asked, _repository, signal) => {
      if (!asked.startsWith(request)) return
      reached.resolve()
      signal?.addEventListener('abort', () => go.reject(signal.reason))
      await go.promise
    }
    return { reached: reached.promise, go: () => go.resolve() }
  }

  async function begin(name = 'app', to = 'base/app') {
    return instance.replications.start({
      ...{ repository: `acme/${name}` as never, target: 'hub', targetRepository: to as never, by: 'user:test' },
    })
  }

  test('a server that ends between blobs, manifests and tags leaves each tag whole or untouched, and the next run brings the rest', async () => {
    const one = addImage(upstream, 'one', { tags: ['1', '2'] })
    await instance.fill('app')
    let id: string | undefined
    for (const at of ['UPLOAD', 'PUT', 'TAG 2']) {
      const gate = stopBefore(at)
      const other = instance.another()
      if (id === undefined) {
        const request = { repository: 'acme/app' as never, target: 'hub', targetRepository: 'base/app' as never }
        id = (await other.start({ ...request, by: 'user:test' })).replication.id
      } else await other.sync(id)
      await gate.reached
      await other.close()
      target.before = () => {}
      expect(there().tags.get('1') ?? one.digest).toBe(one.digest)
      expect(there().tags.has('2')).toBe(false)
      const shown = await instance.replications.show(id)
      expect([shown.state, shown.lastRun?.outcome]).toEqual(['degraded', 'failed'])
    }
    const run = await instance.sync(id ?? '')
    expect([run.outcome, run.counts.tagsDiverged]).toEqual(['done', 0])
    expect([...there().tags].sort()).toEqual([
      ['1', one.digest],
      ['2', one.digest],
    ])
  })

  test('a tag that a run of before had put there, and could not write down, is ours', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const gate = stopBefore('TAG 1')
    const { replication } = await begin()
    await gate.reached
    // As kill -9 leaves it: the row says what was begun, the target has it, and nobody has written that down.
    const { db } = instance.mirrors
    const rows = await db.read.selectFrom('replication_tags').selectAll().execute()
    expect(rows).toMatchObject([{ tag: '1', state: 'pending', synced_digest: null }])
    gate.go()
    await instance.replications.wait(replication.lastRun?.id ?? '')
    await db.write((tx) =>
      tx.updateTable('replication_tags').set({ state: 'pending', synced_digest: null, content: null }).execute(),
    )
    target.before = () => {}
    const two = addImage(upstream, 'two', { tags: ['1'] })
    await instance.fill('app')
    const run = await instance.sync(replication.id)
    expect([run.counts.tagsMoved, run.counts.tagsDiverged]).toEqual([1, 0])
    expect(there().tags.get('1')).toBe(two.digest)
  })

  test('runs of a server that is gone are ended and taken over by another', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    const two = addImage(upstream, 'two', { tags: ['1'] })
    await instance.fill('app')
    const { db } = instance.mirrors
    const at = new Date().toISOString()
    const runId = newId()
    await db.write(async (tx) => {
      await tx
        .insertInto('replication_runs')
        .values({
          ...{ id: runId, replication_id: id, trigger: 'schedule', full: 0, outcome: 'running', generation: 7 },
          ...{ started_at: at, began_at: at, ended_at: null, counts: '{}', failures: '[]', tags: null },
          ...{ holder: 'gone', plan: null, progress: null },
        })
        .execute()
      await tx.updateTable('replications').set({ next_run_at: null }).execute()
    })
    await instance.another().resume({ isAlone: false })
    expect(await instance.replications.run(id, runId)).toMatchObject({ outcome: 'failed' })
    while (there().tags.get('1') !== two.digest) await Bun.sleep(20)
  })

  test('paused by hand, nothing runs until it is resumed', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    expect((await instance.replications.pause(id, 'user:test')).state).toBe('paused')
    await expect(instance.replications.sync(id)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await instance.replications.resumeOne(id, 'user:test')).toMatchObject({ pauses: [] })
    expect((await instance.sync(id)).outcome).toBe('done')
  })

  test('what is resumed is looked at in full, whoever begins the run', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    await instance.replications.resumeOne(id, 'user:test')
    expect(await instance.sync(id)).toMatchObject({ full: true, outcome: 'done' })
    expect(await instance.sync(id)).toMatchObject({ full: false })
    // One without a next run too: a run is under way.
    await instance.mirrors.db.write((tx) => tx.updateTable('replications').set({ next_run_at: null }).execute())
    await instance.replications.resumeOne(id, 'user:test')
    expect(await instance.sync(id)).toMatchObject({ full: true, outcome: 'done' })
  })

  test('explain reads what is asked for, and pages what is not in step', async () => {
    addImage(upstream, 'one', { tags: ['1', '2', '3', '4'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    const { replications, mirrors } = instance
    expect(await replications.explain(id, { limit: 10 })).toEqual({ tags: [], next: null })
    addImage(upstream, 'two', { tags: ['2', '5'] })
    await instance.fill('app')
    await mirrors.db.write((tx) => tx.deleteFrom('tags').where('name', '=', '4').execute())
    const first = await replications.explain(id, { limit: 2 })
    const rest = await replications.explain(id, { limit: 2, after: first.next ?? '' })
    expect([...first.tags, ...rest.tags].map(({ name, state }) => [name, state])).toEqual([
      ['2', 'pending'],
      ['4', 'absent'],
      ['5', 'pending'],
    ])
    expect(rest.next).toBeNull()
    const asked = await replications.explain(id, { tags: ['1', '9'] as never, limit: 10 })
    expect(asked.tags.map(({ state }) => state)).toEqual(['synced', 'absent'])
  })

  test('after a webhook: a tag waits for the callback, goes on its success, and fails with the words of its failure', async () => {
    const { db } = instance.mirrors
    addImage(upstream, 'one', { tags: ['good', 'bad', 'untold'] })
    await instance.fill('app')
    const { id: repositoryId } = await db.read.selectFrom('repositories').select('id').executeTakeFirstOrThrow()
    const at = new Date().toISOString()
    const webhook = await addWebhookRow(db, 'scan')
    const events = await db.read.selectFrom('events').selectAll().where('kind', '=', 'tag.moved').execute()
    for (const event of events) {
      const { tag } = JSON.parse(event.payload) as { tag: string }
      if (tag === 'untold') continue
      await db.write((tx) =>
        tx
          .insertInto('webhook_deliveries')
          .values({
            ...{ id: tag, webhook_id: webhook, event_seq: event.seq, event_id: event.id, kind: event.kind, tag },
            ...{ event_at: at, repository_id: repositoryId, from_digest: null, line: null, due_at: null, waits: 0 },
            ...{
              status: 'delivered',
              reason: null,
              error: null,
              attempts: 1,
              tries: 1,
              created_at: at,
              expires_at: at,
            },
            ...{ finished_at: at, callback_state: null, callback_description: null, callback_context: null },
            ...{ callback_target_url: null, callback_at: null, generation: 0 },
          })
          .execute(),
      )
    }
    const { id, run } = await instance.start('app', 'hub/base/app', { after: 'scan' })
    expect([run.outcome, run.counts.tagsMoved, run.counts.tagsHeld]).toEqual(['done', 0, 3])
    expect((await instance.replications.show(id)).tags).toMatchObject({ total: 3, waiting: 3, published: 0 })
    const say = (tag: string, state: 'success' | 'failure', words: string) =>
      db.write((tx) =>
        tx
          .updateTable('webhook_deliveries')
          .set({ callback_state: state, callback_description: words, callback_at: at })
          .where('id', '=', tag)
          .execute(),
      )
    await say('good', 'success', 'clean')
    await say('bad', 'failure', '2 critical')
    const second = await instance.sync(id)
    expect(second.failures).toMatchObject([{ tag: 'bad', message: 'the receiver of scan said failure: 2 critical' }])
    expect([...there().tags.keys()]).toEqual(['good'])
    expect((await instance.replications.show(id)).tags).toMatchObject({ waiting: 1, failed: 1, published: 1 })
  })

  test('a target that is dead holds nobody else', async () => {
    const other = await instance.addTarget('other')
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const gate = stopBefore('UPLOAD')
    const { replication } = await begin()
    await gate.reached
    const { run } = await instance.start('app', 'other/base/app')
    expect([run.outcome, other.repositories.get('base/app')?.tags.size]).toEqual(['done', 1])
    expect((await instance.replications.show(replication.id)).lastRun?.outcome).toBe('running')
    await instance.replications.stop(replication.id, 'user:test')
  })
})
