// The index of contents converges whenever its server dies, follows what comes and goes, and has bounds; on both engines.
import { describe, expect, test } from 'bun:test'
import { createVex } from '../../src/contents/apply-vex.ts'
import { describeImage } from '../../src/contents/describe-image.ts'
import { followLog, LEASE, readNext } from '../../src/contents/indexer.ts'
import { listImagePackages } from '../../src/contents/list-contents.ts'
import { findPackages, findVulnerabilities } from '../../src/contents/search-contents.ts'
import { listAttestations, showAttestation } from '../../src/contents/show-attached.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import { createLogger } from '../../src/lib/logger.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { type Attestation, attestedImage, cycloneDx, spdx } from '../events/payload/attested-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

const page = { platform: undefined, q: undefined, after: undefined, limit: 1000 }
const form = 'referrer' as const

async function names(one: IndexedInstance, repository: RepositoryRow): Promise<string[]> {
  const { packages } = await listImagePackages(one, repository, { reference: '1', ...page })
  return packages.map(({ name, version }) => `${name} ${version}`)
}

/** By name, by package URL and by CVE, for whoever may see it, and for nobody else. */
async function found(one: IndexedInstance, repository: RepositoryRow): Promise<void> {
  const o = { organizationIds: [repository.organization_id], after: undefined, limit: 10 }
  const viewer = { kind: 'anybody', isPublicSeen: true } as const
  const ask = async () => [
    await findPackages(one.db.read, { ...o, viewer, q: '@acme/' }),
    await findPackages(one.db.read, { ...o, viewer, q: '@acme/tool@1.0' }),
    await findPackages(one.db.read, { ...o, viewer, q: 'pkg:npm/%40acme/tool' }),
    await findVulnerabilities(one.db.read, { ...o, viewer, q: 'cve-1' }),
  ]
  expect((await ask()).map(({ items }) => items.length)).toEqual([0, 0, 0, 0])
  await one.db.write((tx) => tx.updateTable('repositories').set({ visibility: 'public' }).execute())
  const all = await ask()
  expect(all.map(({ items }) => items.map(({ tags, platform }) => [...tags, platform]))).toEqual(
    all.map(() => [['1', 'linux/amd64']]),
  )
  await expect(findPackages(one.db.read, { ...o, viewer, q: 'x', after: 'nonsense' })).rejects.toThrow(
    /want the `next`/,
  )
}

/** Rows that belong to nothing that shows. */
async function leftOver(db: Database): Promise<number> {
  const hidden = await db.read.selectFrom('images').select('seq').where('repository_id', 'is', null).execute()
  const rows = await db.read
    .selectFrom('image_packages')
    .select('image_seq')
    .where('image_seq', 'not in', (eb) => eb.selectFrom('images').select('seq'))
    .execute()
  return hidden.length + rows.length
}

describeOnEachEngine('the index of contents', (openFresh) => {
  test('whoever dies in the middle of a write leaves nothing, and the next one brings it to its end', async () => {
    const db = await openFresh()
    const one = await openIndexed(db)
    const repository = await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    // The server dies at each of its transactions in turn.
    for (let dies = 1; ; dies++) {
      let left = dies
      const die = <T>(work: () => Promise<T>): Promise<T> => {
        if (left-- <= 0) throw new Error('killed')
        return work()
      }
      const dying: Database = {
        ...db,
        write: (work) => die(() => db.write(work)),
        stage: (work) => die(() => db.stage(work)),
      }
      const fence = { key: LEASE, generation: 1 }
      const deps = {
        db: dying,
        blobs: one.blobs,
        clock: { now: () => new Date() },
        logger: createLogger('silent'),
        fence,
      }
      try {
        while (await followLog(deps)) {}
        while ((await readNext(deps, '', AbortSignal.timeout(20_000))) !== undefined) {}
        if (left >= 0) break
      } catch {}
      // Nobody sees half of anything.
      expect([[], ['@acme/tool 1.0']]).toContainEqual(await names(one, repository))
      // It is tried later, and so often.
      await db.write((tx) => tx.updateTable('image_reads').set({ tries: 0, due_at: '2026' }).execute())
      expect(dies).toBeLessThan(40)
    }
    await one.index()
    expect(await names(one, repository)).toEqual(['@acme/tool 1.0'])
    expect(await leftOver(db)).toBe(0)
    // And whatever is done again changes nothing.
    const before = await db.read.selectFrom('images').selectAll().execute()
    await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    await one.index()
    expect(await db.read.selectFrom('images').selectAll().execute()).toEqual(before)
    await one.close()
  })

  test('a server that lost its lease writes nothing', async () => {
    const one = await openIndexed(await openFresh())
    await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    await one.db.write((tx) => tx.updateTable('leases').set({ holder: null }).execute())
    await expect(one.index()).rejects.toThrow(/held by another/)
    expect(await one.db.read.selectFrom('images').selectAll().execute()).toEqual([])
    await one.close()
  })

  test('an attestation more, an image less, a repository less', async () => {
    const one = await openIndexed(await openFresh())
    const repository = await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    await one.index()
    expect((await describeImage(one, repository, '1', undefined)).selected?.contents.hasReport).toBe(false)
    const report = {
      form,
      predicateType: 'https://in-toto.io/attestation/vulns/v0.2',
      predicate: {
        scanner: {
          result: [
            { id: 'CVE-1', severity: [{ score: 'HIGH' }], annotations: [{ package: 'pkg:npm/%40acme/tool@1.0' }] },
          ],
        },
      },
    }
    await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }, report]))
    await one.index()
    const { selected } = await describeImage(one, repository, '1', undefined)
    expect(selected?.contents).toMatchObject({ hasReport: true, vulnerabilities: { high: 1 } })
    await found(one, repository)
    await one.db.write((tx) => tx.deleteFrom('repositories').where('id', '=', repository.id).execute())
    await one.index()
    expect(await one.db.read.selectFrom('images').selectAll().execute()).toEqual([])
    expect(await one.db.read.selectFrom('image_packages').selectAll().execute()).toEqual([])
    expect(await leftOver(one.db)).toBe(0)
    await one.close()
  })

  test('an organization has a limit: old images make room, and what has none says so', async () => {
    const one = await openIndexed(await openFresh())
    const app = await one.put('app', attestedImage('1', [{ form, ...spdx('1.0') }]))
    await one.index()
    const { bytes } = await one.db.read
      .selectFrom('images')
      .select('bytes')
      .where('bytes', '>', 100)
      .executeTakeFirstOrThrow()
    const o = { maxBytes: bytes + 100 }
    const other = await one.put('other', attestedImage('2', [{ form, ...spdx('2.0') }]))
    await one.index(o)
    expect(await names(one, app)).toEqual(['@acme/tool 1.0'])
    expect((await describeImage(one, other, '1', undefined)).selected?.contents.problem).toMatch(/which is the most/)
    // The tag moves on: what it led to before makes room.
    await one.put('app', attestedImage('3', [{ form, ...spdx('3.0') }]))
    await one.index(o)
    await one.index(o)
    await one.put('app', attestedImage('4', [{ form, ...spdx('4.0') }]))
    await one.index(o)
    expect((await names(one, app)).length).toBeLessThanOrEqual(1)
    await one.close()
  })
})

describe('what others have written', () => {
  const bad: Record<string, [Attestation, RegExp]> = {
    'is about another image': [{ form, ...spdx('2.0'), about: 'e'.repeat(64) }, /about another image/],
    'lies about its kind': [{ form, ...spdx('2.0'), saidType: 'https://slsa.dev/provenance/v1' }, /another kind/],
    'is no JSON': [{ form, ...spdx('2.0'), bytes: '{"predicateType":' }, /JSON/],
    'nests too deep': [{ form, ...spdx('2.0'), bytes: `{"predicate":${'['.repeat(10_000)}` }, /nests deeper/],
  }
  for (const [what, [attestation, problem]] of Object.entries(bad)) {
    test(`an SBOM that ${what} is listed with the reason, and does not count`, async () => {
      const one = await openIndexed()
      const repository = await one.put('app', attestedImage('1', [{ form, ...cycloneDx('1.0') }, attestation]))
      await one.index()
      const { selected } = await describeImage(one, repository, '1', undefined)
      const problems = selected?.contents.documents.map((document) => document.problem) ?? []
      expect(problems.filter((text) => text !== null)).toEqual([expect.stringMatching(problem)])
      expect(await names(one, repository)).toEqual(['@acme/tool 1.0'])
      const { attached } = await listAttestations(one, repository, '1')
      const shown = await Promise.all(
        attached.map(({ digest }) => showAttestation(one, repository, '1', digest as Digest)),
      )
      expect(shown).toHaveLength(2)
      await one.close()
    })
  }

  test('names such as __proto__ are names, and values of any shape are shown', async () => {
    const one = await openIndexed()
    const predicate = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":"x","list":[null,1,[[]],{"a":{}}],"components":[{"name":"__proto__","version":"1"}]}',
    )
    const repository = await one.put('app', attestedImage('1', [{ form, ...cycloneDx('1.0'), predicate }]))
    await one.index()
    expect(await names(one, repository)).toEqual(['__proto__ 1'])
    const [first] = (await listAttestations(one, repository, '1')).attached
    const { documents } = await showAttestation(one, repository, '1', first?.digest as Digest)
    expect(JSON.stringify(documents[0]?.value)).toBe(JSON.stringify(predicate))
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    await one.close()
  })
})

test('statements by purl rules: unversioned, another version, another type, the source, the newest, an alias, the whole image', async () => {
  const packages = [{ name: 'libc6', type: 'deb', version: '2', source: 'glibc' }]
  const finding = { id: 'CVE-1', severity: 'high', package: 'libc6', version: '2', type: 'deb', fixedIn: '' }
  const base = { id: 'CVE-1', status: 'not_affected', package: 'libc6', version: '', at: '2026-01-01' }
  const status = async (...statements: Parameters<typeof createVex>[0]) =>
    (await createVex(statements, packages)).of(finding)?.status
  expect(await status(base)).toBe('not_affected')
  expect(await status({ ...base, version: '2' })).toBe('not_affected')
  expect(await status({ ...base, version: '1' })).toBeUndefined()
  expect(await status({ ...base, type: 'rpm' })).toBeUndefined()
  expect(await status({ ...base, package: 'glibc' })).toBe('not_affected')
  expect(await status({ ...base, package: 'musl' })).toBeUndefined()
  expect(await status({ ...base, id: 'GHSA-1', aliases: ['cve-1'] })).toBe('not_affected')
  expect(await status({ ...base, package: 'python', version: 'sha256:1', type: 'oci' })).toBe('not_affected')
  expect(await status({ ...base, status: 'no such' })).toBeUndefined()
  expect(await status({ ...base, status: 'affected', at: '2026-02-01', package: 'glibc' }, base)).toBe('affected')
  expect(await (await createVex([base], packages)).others()).toEqual([base])
})

test('lists of tens of thousands are matched in no time', async () => {
  const many = 20_000
  const statements = Array.from({ length: many }, (_, i) => ({
    id: 'CVE-1',
    status: 'affected',
    package: 'p',
    version: `${i}`,
    at: '',
  }))
  const vex = await createVex(
    statements,
    Array.from({ length: many }, (_, i) => ({ name: `b${i}`, type: 'deb', version: `${i}`, source: 'p' })),
  )
  const found = Array.from({ length: many }, (_, i) =>
    vex.of({ id: 'CVE-1', severity: '', package: `b${i}`, fixedIn: '', version: `${i}` }),
  )
  expect(found.filter((one) => one !== undefined)).toHaveLength(many)
})
