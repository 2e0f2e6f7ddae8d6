// Selections of the fixtures: what is served is held against the layout without what the selection leaves out, byte by byte.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Selection } from '../../../src/api/selection.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { describeWithFixtures, fixtureLayout, type Layout, makeLayout } from '../../support/fixtures.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { expectMirrored } from '../expect-mirrored.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'

interface Document {
  readonly manifests?: readonly { readonly digest: string; readonly platform?: { readonly architecture: string } }[]
  readonly layers?: readonly { readonly annotations?: Readonly<Record<string, string>> }[]
}

const documentOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Document

/** Entries of indexes for another architecture. */
function otherThan(layout: Layout, architecture: string): string[] {
  return [...layout.manifests.values()].flatMap(({ bytes }) =>
    (documentOf(bytes).manifests ?? []).flatMap(({ digest, platform }) =>
      platform === undefined || platform.architecture === architecture ? [] : [digest],
    ),
  )
}

/** The digest that a tag of cosign hangs on. */
const subjectOfTag = (tag: string) => /^(sha256)-([0-9a-f]{64})\./.exec(tag)?.slice(1).join(':')

/** The layout without these manifests and without all that hangs on them, by subject or by cosign's tags. */
function without(layout: Layout, dropped: Iterable<string>): Layout {
  const gone = new Set(dropped)
  for (let before = -1; before !== gone.size; ) {
    before = gone.size
    for (const [subject, referrers] of layout.referrers)
      if (gone.has(subject)) for (const one of referrers) gone.add(one)
    for (const [tag, digest] of layout.tags) if (gone.has(subjectOfTag(tag) ?? '')) gone.add(digest)
  }
  const manifests = new Map([...layout.manifests].filter(([digest]) => !gone.has(digest)))
  const needed = new Set([...manifests.values()].flatMap(({ blobs, children }) => [...blobs, ...children]))
  return makeLayout({
    ...layout,
    tags: new Map([...layout.tags].filter(([, digest]) => !gone.has(digest))),
    manifests,
    blobs: new Map([...layout.blobs].filter(([digest]) => needed.has(digest))),
  })
}

let instance: MirrorInstance
beforeEach(async () => {
  instance = await openMirrorInstance()
})
afterEach(() => instance.close())

async function start(layout: Layout, selection: Selection, on = instance) {
  const upstream = memoryRepository(layout)
  on.repositories.set('hub/app', upstream)
  const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:ann', settings: { selection } }
  const { mirror, run } = await on.engine.start(request)
  const ended = await on.engine.wait(run.id)
  expect([ended.outcome, ended.counts.failed]).toEqual(['done', 0])
  return { mirrorId: mirror.id, upstream }
}

async function expectOnly(layout: Layout, selected: Layout, on = instance): Promise<void> {
  const reader = await on.reader('acme/dhi-app')
  await expectMirrored(reader, selected)
  for (const digest of layout.manifests.keys()) {
    if (selected.manifests.has(digest)) continue
    expect([digest, await reader.readManifest({ digest: digest as Digest })]).toEqual([digest, undefined])
  }
}

describeWithFixtures('a selection on each engine', () => {
  describeOnEachEngine('platforms and predicates', (openFresh) => {
    test('take their part, and the rest when they are widened', async () => {
      const on = await openMirrorInstance({ db: await openFresh() })
      try {
        const layout = fixtureLayout('dhi-python/release-1')
        const unwanted = [...layout.manifests.values()].filter(
          ({ subject, predicateType }) =>
            subject !== undefined &&
            layout.manifests.get(subject)?.subject === undefined &&
            predicateType?.includes('slsa.dev') !== true,
        )
        const selected = without(layout, [...otherThan(layout, 'arm64'), ...unwanted.map(({ digest }) => digest)])
        expect(selected.manifests.size).toBeLessThan(layout.manifests.size / 3)
        const selection = { platforms: ['linux/arm64'], referrers: ['https://slsa.dev/*'] }
        const { mirrorId, upstream } = await start(layout, selection, on)
        await expectOnly(layout, selected, on)
        upstream.calls.length = 0
        await on.engine.wait((await on.engine.sync(mirrorId)).run.id)
        expect(upstream.calls.filter(({ call }) => call === 'readManifest' || call === 'openBlob')).toEqual([])
        await on.engine.change(mirrorId, { selection: null }, 'user:ann')
        await on.engine.wait((await on.engine.sync(mirrorId)).run.id)
        await expectMirrored(await on.reader('acme/dhi-app'), layout)
      } finally {
        await on.close()
      }
    })
  })
})

describeWithFixtures('a selection of the fixtures', () => {
  test('one platform, with the signatures and attestations in tags that hang on it', async () => {
    const layout = fixtureLayout('cosign-tags')
    await start(layout, { platforms: ['linux/amd64'] })
    const selected = without(layout, otherThan(layout, 'amd64'))
    expect(selected.tags.size).toBeLessThan(layout.tags.size)
    await expectOnly(layout, selected)
  })

  test.each([
    ['*cosign.artifact.sig*', '.sig'],
    ['https://*', '.att'],
    ['*cyclonedx*', '.sbom'],
  ])("cosign's tags by their kind: %s takes %s", async (type, suffix) => {
    const layout = fixtureLayout('cosign-tags')
    const kinds = [...layout.tags].filter(([tag]) => subjectOfTag(tag) !== undefined)
    // What hangs on a chosen one is chosen with it.
    const attached = new Map(kinds.map(([tag, digest]) => [digest, tag]))
    const isTaken = (tag: string): boolean => {
      const on = attached.get(subjectOfTag(tag) ?? '')
      return on === undefined
        ? tag.endsWith(suffix) || predicates(tag).some((one) => one.includes(type.replaceAll('*', '')))
        : isTaken(on)
    }
    const predicates = (tag: string) =>
      (documentOf(layout.manifests.get(layout.tags.get(tag) ?? '')?.bytes ?? new Uint8Array()).layers ?? []).flatMap(
        ({ annotations }) => annotations?.predicateType ?? [],
      )
    await start(layout, { referrers: [type] })
    const dropped = kinds.filter(([tag]) => !isTaken(tag)).map(([, digest]) => digest)
    expect(dropped.length).toBeGreaterThan(0)
    expect(dropped.length).toBeLessThan(kinds.length)
    await expectOnly(layout, without(layout, dropped))
  })

  test('bundles by what they attest', async () => {
    const layout = fixtureLayout('cosign-bundle')
    await start(layout, { referrers: ['https://openvex.dev/*'] })
    const dropped = [...layout.manifests.values()].filter(
      ({ subject, predicateType }) =>
        subject !== undefined &&
        layout.manifests.get(subject)?.subject === undefined &&
        predicateType?.startsWith('https://openvex.dev/') !== true,
    )
    expect(dropped.length).toBeGreaterThan(0)
    await expectOnly(
      layout,
      without(
        layout,
        dropped.map(({ digest }) => digest),
      ),
    )
  })

  test('versions, of which only the names in the range come', async () => {
    const layout = fixtureLayout('dhi-python/release-1')
    await start(layout, { semver: '>=3.13 <3.14', tags: ['!*-dev'] })
    const tags: string[] = []
    for await (const { tag } of (await instance.reader('acme/dhi-app')).listTags()) tags.push(tag)
    expect(tags).toEqual(['3.13', '3.13-debian', '3.13-debian13', '3.13.9', '3.13.9-debian13'])
  })
})
