// A whole catalog is mirrored: what is in it, what comes, what goes, and what people have the last word about.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { deleteRepository } from '../../../src/db/mirrors/repository-settings.ts'
import { removeUpstream } from '../../../src/db/mirrors/upstreams.ts'
import { findRepository } from '../../../src/db/repositories/repositories.ts'
import { AppError } from '../../../src/errors.ts'
import { newId } from '../../../src/lib/ids.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { addImage } from '../small-images.ts'
import { openSubscriptionInstance, type SubscriptionInstance } from './subscription-instance.ts'

describeOnEachEngine('subscriptions', (openFresh) => {
  let instance: SubscriptionInstance
  beforeEach(async () => {
    instance = await openSubscriptionInstance(await openFresh())
    instance.catalog = ['go', 'node', 'python', 'python-dev', 'team/app']
  })
  afterEach(() => instance.close())

  const mirrorId = async (name: string) =>
    (await instance.engine.findByRepository(parseRepositoryName(name)))?.id ?? expect.unreachable()
  const makeRepository = (name: string) =>
    instance.db.write(async (tx) => {
      const now = new Date().toISOString()
      const row = { description: '', allow_sparse: 0, immutable_tags: 'none', immutable_patterns: '[]' } as const
      await tx
        .insertInto('repositories')
        .values({
          ...row,
          id: newId(),
          organization_id: (await tx.selectFrom('organizations').select('id').executeTakeFirstOrThrow()).id,
          name,
          visibility: 'private',
          archived_at: null,
          created_at: now,
          updated_at: now,
        })
        .execute()
    })
  const remove = (name: string) =>
    instance.db.write(async (tx) => {
      const repository = await findRepository(tx, parseRepositoryName(name))
      if (repository === undefined) throw new Error(`there is no ${name}`)
      await deleteRepository(tx, repository, { actor: 'user:ann', at: new Date().toISOString() })
    })
  const kinds = async () =>
    (await instance.db.read.selectFrom('events').select('kind').orderBy('seq').execute())
      .map(({ kind }) => kind)
      .filter((kind) => kind.startsWith('subscription.'))

  test('every entry gets its mirror by the prefix of the upstream, and each new one as it appears', async () => {
    const id = await instance.subscribe({ settings: { schedule: { every: '2h' } } })
    const names = ['go', 'node', 'python', 'python-dev', 'team-app']
    expect(await instance.mirrors()).toEqual(Object.fromEntries(names.map((name) => [`acme/dhi-${name}`, id])))
    const mirror = await instance.engine.show(await mirrorId('acme/dhi-team-app'))
    expect([mirror.source.repository, mirror.schedule, mirror.state]).toEqual(['team/app', { every: '2h' }, 'initial'])
    expect(await instance.show(id)).toMatchObject({
      mirrors: 5,
      state: 'active',
      failures: [],
      listed: 5,
      changing: false,
    })
    instance.catalog = [...(instance.catalog as string[]), 'zig']
    await instance.reread(id)
    expect((await instance.mirrors())['acme/dhi-zig']).toBe(id)
    expect((await instance.show(id)).mirrors).toBe(6)
  })

  test('first runs begin one after the other, over batches too', async () => {
    instance.catalog = Array.from({ length: 50 }, (_, n) => `app${String(n).padStart(3, '0')}`)
    await instance.subscribe()
    const rows = await instance.db.read.selectFrom('mirrors').select('next_run_at').orderBy('next_run_at').execute()
    const times = rows.map(({ next_run_at }) => Date.parse(next_run_at ?? '') - instance.time)
    expect(times).toEqual(Array.from({ length: 50 }, (_, n) => n * 100))
  })

  test('only what the globs take; the same twice is refused, another beside it takes only what is free', async () => {
    const id = await instance.subscribe({ match: ['python*', 'team/*'], except: ['*-dev'] })
    expect(Object.keys(await instance.mirrors())).toEqual(['acme/dhi-python', 'acme/dhi-team-app'])
    await expect(instance.subscribe({ match: ['python*', 'team/*'], except: ['*-dev'] })).rejects.toMatchObject({
      code: 'CONFLICT',
      detail: { subscription: id },
    })
    const all = await instance.subscribe()
    const shown = await instance.show(all)
    expect([shown.mirrors, shown.state]).toEqual([3, 'degraded'])
    expect(shown.failures.map(({ repository, reason }) => [repository, reason])).toEqual([
      ['python', `acme/dhi-python is kept by the subscription ${id}`],
      ['team/app', `acme/dhi-team-app is kept by the subscription ${id}`],
    ])
    await instance.subscriptions.stop(id, { mirrors: false, by: 'user:ann' })
    await instance.reread(all)
    expect((await instance.show(all)).mirrors).toBe(5)
    expect((await instance.mirrors())['acme/dhi-python']).toBe(all)
  })

  test('a name that is something else’s is told, holds up nothing, and is taken once it is free', async () => {
    await makeRepository('acme/dhi-node')
    instance.catalog = [...(instance.catalog as string[]), 'team-app', 'a'.repeat(254)]
    const id = await instance.subscribe()
    const shown = await instance.show(id)
    expect([shown.mirrors, shown.state, shown.entries.failed]).toEqual([4, 'degraded', 3])
    expect(shown.reason).toStartWith('3 of 7 repositories have no mirror, ')
    expect(shown.failures.map(({ repository, code }) => [repository.slice(0, 9), code])).toEqual([
      ['aaaaaaaaa', 'NAME_INVALID'],
      ['node', 'CONFLICT'],
      ['team/app', 'CONFLICT'],
    ])
    expect(shown.failures[2]?.reason).toContain('is a mirror of hub/team-app')
    await remove('acme/dhi-node')
    await instance.reread(id)
    expect((await instance.mirrors())['acme/dhi-node']).toBe(id)
    const all = await instance.subscriptions.entries(id, { state: 'failed', limit: 1 })
    expect([all.entries.length, all.next === null]).toEqual([1, false])
  })

  test('a mirror that is there joins as it is; what people took away stays away, until they bring it back', async () => {
    instance.repositories.set('hub/python', memoryRepository())
    addImage(instance.repositories.get('hub/python') ?? expect.unreachable(), 'one', { tags: ['1'] })
    await instance.mirror('hub/python')
    const id = await instance.subscribe({ settings: { schedule: { every: '2h' } } })
    const python = await instance.engine.show(await mirrorId('acme/dhi-python'))
    expect([python.subscription, python.schedule]).toEqual([id, { every: '15m' }])
    await instance.engine.stop(python.id, 'user:ann')
    await remove('acme/dhi-node')
    const leftOf = async () => (await instance.show(id)).left.map(({ repository, state }) => `${repository} ${state}`)
    expect(await leftOf()).toEqual(['python stopped', 'node removed'])
    await instance.reread(id)
    expect(await leftOf()).toEqual(['python stopped', 'node removed'])
    expect((await instance.engine.show(python.id)).state).toBe('stopped')
    expect(await instance.show(id)).toMatchObject({ mirrors: 3, state: 'active' })
    instance.repositories.set('hub/node', memoryRepository())
    await instance.mirror('hub/node')
    const { run } = await instance.engine.restart(python.id, { by: 'user:ann' })
    await instance.engine.wait(run.id)
    await instance.reread(id)
    expect(await leftOf()).toEqual([])
    expect((await instance.mirrors())['acme/dhi-node']).toBe(id)
  })

  test('adopt takes unmirrored repositories and stopped mirrors, once', async () => {
    await makeRepository('acme/dhi-go')
    instance.repositories.set('hub/node', memoryRepository())
    const { mirrorId: node } = await instance.mirror('hub/node')
    await instance.engine.stop(node, 'user:ann')
    const id = await instance.subscribe({ adopt: true })
    expect((await instance.show(id)).mirrors).toBe(5)
    await instance.engine.stop(node, 'user:ann')
    await instance.reread(id)
    expect((await instance.show(id)).left.map(({ repository }) => repository)).toEqual(['node'])
  })

  test('what falls out of changed globs stays, subscribed no more; back in, it is subscribed again', async () => {
    const id = await instance.subscribe()
    const { fallenOut } = await instance.subscriptions.change(id, { except: ['python*'] }, 'user:ann')
    expect(fallenOut).toBe(2)
    await instance.subscriptions.work(id)
    expect(await instance.mirrors()).toMatchObject({
      'acme/dhi-python': null,
      'acme/dhi-python-dev': null,
      'acme/dhi-go': id,
    })
    const shown = await instance.show(id)
    expect([shown.mirrors, shown.unmatched.map(({ repository }) => repository)]).toEqual([3, ['python', 'python-dev']])
    await instance.subscriptions.change(id, { except: ['*-dev'] }, 'user:ann')
    await instance.subscriptions.work(id)
    expect(await instance.mirrors()).toMatchObject({ 'acme/dhi-python': id, 'acme/dhi-python-dev': null })
    // What people removed meanwhile does not come back with the globs.
    await remove('acme/dhi-python-dev')
    await instance.subscriptions.change(id, { except: [] }, 'user:ann')
    await instance.subscriptions.work(id)
    expect((await instance.show(id)).left.map(({ repository }) => repository)).toEqual(['python-dev'])
  })

  test('changed settings reach each of its mirrors, and those it makes later', async () => {
    instance.catalog = Array.from({ length: 45 }, (_, n) => `app${n}`)
    const id = await instance.subscribe()
    await instance.subscriptions.change(id, { settings: { schedule: { every: '6h' } } }, 'user:ann')
    expect((await instance.show(id)).changing).toBe(true)
    instance.catalog = [...(instance.catalog as string[]), 'new']
    await instance.reread(id)
    const { mirrors } = await instance.engine.list({ limit: 100 })
    expect(new Set(mirrors.map(({ schedule }) => JSON.stringify(schedule)))).toEqual(new Set(['{"every":"6h"}']))
    expect([mirrors.length, (await instance.show(id)).changing]).toEqual([46, false])
  })

  describe('the catalog', () => {
    test('that fails or shrinks changes nothing, says so with numbers, and recovers', async () => {
      const id = await instance.subscribe()
      const before = await instance.mirrors()
      const full = instance.catalog
      for (const [catalog, state, reason] of [
        [[], 'degraded', 'the catalog lists 0 of 5 repositories'],
        [['go', 'other'], 'degraded', 'the catalog lists 2 of 5 repositories'],
        [['a', 'b', 'c', 'd', 'go'], 'degraded', 'without 4 of the 5 repositories'],
        [new AppError('UPSTREAM_UNAVAILABLE', 'hub.example: down'), 'degraded', 'hub.example: down'],
        [new AppError('UPSTREAM_DENIED', 'no'), 'paused', 'does not let this login list its repositories'],
        [new AppError('UPSTREAM_UNSUPPORTED', 'no'), 'paused', '--repositories A,B,C'],
      ] as const) {
        instance.catalog = catalog
        await instance.reread(id)
        const shown = await instance.show(id)
        expect([shown.state, shown.reason]).toEqual([state, expect.stringContaining(reason)])
        expect([shown.mirrors, shown.listed, await instance.mirrors()]).toEqual([5, 5, before])
        expect([typeof shown.remedy, typeof shown.nextReadAt]).toEqual(['string', 'string'])
      }
      instance.catalog = full
      await instance.reread(id)
      expect(await instance.show(id)).toMatchObject({ state: 'active', reason: null, mirrors: 5 })
      const all = ['started', 'degraded', 'paused', 'recovered']
      expect(await kinds()).toEqual(all.map((kind) => `subscription.${kind}`))
    })

    test('that has really shrunk is accepted by a word, and mirrors of what is gone stay', async () => {
      const id = await instance.subscribe()
      instance.catalog = ['go']
      await instance.reread(id)
      expect((await instance.show(id)).remedy).toBe(`subscription sync ${id} --accept-shrink`)
      await instance.subscriptions.sync(id, { acceptShrink: true, by: 'user:ann' })
      await instance.subscriptions.work(id)
      const shown = await instance.show(id)
      expect([shown.state, shown.mirrors, shown.entries.unlisted, shown.listed]).toEqual(['active', 5, 4, 1])
      // Once is once.
      instance.catalog = []
      await instance.reread(id)
      expect((await instance.show(id)).state).toBe('degraded')
    })

    test('that cannot be read at the start leaves nothing behind, and the error says what to do', async () => {
      instance.catalog = new AppError('UPSTREAM_UNSUPPORTED', 'hub.example has no catalog')
      await expect(instance.subscribe()).rejects.toMatchObject({
        code: 'UPSTREAM_UNSUPPORTED',
        message: expect.stringMatching(
          /--repositories A,B,C.*mirror start hub\/REPOSITORY.*hub\.example has no catalog/,
        ),
      })
      const page = { organizationIds: [await instance.organizationId()], limit: 10 }
      expect((await instance.subscriptions.list(page)).subscriptions).toEqual([])
      const id = await instance.subscribe({ repositories: ['go', 'python', 'go'] })
      expect(await instance.show(id)).toMatchObject({ mirrors: 2, repositories: ['go', 'python'], state: 'active' })
      await instance.subscriptions.change(id, { repositories: ['go', 'zig'] }, 'user:ann')
      await instance.subscriptions.work(id)
      const after = await instance.show(id)
      expect([after.mirrors, after.unmatched.map(({ repository }) => repository)]).toEqual([2, ['python']])
    })
  })

  test('one of several servers does it; another goes on where the first has ended', async () => {
    instance.catalog = Array.from({ length: 60 }, (_, n) => `app${n}`)
    const other = instance.another()
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const id = await instance.subscribe()
    instance.catalog = [...(instance.catalog as string[]), 'new']
    instance.beforeRead = () => {
      reached.resolve()
      return go.promise
    }
    instance.time += 60 * 60_000
    const first = instance.subscriptions.work(id)
    await reached.promise
    expect(await other.work(id)).toBe(false)
    // The first server falls asleep for longer than its lease: the second does it, and what the first brings is refused.
    instance.time += 60_000
    instance.beforeRead = () => {}
    expect(await other.work(id)).toBe(true)
    expect((await instance.show(id)).mirrors).toBe(61)
    instance.catalog = []
    go.resolve()
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await instance.show(id)).toMatchObject({ state: 'active', mirrors: 61 })
  })

  test('a change by people while the catalog is read counts, and the read is repeated', async () => {
    const id = await instance.subscribe({ match: ['go'] })
    const reads: string[] = []
    instance.beforeRead = async () => {
      if (reads.push('read') === 1) await instance.subscriptions.change(id, { match: ['go', 'node'] }, 'user:ann')
    }
    await instance.reread(id)
    expect([reads.length, (await instance.show(id)).mirrors]).toEqual([2, 2])
  })

  test('paused it reads nothing; stopped it leaves its mirrors, or stops them when told to', async () => {
    const id = await instance.subscribe()
    const paused = await instance.subscriptions.pause(id, 'user:ann')
    expect([paused.state, paused.reason, paused.nextReadAt]).toEqual(['paused', 'paused by hand', null])
    await expect(instance.subscriptions.sync(id, { acceptShrink: false, by: 'user:ann' })).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    instance.catalog = [...(instance.catalog as string[]), 'new']
    await instance.reread(id)
    expect((await instance.show(id)).mirrors).toBe(5)
    await instance.subscriptions.unpause(id, 'user:ann')
    await instance.subscriptions.work(id)
    expect(await instance.show(id)).toMatchObject({ mirrors: 6, state: 'active' })
    const upstream = await instance.db.read.selectFrom('upstreams').selectAll().executeTakeFirstOrThrow()
    await instance.subscriptions.stop(id, { mirrors: false, by: 'user:ann' })
    expect(Object.values(await instance.mirrors())).toEqual(Array(6).fill(null))
    const { mirrors } = await instance.engine.list({ limit: 10 })
    expect(mirrors.map(({ state }) => state)).toEqual(Array(6).fill('initial'))
    await expect(instance.subscriptions.change(id, { match: ['go'] }, 'user:ann')).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    await instance.subscriptions.stop(id, { mirrors: true, by: 'user:ann' })
    await instance.subscriptions.work(id)
    const states = (await instance.engine.list({ limit: 10 })).mirrors.map(({ state }) => state)
    expect(states).toEqual(Array(6).fill('stopped'))
    await instance.db.write((tx) => removeUpstream(tx, upstream))
    expect(await kinds()).toEqual(['started', 'paused', 'recovered', 'stopped'].map((kind) => `subscription.${kind}`))
  })

  test('an upstream that is subscribed to is not removed', async () => {
    instance.catalog = []
    const id = await instance.subscribe()
    const upstream = await instance.db.read.selectFrom('upstreams').selectAll().executeTakeFirstOrThrow()
    await expect(instance.db.write((tx) => removeUpstream(tx, upstream))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`subscription stop ${id}`),
    })
  })
})
