// Which kinds of attestations each tag has, in the forms of all tools, told by what manifests say of themselves.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { fillAttested } from '../../src/contents/fill-attested.ts'
import { LEASE } from '../../src/contents/indexer.ts'
import { listTagsTo } from '../../src/db/content/image-search.ts'
import type { Database, Queries } from '../../src/db/engine/engine.ts'
import { measureTags } from '../../src/db/mirrors/tag-measure.ts'
import { summarizeTags } from '../../src/db/mirrors/tag-summaries.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import { attestedBy, attestedOf } from '../../src/oci/attested.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { referencesOf } from '../../src/oci/manifest.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

async function attested(db: Database, { id }: RepositoryRow): Promise<Record<string, string>> {
  const { items } = await summarizeTags(db.read, id, { limit: 1000 })
  return Object.fromEntries(items.map((tag) => [tag.name, tag.attested.join(' ')]))
}

/** All but those that have none. */
function some(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([, kinds]) => kinds !== ''))
}

const ALL = 'signature sbom provenance vex scan'
const EXPECTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // The index by two keys, attested; vuln on one of its platforms. The other is signed by tag, and has an attestation of its own.
  'cosign-tags': {
    ...Object.fromEntries(['1', '1.4', '1.4.0'].map((tag) => [tag, 'signature sbom provenance scan'])),
    'tool-0.9': 'signature other',
  },
  'cosign-bundle': { '2': ALL, '2.0.3': ALL, stable: ALL },
  notation: { '3.1': 'signature', '3.1.0': 'signature' },
  'helm-chart': { '0.4.2': 'signature sbom provenance' },
  'oras-tree': { '6.2': 'sbom scan other', current: 'sbom scan other' },
  'referrers-fallback-tags': { '6.2': 'signature sbom scan' },
}

describeWithFixtures('what tags have attached', () => {
  let one: IndexedInstance
  let python: RepositoryRow
  beforeAll(async () => {
    one = await openIndexed()
    python = await one.put('python', fixtureLayout('dhi-python/release-1'))
  })
  afterAll(() => one.close())

  test('a hardened image: bare statements on its platforms, a signature on its index', async () => {
    const tags = await attested(one.db, python)
    expect(Object.keys(tags)).toHaveLength(17)
    expect([...new Set(Object.values(tags))]).toEqual([`${ALL} other`])
  })

  test('tags that lead to a manifest, by themselves or through its index, are found for many at once', async () => {
    const { id } = python
    const rows = await one.db.read.selectFrom('tags').selectAll().where('repository_id', '=', id).execute()
    const index = rows.find(({ name }) => name === '3.13')?.digest as Digest
    const own = rows.flatMap(({ name, digest }) => (digest === index ? [name] : [])).sort()
    const parts = await one.db.read
      .selectFrom('manifest_references')
      .select('digest')
      .where('parent_digest', '=', index)
      .execute()
    const digests = [index, ...parts.map(({ digest }) => digest as Digest)]
    expect(digests).toHaveLength(3)
    const all = await listTagsTo(one.db.read, id, digests, 20)
    expect(digests.map((digest) => all.get(digest))).toEqual([own, own, own])
    const first = await listTagsTo(one.db.read, id, digests, 2)
    expect(digests.map((digest) => first.get(digest))).toEqual(digests.map(() => own.slice(0, 2)))
  })

  for (const [layout, expected] of Object.entries(EXPECTED)) {
    test(`as its tools leave it: ${layout}`, async () => {
      expect(some(await attested(one.db, await one.put(layout, fixtureLayout(layout))))).toEqual(expected)
    })
  }

  test('odd content: BuildKit lists beside, artifacts of no kind are other', async () => {
    const tags = some(await attested(one.db, await one.put('formats', fixtureLayout('formats'))))
    expect(tags['buildkit-attested']).toBe('sbom provenance')
    const { 'buildkit-attested': _, ...rest } = tags
    expect(new Set(Object.values(rest))).toEqual(new Set(['other']))
  })

  test('many at once are measured as each by itself, and no further than the budget', async () => {
    const { id } = await one.repository('acme/dhi-formats')
    const rows = await one.db.read
      .selectFrom('tags')
      .select('digest')
      .distinct()
      .where('repository_id', '=', id)
      .execute()
    const digests = rows.map(({ digest }) => digest as Digest)
    const together = await measureTags(one.db.read, id, digests, Number.MAX_SAFE_INTEGER)
    expect(together.map(({ digest }) => digest)).toEqual(digests)
    const alone = await Promise.all(digests.map((digest) => measureTags(one.db.read, id, [digest], 0)))
    expect(alone.flat()).toEqual(together)
    const half = together.reduce((sum, { workBytes }) => sum + workBytes, 0) / 2
    const first = await measureTags(one.db.read, id, digests, half)
    expect(first.length).toBeGreaterThan(1)
    expect(first.length).toBeLessThan(digests.length)
    expect(first).toEqual(together.slice(0, first.length))
  })
})

describeOnEachEngine('what tags have attached', (openFresh) =>
  describeWithFixtures('many of them', () => {
    const type = 'application/vnd.oci.image.manifest.v1+json'

    /** Images with an SBOM each; `extra` more of no kind hang on the first. */
    async function images(db: Database, count: number, extra = 0): Promise<RepositoryRow> {
      const one = await openIndexed(db)
      const repository = await one.put('cosign-bundle', fixtureLayout('cosign-bundle'))
      const at = '2026-01-31T00:00:00.000Z'
      const hex = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}`
      await db.write(async (tx) => {
        const make = async (
          from: number,
          to: number,
          of: (n: number) => { subject: string | null; attested: number },
        ) => {
          for (let n = from; n < to; n += 100) {
            const all = Array.from({ length: Math.min(100, to - n) }, (_, i) => n + i)
            const none = { subject_digest: null, artifact_type: null, annotations: null, created_at: at }
            const rows = all.map((i) => ({ digest: hex(i), size_bytes: 1, bytes: new Uint8Array(1), ...none }))
            await tx
              .insertInto('manifests')
              .values(rows as never)
              .execute()
            const links = all.map((i) => {
              const { subject, attested: bits } = of(i)
              const link = { repository_id: repository.id, digest: hex(i), media_type: type, subject_digest: subject }
              return { ...link, pushed_at: at, mirrored_at: null, published_at: at, size_bytes: 1, attested: bits }
            })
            await tx
              .insertInto('repository_manifests')
              .values(links as never)
              .execute()
          }
        }
        await make(0, count, () => ({ subject: null, attested: 32 }))
        await make(count, 2 * count, (n) => ({ subject: hex(n - count), attested: 2 }))
        await make(2 * count, 2 * count + extra, () => ({ subject: hex(0), attested: 32 }))
        for (let n = 0; n < count; n += 100) {
          const tags = Array.from({ length: Math.min(100, count - n) }, (_, i) => n + i)
          const rows = tags.map((i) => ({ repository_id: repository.id, name: `t${i}`, digest: hex(i), moved_at: at }))
          await tx
            .insertInto('tags')
            .values(rows as never)
            .execute()
        }
      })
      return repository
    }

    test('is asked for with few queries, however many tags a page has', async () => {
      const db = await openFresh()
      const { id } = await images(db, 900)
      let queries = 0
      const counted = db.read.withPlugin({
        transformQuery: ({ node }) => {
          queries++
          return node
        },
        transformResult: async ({ result }) => result,
      }) as Queries
      const { items } = await summarizeTags(counted, id, { limit: 1000 })
      expect(items).toHaveLength(903)
      expect(items.filter((tag) => tag.attested.join(' ') === 'sbom' && tag.referrers === 1)).toHaveLength(900)
      expect(queries).toBeLessThan(100)
    })

    test('what somebody hangs on one image by the thousands hides nothing of others', async () => {
      const db = await openFresh()
      const { id } = await images(db, 3, 41_000)
      const { items } = await summarizeTags(db.read, id, { limit: 1000 })
      const of = (name: string) => items.find((tag) => tag.name === name)
      expect(of('t0')).toMatchObject({ referrers: 10_000, isPartial: true })
      expect(of('t1')).toMatchObject({ referrers: 1, isPartial: false, attested: ['sbom'] })
      expect(of('stable')).toMatchObject({ isPartial: false, attested: ALL.split(' ') })
    })

    test('what was here before is read in portions, once for all repositories, by who has the lease', async () => {
      const db = await openFresh()
      const one = await openIndexed(db)
      const repositories = [
        await one.put('cosign-tags', fixtureLayout('cosign-tags')),
        await one.put('again', fixtureLayout('cosign-tags')),
        await one.put('formats', fixtureLayout('formats')),
      ]
      const all = () => Promise.all(repositories.map((repository) => attested(db, repository)))
      const before = await all()
      await db.write((tx) => tx.updateTable('repository_manifests').set({ attested: null }).execute())
      expect((await all()).flatMap((tags) => Object.keys(some(tags)))).toEqual([])
      const now = '9999-01-01T00:00:00.000Z'
      const generation = await db.write((tx) => claimLease(tx, { key: LEASE, holder: 'b', now, expiresAt: now }))
      const fence = { key: LEASE, generation: generation ?? 0 }
      await expect(fillAttested({ db, fence: { ...fence, generation: 0 } })).rejects.toThrow(
        /lease|generation|another/i,
      )
      let portions = 0
      while (await fillAttested({ db, fence })) portions++
      // One manifest of `formats` alone has nearly as many bytes as a portion.
      expect(portions).toBeGreaterThan(1)
      expect(await all()).toEqual(before)
    })
  }),
)

test('a manifest says what it is by its types, its layers and its predicates', () => {
  const of = (manifest: object) =>
    attestedOf(
      attestedBy(referencesOf(new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...manifest })))),
    ).join(' ')
  const layer = (mediaType: string, predicate?: string) => ({
    mediaType,
    digest: `sha256:${'a'.repeat(64)}`,
    size: 1,
    ...(predicate === undefined ? {} : { annotations: { 'in-toto.io/predicate-type': predicate } }),
  })
  const inToto = 'application/vnd.in-toto+json'
  const config = layer('application/vnd.oci.empty.v1+json')
  expect(of({ config, layers: [layer('application/vnd.oci.image.layer.v1.tar+gzip')] })).toBe('other')
  expect(of({ config, layers: [] })).toBe('other')
  expect(of({ config, artifactType: 'application/spdx+json', layers: [] })).toBe('sbom')
  expect(of({ config, layers: [layer('application/vnd.cyclonedx+json;version=1.5')] })).toBe('sbom')
  expect(of({ config, layers: [layer('application/sarif+json')] })).toBe('scan')
  expect(of({ config, artifactType: inToto, layers: [layer(inToto, 'https://slsa.dev/provenance/v1')] })).toBe(
    'provenance',
  )
  expect(of({ config, layers: [layer(inToto, 'https://slsa.dev/verification_summary/v1')] })).toBe('other')
  // What is not named is not guessed, though the words stand somewhere.
  expect(of({ config, layers: [layer(inToto, 'https://example.com/spdx')] })).toBe('other')
  expect(of({ config, artifactType: inToto, layers: [layer(inToto)] })).toBe('other')
  const two = [
    layer(inToto, 'https://spdx.dev/Document/v2.3'),
    layer(inToto, 'https://openvex.dev/ns/v0.2.0'),
    layer(inToto),
  ]
  expect(of({ config, layers: two })).toBe('sbom vex')
  expect(
    of({ config, layers: [layer('application/jose+json')], artifactType: 'application/vnd.cncf.notary.signature' }),
  ).toBe('signature')
  expect(of({ manifests: [] })).toBe('other')
})
