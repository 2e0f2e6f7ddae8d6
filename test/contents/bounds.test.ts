// Whatever somebody attaches, what is made of it is in proportion, and others have their turn.
import { expect, test } from 'bun:test'
import { entriesOf } from '../../src/contents/image-entries.ts'
import { rowsOf } from '../../src/contents/image-rows.ts'
import { followLog, LEASE, readNext } from '../../src/contents/indexer.ts'
import { listImagePackages, listImageVulnerabilities } from '../../src/contents/list-contents.ts'
import { MAX_ENTRIES } from '../../src/contents/read-image.ts'
import { moveTag } from '../../src/db/content/tags.ts'
import { appendEvents } from '../../src/db/platform/events.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import { createLogger } from '../../src/lib/logger.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { type Attestation, attestedImage, spdx } from '../events/payload/attested-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

const form = 'bare-referrer' as const
const page = { reference: '1', platform: undefined, q: undefined, after: undefined, limit: 1000 }
const all = { ...page, severity: undefined, isOpen: undefined }

/** @param products of each of the statements */
function vex(id: string, statements: number, products: number, more: object = {}): Attestation {
  const many = Array.from({ length: products }, (_, i) => ({ '@id': `p${i}` }))
  return {
    form: 'referrer',
    predicateType: 'https://openvex.dev/ns/v0.2.0',
    predicate: {
      statements: Array.from({ length: statements }, (_, i) => ({
        vulnerability: { name: `${id}-${i}`, aliases: ['a', 'b', 'c', 'd'].map((end) => `${id}-${i}${end}`) },
        status: 'affected',
        products: many,
        ...more,
      })),
    },
  }
}

async function contentsOf(one: IndexedInstance, repository: RepositoryRow) {
  return (await listImagePackages(one, repository, page)).contents
}

test('documents of an image have one limit together, and each id of a statement counts', async () => {
  const one = await openIndexed()
  // 6,000 statements with five ids each: one document fits, no two do.
  const documents = ['CVE-A', 'CVE-B', 'CVE-C'].map((id) => vex(id, 6, 1000))
  const repository = await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }, ...documents]))
  await one.index()
  const { documents: told, packages } = await contentsOf(one, repository)
  const problems = told.flatMap(({ problem }) => problem ?? [])
  expect(problems).toEqual([1, 2].map(() => expect.stringContaining(`more than ${MAX_ENTRIES} entries`)))
  expect(packages).toBe(1)
  const { n } = await one.db.read
    .selectFrom('image_findings')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  expect(Number(n)).toBe(6000)
  await one.close()
})

test('others have their turn while the largest image is judged', async () => {
  const statements = Array.from({ length: MAX_ENTRIES }, (_, i) => {
    return { id: `CVE-${i % 25_000}`, status: 'affected', package: `p${i}`, version: '', at: '' }
  })
  const contents = { digest: 'sha256:0' as never, config: undefined, packages: new Map(), findings: new Map() }
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const { findings } = await entriesOf({
    contents: { ...contents, vex: statements },
    unread: [],
    read: [],
    packagesFrom: new Map(),
    findingsFrom: new Map(),
  })
  clearInterval(timer)
  expect(findings).toHaveLength(10_000)
  expect(turns).toBeGreaterThan(1)
})

test('a statement is kept once, however many packages it is about', async () => {
  const one = await openIndexed()
  const impact = 'x'.repeat(2000)
  const repository = await one.put('app', attestedImage('1', [vex('CVE', 1, 1000, { impact_statement: impact })]))
  await one.index()
  const { vulnerabilities } = await listImageVulnerabilities(one, repository, all)
  expect(vulnerabilities).toHaveLength(1000)
  expect(new Set(vulnerabilities.map((found) => found.vex?.impact))).toEqual(new Set([impact]))
  expect(vulnerabilities[7]?.vex?.product).toBe(vulnerabilities[7]?.package as string)
  expect(await one.db.read.selectFrom('image_statements').select('position').execute()).toHaveLength(1)
  const images = await one.db.read.selectFrom('images').select('bytes').execute()
  expect(Math.max(...images.map(({ bytes }) => bytes))).toBeLessThan(200_000)
  await one.close()
})

test('an image is cut at its bytes, whatever they are made of', async () => {
  const packages = Array.from({ length: 100 }, (_, i) => {
    return { name: `${i}`, type: 'deb', version: '1', purl: '語'.repeat(300), documents: [] }
  })
  const { bytes, packageCount, problem } = await rowsOf(
    { packages, findings: [], problem: undefined },
    () => '',
    10_000,
  )
  expect([packageCount, problem]).toEqual([10, expect.stringContaining('more than 10000 bytes')])
  expect(bytes).toBeLessThanOrEqual(10_000)
})

describeOnEachEngine('what is in line', (openFresh) => {
  test('a read that kills its server is tried so often, and then listed as what cannot be read', async () => {
    const one = await openIndexed(await openFresh())
    const repository = await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    let now = Date.now()
    const never = new Promise<never>(() => {})
    let opened = 0
    const open = () => {
      opened++
      return never
    }
    const killed = { open } as never
    const deps = {
      db: one.db,
      blobs: killed,
      clock: { now: () => new Date(now) },
      logger: createLogger('silent'),
      fence: { key: LEASE, generation: 1 },
    }
    while (await followLog(deps)) {}
    // Each time the server is gone in the midst of it: its promise never ends.
    for (let i = 0; i < 40; i++) {
      const before = opened
      let isOver = false
      const read = readNext(deps, '', new AbortController().signal).then((turn) => {
        isOver = turn === undefined
        return 'ended'
      })
      while (opened === before && (await Promise.race([read, tick()])) !== 'ended') {}
      now += 3600_000
      if (isOver) break
    }
    expect(opened).toBeGreaterThan(1)
    expect(opened).toBeLessThan(20)
    expect(await one.db.read.selectFrom('image_reads').selectAll().execute()).toEqual([])
    const { problem } = await contentsOf(one, repository)
    expect(problem).toContain('never came to its end')
    // Nobody who asks puts it in line again.
    await one.db.later.settled()
    expect(await one.index()).toBe(0)
    await one.close()
  })

  test('one manifest is a turn: what an index lists stands behind what came before it', async () => {
    const one = await openIndexed(await openFresh())
    await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    const deps = {
      db: one.db,
      blobs: one.blobs,
      clock: { now: () => new Date() },
      logger: createLogger('silent'),
      fence: { key: LEASE, generation: 1 },
    }
    while (await followLog(deps)) {}
    const [first] = await one.db.read.selectFrom('image_reads').selectAll().execute()
    await readNext(deps, '', AbortSignal.timeout(20_000))
    const left = await one.db.read.selectFrom('image_reads').selectAll().execute()
    expect(left.map(({ digest }) => digest)).not.toContain(first?.digest)
    expect(left.length).toBeGreaterThan(0)
    expect((await one.db.read.selectFrom('image_packages').selectAll().execute()).length).toBe(0)
    await one.index()
    expect((await one.db.read.selectFrom('image_packages').selectAll().execute()).length).toBe(1)
    await one.close()
  })

  test('old images make no more room than it takes, none where that is not enough; what was left out comes once there is', async () => {
    const one = await openIndexed(await openFresh())
    const size = (count: number) => ({
      form,
      ...spdx('1.0'),
      predicate: { packages: Array.from({ length: count }, (_, i) => ({ name: `n${i}`, versionInfo: '1' })) },
    })
    const shown = async () =>
      (
        await one.db.read
          .selectFrom('images')
          .select('bytes')
          .where('bytes', '>', 500)
          .where('digest', 'is not', null)
          .execute()
      )
        .map(({ bytes }) => bytes)
        .sort()
    await one.put('app', attestedImage('1', [size(100)]))
    await one.index()
    const [unit = 0] = await shown()
    const o = { maxBytes: Math.floor(unit * 3.5) }
    for (const version of ['2', '3']) {
      await one.put('app', attestedImage(version, [size(100)]))
      await one.index(o)
    }
    expect((await shown()).length).toBe(3)
    // More than the organization may have: nothing goes for it.
    const large = await one.put('large', attestedImage('4', [size(500)]))
    await one.index(o)
    expect((await shown()).length).toBe(3)
    expect((await contentsOf(one, large)).problem).toContain('which is the most')
    // One of two old ones goes for one more.
    const other = await one.put('other', attestedImage('5', [size(100)]))
    await one.index(o)
    expect((await shown()).length).toBe(3)
    expect((await contentsOf(one, other)).packages).toBe(100)
    // What is tagged stays: the third of three tagged ones is left out, until one goes.
    await one.put('other-2', attestedImage('6', [size(100)]))
    const late = await one.put('late', attestedImage('7', [size(100)]))
    await one.index(o)
    expect((await contentsOf(one, late)).packages).toBe(0)
    await one.db.write((tx) => tx.deleteFrom('repositories').where('id', '=', other.id).execute())
    await one.index(o)
    await one.index(o)
    expect((await contentsOf(one, late)).packages).toBe(100)
    // Or until a tag is removed, so that nothing leads to one of them any more.
    const last = await one.put('last', attestedImage('9', [size(100)]))
    await one.index(o)
    expect((await contentsOf(one, last)).packages).toBe(0)
    const { organization_id: organizationId, id: repositoryId, name: repositoryName } = late
    const change = { organizationId, repositoryId, repositoryName, actor: 'system', reason: 'test', tag: '1' as Tag }
    await one.db.write(async (tx) => {
      const event = await moveTag(tx, { ...change, to: undefined, at: new Date().toISOString() })
      await appendEvents(tx, event === undefined ? [] : [event])
    })
    await one.index(o)
    expect((await contentsOf(one, last)).packages).toBe(100)
    await one.close()
  })
})

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
