// A plan that was looked at is what is done; where upstream or people have moved on since, nothing is.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Plan, PlanReference } from '../../src/api/plans.ts'
import { AppError } from '../../src/errors.ts'
import { planIdOf } from '../../src/mirror/pass/plan-images.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addImage, addIndex, putManifest } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

const REQUEST = { organization: 'acme', upstream: 'hub', repository: 'app' }
const referenceTo = ({ id, images }: Plan): PlanReference => ({
  id,
  images: images.map(({ digest, fingerprint, tags }) => ({ digest, fingerprint, tags })),
})
const refusal = (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => new AppError('INTERNAL', 'nothing was refused'),
    (error) => error,
  )
const tagsOf = async () => {
  const rows = await instance.db.read.selectFrom('tags').select(['name', 'digest']).execute()
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
}

/** A mirror of tags 1 and 2. */
async function mirrored(): Promise<string> {
  addImage(upstream, 'one', { tags: ['1'] })
  addImage(upstream, 'two', { tags: ['2'] })
  return (await instance.mirror('hub/app')).mirrorId
}

describe('a plan by images', () => {
  test('has one entry a root digest, with platforms, attestations, bytes and requests, each part counted once', async () => {
    const [a, b] = [addImage(upstream, 'a'), addImage(upstream, 'b', { layers: ['layer of a'] })]
    const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
    const children = [
      { ...a, ...platform('amd64') },
      { ...b, ...platform('arm64') },
    ]
    const index = addIndex(upstream, children, ['3', '3.1', 'latest'])
    addImage(upstream, 'sbom', { subject: index, artifactType: 'application/spdx+json' })
    const alone = addImage(upstream, 'alone', { layers: ['layer of a'], tags: ['alone'] })
    const { images, totals } = await instance.engine.planStart(REQUEST)
    const [first, second] = [index.digest, alone.digest].map((digest) => images.find((one) => one.digest === digest))
    expect(first).toMatchObject({
      action: 'fetch',
      platforms: ['linux/amd64', 'linux/arm64'],
      manifests: 3,
      attestations: 1,
    })
    expect(first?.tags.map(({ tag, action, from, to }) => [tag, action, from, to])).toEqual(
      ['3', '3.1', 'latest'].map((tag) => [tag, 'move', null, index.digest]),
    )
    expect(second).toMatchObject({ manifests: 1, platforms: [], tags: [{ tag: 'alone' }] })
    const sum = (name: 'manifests' | 'attestations' | 'blobs' | 'sizeBytes') =>
      images.reduce((all, image) => all + image[name], 0)
    expect([sum('manifests'), sum('attestations')]).toEqual([totals.manifests ?? -1, totals.referrers ?? -1])
    expect([sum('blobs'), sum('sizeBytes')]).toEqual([totals.blobs ?? -1, totals.sizeBytes ?? -1])
  })

  test('says about how many requests a run takes: no fewer than it asks for blobs, no more than it asks in all', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: ['a', 'b'] })
    const { totals } = await instance.engine.planStart(REQUEST)
    const before = upstream.calls.length
    await instance.mirror('hub/app')
    expect(totals.requests).toBeGreaterThanOrEqual(3)
    // The start itself looks once whether the repository is there.
    expect(totals.requests).toBe(upstream.calls.length - before - 1)
  })
})

describe('the id of a plan', () => {
  test('stays while nothing has changed, and whatever was staged meanwhile', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    addImage(upstream, 'two, moved', { tags: ['2'] })
    const plan = await instance.engine.planSync(mirrorId)
    expect((await instance.engine.planSync(mirrorId)).id).toBe(plan.id)
    // A run that ends after some of its blobs leaves staged content behind.
    let opened = 0
    upstream.before = (call) => {
      if (call === 'openBlob' && ++opened > 2) throw new AppError('UPSTREAM_UNAVAILABLE', 'gone')
    }
    await instance.sync(mirrorId)
    upstream.before = () => {}
    const again = await instance.engine.planSync(mirrorId)
    const left = plan.images.filter(({ digest }) => again.images.some((one) => one.digest === digest))
    expect(left.length).toBeGreaterThan(0)
    expect(planIdOf(again, left)).toBe(again.id as Digest)
  })

  test('is another for other tags asked for', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    const all = await instance.engine.planSync(mirrorId)
    const some = await instance.engine.planSync(mirrorId, { only: new Set(['1' as Tag]) })
    expect([some.images, some.tags]).toEqual([all.images, ['1']])
    expect(some.id).not.toBe(all.id)
  })
})

describe('a plan that is executed', () => {
  test('moves what it said', async () => {
    const mirrorId = await mirrored()
    const moved = addImage(upstream, 'one, moved', { tags: ['1', 'new'] })
    const plan = referenceTo(await instance.engine.planSync(mirrorId))
    const { run } = await instance.engine.sync(mirrorId, { plan })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect(await tagsOf()).toMatchObject({ '1': moved.digest, new: moved.digest })
  })

  test.each([
    ['a tag moved on', () => void addImage(upstream, 'again', { tags: ['1'] }), /1 is sha256:\w+ at upstream now/],
    ['a tag came', () => void addImage(upstream, 'x', { tags: ['3'] }), /3 would move to sha256:\w+, not in the plan/],
    ['a tag went', () => void upstream.tags.delete('1'), /1 was to move to sha256:\w+, and would not now/],
    [
      'an attestation came',
      () => {
        const digest = upstream.tags.get('1') ?? ''
        const stored = upstream.manifests.get(digest)
        const subject = { digest, mediaType: MediaType.ociManifest, size: stored?.bytes.byteLength ?? 0 }
        addImage(upstream, 'late', { subject, artifactType: 'application/spdx+json' })
      },
      /sha256:\w+ has other attestations or parts/,
    ],
  ])('does nothing when %s', async (_what, change, message) => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    const plan = await instance.engine.planSync(mirrorId)
    change()
    const before = await tagsOf()
    const refused = await refusal(instance.engine.sync(mirrorId, { plan: referenceTo(plan) }))
    expect([refused.code, refused.message]).toEqual(['CONFLICT', expect.stringMatching(message)])
    expect(refused.message).toContain('nothing was done')
    expect(await tagsOf()).toEqual(before)
    // Without its images it is refused too, and only cannot say what differs.
    expect((await refusal(instance.engine.sync(mirrorId, { plan: { id: plan.id } }))).code).toBe('CONFLICT')
    expect((await instance.engine.runs(mirrorId, { limit: 10 })).runs).toHaveLength(1)
  })

  test('does nothing when somebody has changed its images and left its id', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    addImage(upstream, 'three', { tags: ['3'] })
    const { id, images = [] } = referenceTo(await instance.engine.planSync(mirrorId))
    const [first, ...others] = images
    if (first === undefined) throw new Error('it has images')
    const elsewhere = first.tags.map((one) => ({ ...one, to: upstream.tags.get('2') as Digest }))
    const unknown = { ...first, fingerprint: first.digest }
    for (const changed of [others, [{ ...first, tags: elsewhere }, ...others], [unknown, first, ...others], []]) {
      const refused = await refusal(instance.engine.sync(mirrorId, { plan: { id, images: changed } }))
      expect([refused.code, refused.message]).toEqual(['CONFLICT', expect.stringContaining('the plan was changed')])
    }
    const { run } = await instance.engine.sync(mirrorId, { plan: { id, images: [...others, first] } })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
  })

  test('untags what it said, and nothing once upstream lists it again', async () => {
    const mirrorId = await mirrored()
    for (const n of [3, 4, 5, 6]) addImage(upstream, `${n}`, { tags: [`${n}`] })
    await instance.sync(mirrorId)
    await instance.engine.change(mirrorId, { vanished: 'untag', grace: '0', brake: 50 }, 'user:test')
    const gone = upstream.tags.get('2') ?? ''
    upstream.tags.delete('2')
    const plan = await instance.engine.planSync(mirrorId)
    expect(plan.images).toMatchObject([
      { digest: gone, action: 'untag', tags: [{ tag: '2', action: 'untag', from: gone, to: null }] },
    ])
    upstream.tags.set('2', gone)
    const refused = await refusal(instance.engine.sync(mirrorId, { plan: referenceTo(plan) }))
    expect(refused.message).toContain('2 was to be untagged, and would not now')
    upstream.tags.delete('2')
    const { run } = await instance.engine.sync(mirrorId, { plan: referenceTo(plan) })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect((await tagsOf())['2']).toBeUndefined()
  })

  test('names a few of many differences', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'x', { tags: ['3'] })
    const plan = referenceTo(await instance.engine.planSync(mirrorId))
    addImage(upstream, 'y', { tags: Array.from({ length: 12 }, (_, i) => `4.${i}`) })
    const { message } = await refusal(instance.engine.sync(mirrorId, { plan }))
    expect([message.match(/not in the plan/g)?.length, message]).toEqual([5, expect.stringContaining('; and 7 more;')])
  })

  test('leaves no mirror behind when it does not hold at the start', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const plan = referenceTo(await instance.engine.planStart(REQUEST))
    addImage(upstream, 'two', { tags: ['1'] })
    expect((await refusal(instance.engine.start({ ...REQUEST, by: 'user:test', plan }))).code).toBe('CONFLICT')
    expect((await instance.engine.list({ limit: 10 })).mirrors).toEqual([])
    const again = referenceTo(await instance.engine.planStart(REQUEST))
    const { run } = await instance.engine.start({ ...REQUEST, by: 'user:test', plan: again })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
  })

  test('is held again by the run itself: what moves between the look and the run moves nothing, and is no fault of the mirror', async () => {
    const mirrorId = await mirrored()
    const first = addImage(upstream, 'one, moved', { tags: ['1'] })
    const plan = referenceTo(await instance.engine.planSync(mirrorId))
    const before = await tagsOf()
    let listed = 0
    upstream.before = (call) => {
      if (call !== 'listTags' || ++listed !== 2) return
      putManifest(upstream, MediaType.ociIndex, { manifests: [first] }, ['1'])
    }
    const { run } = await instance.engine.sync(mirrorId, { plan })
    const ended = await instance.engine.wait(run.id)
    expect([ended.outcome, ended.failures[0]?.message]).toEqual([
      'failed',
      expect.stringMatching(/^the plan does not hold/),
    ])
    expect(await tagsOf()).toEqual(before)
    expect((await instance.engine.show(mirrorId)).state).toBe('active')
  })

  test('waits for the run under way by itself: nobody joins it', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    const plan = referenceTo(await instance.engine.planSync(mirrorId))
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    upstream.before = async () => {
      if (isHeld) await gate.promise
    }
    const { run: planned } = await instance.engine.sync(mirrorId, { plan })
    isHeld = true
    const { run: other } = await instance.engine.sync(mirrorId)
    expect(other.id).not.toBe(planned.id)
    gate.resolve()
    for (const { id } of [planned, other]) expect((await instance.engine.wait(id)).outcome).toBe('done')
  })

  test('that waits holds no more of what plans say than has room: of those beyond, a refusal names no differences', async () => {
    const mirrorId = await mirrored()
    addImage(upstream, 'one, moved', { tags: ['1'] })
    const { id, images } = referenceTo(await instance.engine.planSync(mirrorId))
    const gate = Promise.withResolvers<void>()
    upstream.before = async (call) => {
      if (call === 'openBlob') await gate.promise
    }
    await instance.engine.sync(mirrorId)
    const heldBack = { ...(images?.[0] ?? expect.unreachable()), fingerprint: `sha256:${'0'.repeat(64)}` }
    const padding = Array.from({ length: 30_000 }, () => ({ ...heldBack, tags: [] }))
    const large = { id, images: [...(images ?? []), ...padding] }
    const runs: string[] = []
    for (let i = 0; i < 4; i++) runs.push((await instance.engine.sync(mirrorId, { plan: large })).run.id)
    gate.resolve()
    const why = []
    for (const run of runs) why.push((await instance.engine.wait(run)).failures[0]?.message)
    expect(why[0]).toContain('1 was to move')
    expect(why[3]).toContain('its images were not given')
  })
})
