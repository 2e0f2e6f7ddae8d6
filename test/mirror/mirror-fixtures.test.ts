import { afterEach, beforeEach, expect, test } from 'bun:test'
import { describeOnEachEngine } from '../support/engines.ts'
import { describeWithFixtures, fixtureLayout, type Layout } from '../support/fixtures.ts'
import { mergeLayouts, splitReferrers, withoutTags } from '../support/layout-selection.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { expectMirrored } from './expect-mirrored.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'

let instance: MirrorInstance
beforeEach(async () => {
  instance = await openMirrorInstance()
})
afterEach(() => instance.close())

function serve(name: string, layout: Layout): MemoryRepository {
  const repository = memoryRepository(layout)
  instance.repositories.set(name, repository)
  return repository
}

describeWithFixtures('mirrors on each engine', () => {
  describeOnEachEngine('mirrors', (openFresh) => {
    test('bring in two releases at once with a signed tool, and converge', async () => {
      const onEngine = await openMirrorInstance({ db: await openFresh() })
      try {
        const [one, two] = [fixtureLayout('dhi-python/release-1'), fixtureLayout('dhi-python/release-2')]
        const tool = fixtureLayout('cosign-tags')
        onEngine.repositories.set('hub/python', memoryRepository(one))
        onEngine.repositories.set('hub/tool', memoryRepository(tool))
        const [python, tools] = await Promise.all([onEngine.mirror('hub/python'), onEngine.mirror('hub/tool')])
        expect([python.run.outcome, tools.run.outcome]).toEqual(['done', 'done'])
        onEngine.repositories.set('hub/python', memoryRepository(two))
        expect((await onEngine.sync(python.mirrorId)).outcome).toBe('done')
        await expectMirrored(await onEngine.reader('acme/dhi-python'), mergeLayouts([one, two]))
        await expectMirrored(await onEngine.reader('acme/dhi-tool'), tool)
      } finally {
        await onEngine.close()
      }
    })
  })
})

describeWithFixtures('a mirror of the fixtures', () => {
  for (const name of [
    'dhi-python/release-1',
    'cosign-tags',
    'cosign-bundle',
    'notation',
    'helm-chart',
    'oras-tree',
    'formats',
  ]) {
    test(`has every tag, manifest, blob and referrer of ${name}, byte by byte`, async () => {
      const layout = fixtureLayout(name)
      serve('hub/python', layout)
      const { run } = await instance.mirror('hub/python')
      expect([run.outcome, run.failures.filter((failure) => failure.code !== 'MANIFEST_UNKNOWN')]).toEqual(['done', []])
      expect(run.counts.tagsMoved).toBe(layout.tags.size)
      expect(run.counts.manifests + run.counts.referrers).toBe(layout.manifests.size)
      await expectMirrored(await instance.reader('acme/dhi-python'), layout)
    })
  }

  test('follows the next release: moved tags, late attestations of an unchanged image, and keeps what upstream deleted', async () => {
    const [before, after] = [fixtureLayout('dhi-python/release-1'), fixtureLayout('dhi-python/release-2')]
    serve('hub/python', before)
    const { mirrorId } = await instance.mirror('hub/python')
    serve('hub/python', after)
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.counts.tagsMoved, run.counts.tagsUnchanged]).toEqual(['done', 14, 3])
    await expectMirrored(await instance.reader('acme/dhi-python'), mergeLayouts([before, after]))
    const events = await instance.db.read
      .selectFrom('events')
      .select('kind')
      .where('kind', '=', 'referrers.published')
      .execute()
    expect(events.length).toBe(1)
  })

  test('a pass without news costs one tag list, one HEAD a tag and one referrers list per index and platform manifest', async () => {
    const layout = fixtureLayout('dhi-python/release-1')
    const upstream = serve('hub/python', layout)
    const { mirrorId } = await instance.mirror('hub/python')
    upstream.calls.length = 0
    const run = await instance.sync(mirrorId)
    const count = (call: string) => upstream.calls.filter((one) => one.call === call).length
    expect([run.outcome, run.counts.tagsMoved, run.counts.tagsUnchanged]).toEqual(['done', 0, 17])
    expect([count('listTags'), count('resolve'), count('listReferrers')]).toEqual([1, 17, 9])
    expect([count('readManifest'), count('openBlob')]).toEqual([0, 0])
  })

  test('takes image and attestations from two registries, and holds a root while one of them fails', async () => {
    const layout = fixtureLayout('dhi-python/release-1')
    const { images, referrers } = splitReferrers(layout)
    const scout = await instance.addUpstream('scout')
    await instance.addUpstream('both', { referrers_from: scout.id })
    serve('both/python', images)
    const { run, mirrorId } = await instance.mirror('both/python')
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_NOT_FOUND'])
    const reader = await instance.reader('acme/dhi-python')
    for await (const { tag } of reader.listTags()) throw new Error(`${tag} was published without its attestations`)
    serve('scout/python', referrers)
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    await expectMirrored(reader, layout)
  })

  test('cosign tags of a separate referrer source belong to the images that they sign', async () => {
    const layout = fixtureLayout('cosign-tags')
    const { images, referrers } = splitReferrers(layout)
    const scout = await instance.addUpstream('scout')
    await instance.addUpstream('both', { referrers_from: scout.id })
    serve('both/tool', images)
    serve('scout/tool', referrers)
    expect((await instance.mirror('both/tool')).run.outcome).toBe('done')
    await expectMirrored(await instance.reader('acme/dhi-tool'), layout)
  })

  test('says which tag it could not have, and goes on with the others', async () => {
    const layout = fixtureLayout('formats')
    const upstream = serve('hub/formats', layout)
    const [tag, digest] = [...layout.tags].find(([name]) => name === 'sha512') ?? []
    const blob = layout.manifests.get(String(digest))?.blobs.find((one) => one.startsWith('sha512'))
    upstream.blobs.set(String(blob), new TextEncoder().encode('not what it says'))
    const { run } = await instance.mirror('hub/formats')
    expect(run.outcome).toBe('partial')
    expect(run.failures.some((failure) => failure.tag === tag && failure.digest === blob)).toBe(true)
    const failed = run.failures
      .filter((failure) => failure.code !== 'MANIFEST_UNKNOWN')
      .map((failure) => String(failure.tag))
    const good = withoutTags(layout, failed)
    expect(good.tags.size).toBeGreaterThan(30)
    await expectMirrored(await instance.reader('acme/dhi-formats'), good)
  })
})
