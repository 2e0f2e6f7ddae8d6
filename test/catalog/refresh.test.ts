// A catalog as it is read and kept: from a registry's list, a given list or definitions; through failures, shrinking and other servers.
import { expect, test } from 'bun:test'
import { type Catalogs, type CatalogsOptions, createCatalogs } from '../../src/catalog/catalogs.ts'
import { countStoredDefinitions } from '../../src/catalog/counted-texts.ts'
import { listEntries, showEntry } from '../../src/catalog/entries.ts'
import { measureDefinitions } from '../../src/db/content/definition-texts.ts'
import { countUsageAnew, foldUsage, readUsage } from '../../src/db/content/usage.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { findCatalog } from '../../src/db/mirrors/catalogs.ts'
import { createUpstream, removeUpstream } from '../../src/db/mirrors/upstreams.ts'
import { createOrganization, setOrganizationQuota } from '../../src/db/people/organizations.ts'
import type { UpstreamRow } from '../../src/db/schema.ts'
import { AppError } from '../../src/errors.ts'
import { acquireLease } from '../../src/jobs/leases.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'
import { sampleRepositories } from '../../src/sample/repositories.ts'
import { newSampleKey } from '../sample/reading.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { memoryRepository } from '../support/memory-repository.ts'
import { upstreamRow } from '../support/upstream-row.ts'

const at = '2026-01-31T00:00:00.000Z'
const viewer = { kind: 'anybody', isPublicSeen: true } as const

/** The sample's python; nothing is in any other repository. */
function readerOf(repository: string) {
  const [python] = repository === 'python' ? sampleRepositories(1, newSampleKey()) : []
  if (python === undefined) return memoryRepository().reader()
  const manifests = python.manifests.map(
    ({ descriptor, bytes }) => [descriptor.digest, { mediaType: descriptor.mediaType, bytes }] as const,
  )
  return memoryRepository({ tags: python.tags, manifests: new Map(manifests), blobs: python.blobs } as never).reader()
}

/** A registry that lists what it is told, or fails as it is told. */
interface Registry {
  names: readonly string[]
  failure?: AppError | undefined
  definitions: Record<string, string>
  broken?: AppError | undefined
  asked: string[]
}

function definition(name: string): Record<string, string> {
  return {
    [`image/${name}/debian-13/1.yaml`]: `image: dhi.io/${name}\ntags: ["1"]\ndates: {end-of-life: "2099-01-01"}\n`,
    [`image/${name}/info.yaml`]: `metadata: {display-name: The ${name}, categories: [security]}\n`,
    [`image/${name}/logo.svg`]: `<svg xmlns="http://www.w3.org/2000/svg"><title>${name}</title></svg>`,
  }
}

describeOnEachEngine('the catalog of an upstream', (openFresh) => {
  async function begin(o: Partial<CatalogsOptions> = {}) {
    const db = await openFresh()
    const upstream = await db.write((tx) => createUpstream(tx, upstreamRow()))
    const registry: Registry = { names: [], definitions: {}, asked: [] }
    const options: CatalogsOptions = {
      db,
      clock: systemClock,
      logger: createLogger('error'),
      places: {
        folders: new Map(),
        sampleDefinitions: () => {
          const files = Object.entries(registry.definitions)
          if (files.length === 0) return undefined
          return async () => {
            if (registry.broken !== undefined) throw registry.broken
            return { files: new Map(files.map(([path, text]) => [path, new TextEncoder().encode(text)])), notes: [] }
          }
        },
        http: createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] } }),
      },
      openRegistry: () => ({
        async *listRepositories() {
          if (registry.failure !== undefined) throw registry.failure
          for (const name of registry.names) yield name as RepositoryName
        },
      }),
      openRepository: (_, repository) => {
        registry.asked.push(repository)
        return readerOf(repository)
      },
      ...o,
    }
    return { db, upstream, registry, options, catalogs: createCatalogs(options) }
  }

  async function read(catalogs: Catalogs, db: Database, upstream: UpstreamRow, o?: { acceptShrink?: boolean }) {
    await catalogs.refresh(upstream.id, { isForced: true, ...o })
    expect(await catalogs.work(upstream.id)).toBe(true)
    const row = await findCatalog(db.read, upstream.id)
    const entries = await listEntries(db, upstream, row, {
      organizationIds: [],
      viewer,
      today: '2026-01-31',
      limit: 1000,
    })
    return { row, entries, names: entries.map(({ repository }) => repository) }
  }

  test('lists what the registry lists, and describes it by definitions and by what an image says', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.names = ['app', 'python', 'team/tool']
    registry.definitions = { ...definition('app'), ...definition('elsewhere') }
    const { row, entries } = await read(catalogs, db, upstream)
    expect(row).toMatchObject({
      source: 'registry',
      entries: 3,
      problem: null,
      definitions_entries: 2,
      failed_reads: 0,
    })
    const [app, python, tool] = entries
    expect(app).toMatchObject({ title: 'The app', kind: 'image', categories: ['security'], support: 'active' })
    expect(app?.logo).toMatch(/^[0-9a-f]{8}$/)
    expect(python).toMatchObject({ title: 'Python', kind: 'image', compliance: ['cis'], logo: null })
    expect(python).toMatchObject({ distributions: ['debian-13'], supportedUntil: '2029-10-31' })
    expect(tool).toMatchObject({ repository: 'team/tool', title: null, kind: null, support: null })
    const detail = await showEntry(db, upstream, 'python', { organizationIds: [], viewer, today: '2030-01-01' })
    expect(detail.variants).toMatchObject([
      { platforms: ['linux/amd64', 'linux/arm64'], user: '65532', shell: 'none', support: 'ended' },
    ])
    await expect(showEntry(db, upstream, 'none', { organizationIds: [], viewer, today: at })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    // Those that nothing describes are looked at first; what was read is not read again.
    expect(registry.asked).toEqual(['python', 'team/tool', 'app'])
    await read(catalogs, db, upstream)
    expect(registry.asked).toHaveLength(3)
  })

  test('is kept when a read fails, and says since when and why', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.names = ['a', 'b']
    await read(catalogs, db, upstream)
    registry.failure = new AppError('UPSTREAM_UNAVAILABLE', 'the registry is away')
    const { row, names } = await read(catalogs, db, upstream)
    expect(names).toEqual(['a', 'b'])
    expect(row).toMatchObject({
      problem_code: 'UPSTREAM_UNAVAILABLE',
      problem: 'the registry is away',
      failed_reads: 1,
    })
    const again = (await read(catalogs, db, upstream)).row
    expect([again?.failed_reads, again?.problem_since]).toEqual([2, row?.problem_since ?? ''])
    registry.failure = undefined
    expect((await read(catalogs, db, upstream)).row).toMatchObject({
      problem: null,
      problem_since: null,
      failed_reads: 0,
    })
  })

  test('is kept when it shrinks suspiciously, until somebody says that it is right', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.names = Array.from({ length: 20 }, (_, n) => `app${n}`)
    await read(catalogs, db, upstream)
    for (const left of [9, 0]) {
      registry.names = registry.names.slice(0, left)
      const { row, names } = await read(catalogs, db, upstream)
      expect(names).toHaveLength(20)
      expect(row?.problem).toContain(`lists ${left} of the 20 entries`)
    }
    registry.names = ['app1']
    expect((await read(catalogs, db, upstream, { acceptShrink: true })).names).toEqual(['app1'])
    // A small one may lose what it likes, but not all of it.
    registry.names = []
    expect((await read(catalogs, db, upstream)).names).toEqual(['app1'])
  })

  test('of a registry that lists nothing is what its definitions describe; broken, they stay as they were', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.failure = new AppError('UPSTREAM_UNSUPPORTED', 'no catalog')
    const bare = await begin()
    bare.registry.failure = registry.failure
    await bare.catalogs.refresh(bare.upstream.id)
    await bare.catalogs.work(bare.upstream.id)
    expect(await findCatalog(bare.db.read, bare.upstream.id)).toMatchObject({
      read_at: null,
      problem_code: 'UPSTREAM_UNSUPPORTED',
    })
    registry.definitions = { ...definition('one'), ...definition('two') }
    const { row, names } = await read(catalogs, db, upstream)
    expect([row?.source, names]).toEqual(['definitions', ['one', 'two']])
    registry.broken = new AppError('UPSTREAM_INVALID', 'broken archive')
    const broken = await read(catalogs, db, upstream)
    expect([broken.names, broken.entries[0]?.title]).toEqual([['one', 'two'], 'The one'])
    expect(broken.row?.problem).toBe('broken archive')
    registry.broken = undefined
    // Only what is another is described anew; what is gone is described no more.
    registry.definitions = { ...definition('two'), ...definition('three') }
    registry.failure = undefined
    registry.names = ['one', 'three', 'two']
    const last = await read(catalogs, db, upstream)
    expect(last.entries.map(({ title }) => title)).toEqual([null, 'The three', 'The two'])
    expect(last.entries[0]?.logo).toBeNull()
  })

  test('can be a list that people gave, which is asked of nobody', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.failure = new AppError('UPSTREAM_UNSUPPORTED', 'no catalog')
    await catalogs.change(upstream, { names: ['b', 'a', 'b'] })
    const { row, names } = await read(catalogs, db, upstream)
    expect([row?.source, names]).toEqual(['given', ['a', 'b']])
    for (const definitions of [
      'http://a.example/x.tgz',
      'https://user:secret@a.example/x.tgz',
      'file:///etc/passwd',
      '/srv/x',
    ]) {
      await expect(catalogs.change(upstream, { definitions })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    }
    registry.failure = undefined
    registry.names = ['c']
    await catalogs.change(upstream, { names: null })
    expect((await read(catalogs, db, upstream)).names).toEqual(['c'])
  })

  test('is read by one server at a time; what people change meanwhile counts', async () => {
    const { db, upstream, registry, options, catalogs } = await begin()
    registry.names = ['a']
    const key = `catalog:${upstream.id}`
    const lease = await acquireLease({ db, clock: systemClock, key, holder: 'another', ttlMs: 60_000 })
    await catalogs.refresh(upstream.id)
    expect(await catalogs.work(upstream.id)).toBe(false)
    await lease?.release()
    const slow = createCatalogs({
      ...options,
      openRegistry: () => ({
        async *listRepositories() {
          await catalogs.change(upstream, { names: ['given'] })
          yield 'listed' as RepositoryName
        },
      }),
    })
    await expect(slow.work(upstream.id)).rejects.toMatchObject({ code: 'CANCELLED' })
    expect((await read(catalogs, db, upstream)).names).toEqual(['given'])
  })

  test('of a registry that never ends its list is given up, as one that is away', async () => {
    const { db, upstream, options } = await begin()
    const endless = createCatalogs({
      ...options,
      maxNamesMs: 1,
      openRegistry: () => ({
        async *listRepositories() {
          for (;;) {
            await new Promise((resolve) => setImmediate(resolve))
            yield 'same' as RepositoryName
          }
        },
      }),
    })
    await endless.refresh(upstream.id)
    expect(await endless.work(upstream.id)).toBe(true)
    const row = await findCatalog(db.read, upstream.id)
    expect(row).toMatchObject({ problem_code: 'UPSTREAM_UNAVAILABLE', failed_reads: 1 })
    expect(row?.problem).toContain('has not listed its repositories within 0.001 seconds')
  })

  test('is searched by a part of a name or a title, whatever signs and case that has', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    registry.names = [
      'a_b',
      'axb',
      'caf',
      'odd',
      'plain',
      'team/tool',
      ...Array.from({ length: 1200 }, (_, n) => `z${n}`),
    ]
    const titled = (name: string, title: string) => ({
      [`image/${name}/debian-13/1.yaml`]: `image: dhi.io/${name}\n`,
      [`image/${name}/info.yaml`]: `metadata: ${JSON.stringify({ 'display-name': title, 'short-description': 'Title, description' })}\n`,
    })
    registry.definitions = {
      ...titled('caf', 'CAFÉ Österreich'),
      ...titled('odd', '100% "odd" \\ title'),
      ...titled('plain', 'Plain'),
    }
    const { row } = await read(catalogs, db, upstream)
    const find = async (part: string, limit = 1000, after?: string) => {
      const o = { organizationIds: [], viewer, today: '2026-01-31', limit, after, part }
      return (await listEntries(db, upstream, row, o)).map(({ repository }) => repository)
    }
    for (const [part, found] of [
      ['a_b', ['a_b']],
      ['AXB', ['axb']],
      ['café ö', ['caf']],
      ['100% "', ['odd']],
      ['\\ TIT', ['odd']],
      ['0%t', []],
      ['Plain', ['plain']],
      ['hub/tea', ['team/tool']],
      ['m/t', ['team/tool']],
      // What stands behind the title in what is kept is none.
      ['description', []],
      ['title":', []],
    ] as const) {
      expect([part, await find(part)]).toEqual([part, [...found]])
    }
    expect(await find('hub/', 3)).toEqual(['a_b', 'axb', 'caf'])
    expect(await find('z', 2, 'z1198')).toEqual(['z1199', 'z12'])
    expect(await find('z', 2000)).toHaveLength(1200)
  })

  test('of an organization counts in what it stores, and is refused as a whole where its quota has no room', async () => {
    const { db, upstream, registry, catalogs } = await begin()
    const { row: acme } = await db.write((tx) => createOrganization(tx, { name: 'acme', at }))
    const own = await db.write((tx) => createUpstream(tx, upstreamRow({ name: 'own', organization_id: acme.id })))
    const usage = async () => (await readUsage(db.read, acme.id)).linkedBytes
    const counted = async () => {
      const stored = await measureDefinitions(db.read, acme.id)
      expect(await usage()).toBe(stored)
      await db.write((tx) => foldUsage(tx, 1000))
      expect([await usage(), await db.write((tx) => countUsageAnew(tx, acme.id))]).toEqual([stored, stored])
      expect(await db.read.selectFrom('stage_reservations').selectAll().execute()).toEqual([])
      return stored
    }
    registry.names = ['one', 'two', 'three']
    registry.definitions = { ...definition('one'), ...definition('two') }
    // The operator's count to nobody.
    await read(catalogs, db, upstream)
    expect(await usage()).toBe(0)
    await read(catalogs, db, own)
    const two = await counted()
    expect(two).toBeGreaterThan(2 * (definition('one')['image/one/logo.svg'] ?? '').length)
    // As many bytes instead of others fit into a quota that is full.
    await db.write((tx) => setOrganizationQuota(tx, acme.id, two))
    const large = (text: string) => ({ ...definition('one'), 'image/one/overview.md': text })
    registry.definitions = { ...large('x'.repeat(50)), ...definition('two'), ...definition('three') }
    const refused = await read(catalogs, db, own)
    expect(refused.row?.definitions_problem).toContain(
      "the definitions are not stored: the organization's quota has no room for",
    )
    expect(refused.row).toMatchObject({ problem: null, definitions_entries: 2 })
    expect(refused.entries.map(({ title }) => title)).toEqual(['The one', null, 'The two'])
    expect(await counted()).toBe(two)
    await db.write((tx) => setOrganizationQuota(tx, acme.id, 2 * two))
    expect((await read(catalogs, db, own)).row).toMatchObject({ definitions_problem: null, definitions_entries: 3 })
    const three = await counted()
    expect(three).toBeGreaterThan(two + 50)
    // What goes makes room for what comes, in the same read.
    await db.write((tx) => setOrganizationQuota(tx, acme.id, three))
    registry.names = ['one', 'two', 'four']
    registry.definitions = { ...large('y'.repeat(40)), ...definition('two'), ...definition('four') }
    expect((await read(catalogs, db, own, { acceptShrink: true })).row?.definitions_problem).toBeNull()
    expect(await counted()).toBeLessThan(three)
    // What was stored before definitions were counted is counted once, at the next start.
    const stored = await usage()
    await db.write((tx) => tx.deleteFrom('organization_usage').execute())
    await db.write((tx) => tx.deleteFrom('organization_usage_changes').execute())
    await countStoredDefinitions(db)
    await countStoredDefinitions(db)
    expect(await usage()).toBe(stored)
    await db.write((tx) => removeUpstream(tx, own))
    expect(await counted()).toBe(0)
  })

  test('that nobody has looked at for a month rests until somebody does', async () => {
    const { db, upstream, registry, options, catalogs } = await begin()
    registry.names = ['a']
    await read(catalogs, db, upstream)
    const later = { now: () => new Date(Date.now() + 31 * 24 * 60 * 60 * 1000) }
    const resting = createCatalogs({ ...options, clock: later })
    await resting.work(upstream.id)
    const row = await findCatalog(db.read, upstream.id)
    expect(row?.next_at).toBeNull()
    resting.want(upstream.id, row)
    await db.later.settled()
    expect((await findCatalog(db.read, upstream.id))?.next_at).not.toBeNull()
  })
})
