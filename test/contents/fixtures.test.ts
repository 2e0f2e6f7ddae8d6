// What the fixtures hold is told as their answer keys say, and stays in step with what comes and goes.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { compareContents } from '../../src/contents/compare-contents.ts'
import { describeImage } from '../../src/contents/describe-image.ts'
import { listImagePackages, listImageVulnerabilities } from '../../src/contents/list-contents.ts'
import { findPackages, findVulnerabilities } from '../../src/contents/search-contents.ts'
import { listAttestations, showAttestation } from '../../src/contents/show-attached.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

const page = { platform: undefined, q: undefined, after: undefined, limit: 1000 }
const all = { ...page, severity: undefined, isOpen: undefined }
const viewer = { kind: 'anybody', isPublicSeen: true } as const

describeWithFixtures('a hardened image and its next release', () => {
  const key = () => JSON.parse(readFileSync(fixturePath('dhi-python/release-1-to-2.json'), 'utf8'))
  let one: IndexedInstance
  let repository: RepositoryRow
  let before: Digest
  beforeAll(async () => {
    one = await openIndexed()
    repository = await one.put('python', fixtureLayout('dhi-python/release-1'))
    await one.index()
    before = (await describeImage(one, repository, '3.13', undefined)).digest as Digest
  })
  afterAll(() => one.close())

  test('platforms, config, layers with their history', async () => {
    const image = await describeImage(one, repository, '3.13', undefined)
    expect(image.kind).toBe('index')
    expect(image.platforms.map(({ platform, available }) => [platform, available])).toEqual([
      ['linux/amd64', true],
      ['linux/arm64/v8', true],
    ])
    expect(image.tagCount).toBe(7)
    const { selected } = image
    expect(selected?.platform).toBe('linux/amd64')
    expect(selected?.config).toMatchObject({ user: '65532', cmd: ['python3'], workingDir: '/' })
    expect(selected?.layers.map(({ command }) => command)).toEqual(['dhi layer 0', 'dhi layer 1'])
    expect(selected?.contents).toMatchObject({
      state: 'ready',
      isFresh: true,
      hasSbom: true,
      packages: 12,
      suppressed: 4,
    })
    expect((await describeImage(one, repository, '3.13', 'linux/arm64/v8')).selected?.platform).toBe('linux/arm64/v8')
    await expect(describeImage(one, repository, '3.13', 'windows/amd64')).rejects.toThrow(
      /want one that is here: linux/,
    )
  })

  test('packages of both SBOMs, each once, with licence and source', async () => {
    const { packages, contents } = await listImagePackages(one, repository, { reference: '3.13', ...page })
    expect(packages).toHaveLength(12)
    expect(packages.find(({ name }) => name === 'libc6')).toMatchObject({
      type: 'deb',
      source: 'glibc',
      licence: 'LGPL-2.1-or-later',
    })
    expect(packages.every(({ sboms }) => sboms.length === 2)).toBe(true)
    expect(contents.documents.map(({ kind }) => kind).sort()).toEqual(['cyclonedx', 'scout', 'spdx', 'vex', 'vulns'])
    const found = await listImagePackages(one, repository, { reference: '3.13', ...page, q: 'GLIBC' })
    expect(found.packages.map(({ name }) => name)).toContain('libc6')
    const first = await listImagePackages(one, repository, { reference: '3.13', ...page, limit: 5 })
    const rest = await listImagePackages(one, repository, { reference: '3.13', ...page, after: first.next ?? '' })
    expect([...first.packages, ...rest.packages]).toEqual(packages)
  })

  test('vulnerabilities with VEX applied: source packages, all statuses, subcomponents', async () => {
    const { vulnerabilities } = await listImageVulnerabilities(one, repository, { reference: '3.13', ...all })
    const of = (id: string) => vulnerabilities.find((found) => found.id === id)
    expect(of('CVE-2026-91871')).toMatchObject({ severity: 'critical', score: 9.1, status: 'open', vex: null })
    expect(of('CVE-2026-91017')).toMatchObject({ package: 'glibc', fixedIn: '2.41-12+deb13u2+dhi0', status: 'open' })
    expect(of('CVE-2026-91544')?.status).toBe('under_investigation')
    expect(of('CVE-2026-91230')?.status).toBe('affected')
    expect(of('CVE-2026-27171')).toMatchObject({ package: 'zlib', status: 'not_affected' })
    expect(of('CVE-2010-0928')?.vex).toMatchObject({
      justification: 'vulnerable_code_cannot_be_controlled_by_adversary',
      impact: 'Physical fault injection; out of scope for a container.',
    })
    expect(of('CVE-2026-90001')).toMatchObject({ package: 'zlib1g', status: 'not_affected', reports: [] })
    const { attestation } = of('CVE-2010-0928')?.vex ?? {}
    const shown = await showAttestation(one, repository, '3.13', attestation as Digest)
    expect(shown.documents[0]).toMatchObject({ saidType: 'https://openvex.dev/ns/v0.2.0', isAboutParent: true })
    const open = await listImageVulnerabilities(one, repository, { reference: '3.13', ...all, isOpen: true })
    expect(open.vulnerabilities.map(({ severity }) => severity)).toEqual(['critical', 'high', 'high', 'medium', 'low'])
  })

  test('15 attestations a platform, and a signature on each and on the index', async () => {
    const { attached, isPartial } = await listAttestations(one, repository, '3.13')
    expect(isPartial).toBe(false)
    const attestations = attached.filter(({ kind }) => kind === 'attestation')
    expect(Map.groupBy(attestations, ({ platform }) => platform).get('linux/amd64')).toHaveLength(15)
    expect(attestations).toHaveLength(30)
    expect(attestations.every(({ isSigned }) => isSigned)).toBe(true)
    expect(attached.filter(({ kind }) => kind === 'signature')).toHaveLength(31)
    expect(attached.filter(({ kind, parent }) => kind === 'signature' && parent === before)).toHaveLength(1)
    for (const { digest } of attestations.slice(0, 15)) {
      const { documents } = await showAttestation(one, repository, '3.13', digest as Digest)
      expect(documents[0]?.problem).toBeNull()
      expect(documents[0]?.saidType).toBe(documents[0]?.predicateType ?? '')
    }
  })

  test('the next release: compared, searched, and a late statement on an image of the same digest', async () => {
    const old = await listImageVulnerabilities(one, repository, { reference: '3.12', ...all })
    await one.put('python', fixtureLayout('dhi-python/release-2'))
    await one.index()
    const changed = await compareContents(one, repository, { from: before, to: '3.13', platform: undefined })
    expect(changed.packages.isKnown).toBe(true)
    expect(changed.packages.added.map(({ name }) => name)).toEqual(key().packagesAdded)
    expect(changed.packages.removed.map(({ name }) => name)).toEqual(key().packagesRemoved)
    expect(changed.packages.changed.map(({ name }) => name)).toContain('libc6')
    expect(changed.vulnerabilities.fixed.map(({ id }) => id).sort()).toEqual(key().cvesFixed)
    expect(changed.env.map(({ name }) => name)).toContain(key().environmentChanged)
    expect(changed.labels.map(({ name }) => name)).toContain(key().labelChanged)
    const now = await listImageVulnerabilities(one, repository, { reference: '3.12', ...all })
    expect(now.digest).toBe(old.digest)
    expect(now.contents.documents.length).toBe(old.contents.documents.length + 2)
    expect(now.vulnerabilities).not.toEqual(old.vulnerabilities)
    // Only what tags lead to today is found.
    const search = { organizationIds: [repository.organization_id], after: undefined, limit: 100 }
    await one.db.write((tx) => tx.updateTable('repositories').set({ visibility: 'public' }).execute())
    const fixed = await findVulnerabilities(one.db.read, { ...search, viewer, q: 'cve-2026-91017' })
    expect(fixed.items.some(({ tags, status }) => tags.includes('3.13') && status !== 'fixed')).toBe(false)
    const netbase = await findPackages(one.db.read, { ...search, viewer, q: 'netbase' })
    expect(netbase.items.some(({ tags }) => tags.includes('3.13'))).toBe(false)
    const ssl = await findPackages(one.db.read, { ...search, viewer, q: 'pkg:deb/debian/openssl' })
    expect(ssl.items.some(({ name, tags }) => name === 'libssl3t64' && tags.includes('3.13'))).toBe(true)
    const first = await findPackages(one.db.read, { ...search, viewer, q: 'lib', limit: 3 })
    const ids: string[] = []
    for (let after: string | undefined; ; ) {
      const found = await findPackages(one.db.read, { ...search, viewer, q: 'lib', limit: 3, after })
      ids.push(...found.items.map((row) => JSON.stringify(row)))
      if (found.next === null) break
      after = found.next
    }
    expect(first.items).toHaveLength(3)
    expect(new Set(ids).size).toBe(ids.length)
    // A private repository leaves no trace.
    await one.db.write((tx) => tx.updateTable('repositories').set({ visibility: 'private' }).execute())
    expect(await findPackages(one.db.read, { ...search, viewer, q: 'lib' })).toEqual({ items: [], next: null })
  })
})

describeWithFixtures('in the forms of other tools', () => {
  let one: IndexedInstance
  beforeAll(async () => {
    one = await openIndexed()
  })
  afterAll(() => one.close())

  test('cosign: tags and Sigstore bundles', async () => {
    const tags = await one.put('tags', fixtureLayout('cosign-tags'))
    const bundle = await one.put('bundle', fixtureLayout('cosign-bundle'))
    await one.index()
    const old = (await listAttestations(one, tags, '1.4.0')).attached
    expect(old.map(({ kind, via }) => `${kind} ${via}`).sort()).toEqual([
      'attestation tag',
      'attestation tag',
      'sbom tag',
      'signature tag',
      'signature tag',
      'signature tag',
    ])
    expect(old.find(({ kind, platform }) => kind === 'attestation' && platform === null)?.documents).toHaveLength(2)
    expect((await describeImage(one, tags, '1.4.0', undefined)).contents.hasSbom).toBe(true)
    const now = (await listAttestations(one, bundle, '2.0.3')).attached
    expect(now.filter(({ kind }) => kind === 'signature')).toHaveLength(4)
    expect(now.filter(({ kind, isSigned }) => kind === 'attestation' && isSigned)).toHaveLength(4)
  })

  test('notation, oras and helm', async () => {
    const notation = await one.put('notation', fixtureLayout('notation'))
    const oras = await one.put('oras', fixtureLayout('oras-tree'))
    const helm = await one.put('chart', fixtureLayout('helm-chart'))
    await one.index()
    const signatures = (await listAttestations(one, notation, '3.1')).attached
    expect(signatures.map(({ kind }) => kind)).toEqual(['signature', 'signature', 'signature', 'signature'])
    const tree = (await listAttestations(one, oras, '6.2')).attached
    expect(tree).toHaveLength(11)
    const chart = await describeImage(one, helm, '0.4.2', undefined)
    expect(chart).toMatchObject({ kind: 'chart', chart: { version: '0.4.2' }, contents: { hasSbom: true } })
    expect(chart.chart?.images?.some(({ image }) => image.includes('@sha256:'))).toBe(true)
    expect((await listAttestations(one, helm, '0.4.2')).attached.filter(({ isSigned }) => isSigned)).toHaveLength(2)
  })

  test('odd but legal content is told, never an error', async () => {
    const formats = await one.put('formats', fixtureLayout('formats'))
    await one.index()
    const tags = await one.db.read.selectFrom('tags').select('name').where('repository_id', '=', formats.id).execute()
    expect(tags.length).toBeGreaterThan(20)
    for (const { name } of tags) {
      const image = await describeImage(one, formats, name, undefined)
      expect(image.tag).toBe(name)
      await listAttestations(one, formats, name)
      await listImagePackages(one, formats, { reference: name, ...page })
    }
  })
})
