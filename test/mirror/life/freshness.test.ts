// How far a mirror is behind: what was seen at upstream and is not served here, and the objective that this is held against.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { excludeMirrorTag } from '../../../src/mirror/life/exclusions.ts'
import { settleObjectives } from '../../../src/mirror/life/freshness.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

const MINUTE = 60_000

describeOnEachEngine('freshness', (openFresh) => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  let time: number
  let mirrorId: string
  beforeEach(async () => {
    time = Date.parse('2026-01-01T00:00:00.000Z')
    instance = await openMirrorInstance({
      db: await openFresh(),
      clock: { now: () => new Date(time) },
      random: () => 0.5,
    })
    upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
    addImage(upstream, 'one', { tags: ['1', '2'] })
    mirrorId = (await instance.mirror('hub/app')).mirrorId
  })
  afterEach(() => instance.close())

  const freshness = async () => (await instance.engine.show(mirrorId)).freshness
  const told = async () => {
    await settleObjectives(instance.db, new Date(time))
    const rows = await instance.db.read.selectFrom('events').select(['kind', 'payload']).orderBy('seq').execute()
    return rows.filter(({ kind }) => kind === 'mirror.behind' || kind === 'mirror.caught-up').map(({ kind }) => kind)
  }
  const holdBlobs = () => {
    upstream.before = (call) => {
      if (call === 'openBlob') throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: no blobs now')
    }
  }

  test('in step it is 0, and says when upstream was looked at', async () => {
    expect(await freshness()).toEqual({
      behindSeconds: 0,
      objectiveSeconds: null,
      checkedAt: '2026-01-01T00:00:00.000Z',
      missedSince: null,
      reason: null,
    })
  })

  test('it counts from when a change was first seen, however often it fails or changes again, and ends with the publishing', async () => {
    holdBlobs()
    time += 10 * MINUTE
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    expect((await freshness()).behindSeconds).toBe(0)
    time += 5 * MINUTE
    addImage(upstream, 'three', { tags: ['1'] })
    await instance.sync(mirrorId)
    expect((await freshness()).behindSeconds).toBe(300)
    // Paused, it knows of no end of it.
    await instance.engine.pause(mirrorId, 'user:ann')
    time += 60 * MINUTE
    expect((await freshness()).behindSeconds).toBe(3900)
    await instance.engine.unpause(mirrorId, 'user:ann')
    upstream.before = () => {}
    await instance.sync(mirrorId)
    expect((await freshness()).behindSeconds).toBe(0)
  })

  test('it counts while a digest is held for its attestations, or for a source of them that is down', async () => {
    await instance.engine.change(mirrorId, { settle: '10m' }, 'user:ann')
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    time += 5 * MINUTE
    expect([(await freshness()).behindSeconds, (await instance.engine.show(mirrorId)).tags.held]).toEqual([300, 1])
    await instance.engine.change(mirrorId, { settle: null }, 'user:ann')
    upstream.before = (call) => {
      if (call === 'listReferrers') throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: no lists now')
    }
    await instance.sync(mirrorId)
    time += 5 * MINUTE
    expect([(await freshness()).behindSeconds, (await instance.engine.show(mirrorId)).tags.held]).toEqual([600, 1])
    upstream.before = () => {}
    await instance.sync(mirrorId)
    expect((await freshness()).behindSeconds).toBe(0)
  })

  test('upstream that takes its change back is in step again', async () => {
    holdBlobs()
    const before = upstream.tags.get('1') ?? ''
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    time += MINUTE
    expect((await freshness()).behindSeconds).toBe(60)
    upstream.tags.set('1', before)
    await instance.sync(mirrorId)
    expect((await freshness()).behindSeconds).toBe(0)
  })

  test('while upstream does not say what it has, what was known stays; nothing is made up', async () => {
    upstream.before = (call, of) => {
      if (call === 'resolve' && of === '1') throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: not this one')
    }
    await instance.sync(mirrorId)
    time += MINUTE
    expect((await freshness()).behindSeconds).toBe(0)
    holdBlobs()
    addImage(upstream, 'two', { tags: ['2'] })
    await instance.sync(mirrorId)
    time += MINUTE
    upstream.before = (call, of) => {
      if (call === 'resolve' && of === '2') throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: not this one')
    }
    await instance.sync(mirrorId)
    time += MINUTE
    expect((await freshness()).behindSeconds).toBe(120)
  })

  test('what people moved here, or keep the mirror from, is not behind', async () => {
    holdBlobs()
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    time += MINUTE
    expect((await freshness()).behindSeconds).toBe(60)
    const repository = parseRepositoryName('acme/dhi-app')
    const at = new Date(time).toISOString()
    await excludeMirrorTag(instance.db, { repository, tag: parseTag('1'), by: 'user:ann', at, reason: 'ours' })
    expect((await freshness()).behindSeconds).toBe(0)
  })

  test('an objective that is missed is told once, and once that it is kept again', async () => {
    await instance.engine.change(mirrorId, { objective: '30m' }, 'user:ann')
    holdBlobs()
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    time += 30 * MINUTE
    expect([(await freshness()).missedSince, await told()]).toEqual([null, []])
    await instance.sync(mirrorId)
    time += MINUTE
    expect(await freshness()).toMatchObject({
      behindSeconds: 1860,
      objectiveSeconds: 1800,
      missedSince: '2026-01-01T00:30:00.000Z',
      reason: 'upstream has had since 2026-01-01T00:00:00.000Z what is not here yet: the objective of 30m is missed',
    })
    expect(await told()).toEqual(['mirror.behind'])
    await instance.sync(mirrorId)
    expect(await told()).toEqual(['mirror.behind'])
    upstream.before = () => {}
    await instance.sync(mirrorId)
    expect(await told()).toEqual(['mirror.behind', 'mirror.caught-up'])
    expect((await freshness()).missedSince).toBeNull()
  })

  test('an upstream that nobody can look at misses the objective too, from when the pass was due', async () => {
    await instance.engine.change(mirrorId, { objective: '30m', schedule: { every: '15m' } }, 'user:ann')
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: down')
    }
    time += 40 * MINUTE
    await instance.sync(mirrorId)
    expect(await freshness()).toMatchObject({ behindSeconds: 0, missedSince: null })
    time += 6 * MINUTE
    expect(await freshness()).toMatchObject({
      behindSeconds: 0,
      checkedAt: '2026-01-01T00:00:00.000Z',
      missedSince: '2026-01-01T00:45:00.000Z',
      reason: 'upstream should have been looked at by 2026-01-01T00:15:00.000Z: the objective of 30m is missed',
    })
    expect(await told()).toEqual(['mirror.behind'])
    await instance.engine.change(mirrorId, { objective: null }, 'user:ann')
    expect(await told()).toEqual(['mirror.behind', 'mirror.caught-up'])
  })

  test('a stopped mirror follows nothing', async () => {
    await instance.engine.change(mirrorId, { objective: '1m' }, 'user:ann')
    time += 60 * MINUTE
    expect(await told()).toEqual(['mirror.behind'])
    await instance.engine.stop(mirrorId, 'user:ann')
    expect(await freshness()).toMatchObject({ behindSeconds: 0, missedSince: null })
    expect(await told()).toEqual(['mirror.behind'])
  })
})
