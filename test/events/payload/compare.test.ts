// What is compared, and what is not known and so not told.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { configOf } from '../../../src/contents/image-config.ts'
import type { Finding, ImageContents, Package, VexStatement } from '../../../src/contents/image-contents.ts'
import { compareImages, MAX_LISTED, metadataOf } from '../../../src/events/payload/compare-images.ts'
import { comparePackages } from '../../../src/events/payload/compare-packages.ts'
import { NEW, NOTHING_CHANGED, OLD } from './made-facts.ts'

const named = (name: string, version: string, source?: string): Package => ({
  name,
  type: 'deb',
  version,
  ...(source === undefined ? {} : { source }),
})

function contents(
  o: Partial<ImageContents> & { readonly sbom?: readonly Package[]; readonly report?: readonly Finding[] },
): ImageContents {
  const { sbom, report, ...rest } = o
  return {
    digest: NEW,
    config: undefined,
    packages: new Map(sbom === undefined ? [] : [['spdx', sbom]]),
    findings: new Map(report === undefined ? [] : [['vulns', report]]),
    vex: [],
    ...rest,
  }
}

const anyPackages = fc.array(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', '__proto__'),
    type: fc.constantFrom('deb', 'npm'),
    version: fc.constantFrom('1', '2', '3'),
  }),
)

describe('packages', () => {
  const count = (items: readonly unknown[]) => items.length

  test('of an image with itself: no difference; back again: the mirror image; never the same package in two lists', () => {
    fc.assert(
      fc.property(anyPackages, anyPackages, (a, b) => {
        expect(comparePackages(a, a)).toEqual({ packages_updated: [], packages_added: [], packages_removed: [] })
        const [there, back] = [comparePackages(a, b), comparePackages(b, a)]
        expect(there.packages_added).toEqual(back.packages_removed)
        expect(there.packages_removed).toEqual(back.packages_added)
        expect(there.packages_updated.map(({ old_version, new_version }) => [old_version, new_version])).toEqual(
          back.packages_updated.map(({ old_version, new_version }) => [new_version, old_version]),
        )
        // Each version that only one side has is told once.
        const only = (one: Package[], two: Package[]) =>
          new Set(one.map((p) => JSON.stringify(p)).filter((p) => !two.some((q) => JSON.stringify(q) === p))).size
        expect(only(a, b)).toBe(count(there.packages_updated) + count(there.packages_removed))
        expect(only(b, a)).toBe(count(there.packages_updated) + count(there.packages_added))
      }),
    )
  })

  test('without an SBOM on one side, or with SBOMs of different formats, nothing is known', () => {
    const one = contents({ sbom: [named('a', '1')] })
    const other = contents({ packages: new Map([['cyclonedx', [named('b', '1')]]]) })
    for (const [before, after] of [
      [one, contents({})],
      [contents({}), one],
      [one, other],
    ] as const) {
      expect(compareImages(before, after).changes).toEqual(NOTHING_CHANGED)
    }
  })

  test('a list is cut, and says so', () => {
    const many = Array.from({ length: MAX_LISTED + 1 }, (_, i) => named(`p${i}`, '1'))
    const { changes, cut } = compareImages(contents({ sbom: [] }), contents({ sbom: many }))
    expect([changes.packages_added.length, cut]).toEqual([MAX_LISTED, ['packages_added']])
  })
})

describe('vulnerabilities', () => {
  const found = (id: string, name = 'openssl', fixedIn = ''): Finding => ({
    id,
    severity: 'high',
    package: name,
    fixedIn,
  })
  const said = (id: string, status: string, o: Partial<VexStatement> = {}): VexStatement => ({
    id,
    status,
    package: 'openssl',
    version: '2',
    at: '2026-11-01T00:00:00Z',
    ...o,
  })
  const [before, after] = [[named('libssl3', '1', 'openssl')], [named('libssl3', '2', 'openssl')]]
  const fixedOf = (one: ImageContents, two: ImageContents) => compareImages(one, two).changes.vulnerabilities_fixed

  test('that the report no longer has, of a package that was updated', () => {
    const fixed = fixedOf(contents({ sbom: before, report: [found('CVE-1')] }), contents({ sbom: after, report: [] }))
    expect(fixed).toEqual([{ cve_id: 'CVE-1', severity: 'high', package: 'openssl', fixed_in_version: '2' }])
  })

  test('that nobody has looked for again, or that is told of the same version no more, are not fixed', () => {
    const old = contents({ sbom: before, report: [found('CVE-1')] })
    expect(fixedOf(old, contents({ sbom: after }))).toEqual([])
    expect(fixedOf(old, contents({ sbom: before, report: [] }))).toEqual([])
    expect(fixedOf(old, contents({ sbom: after, report: [found('CVE-1')] }))).toEqual([])
    expect(fixedOf(contents({ sbom: before }), contents({ sbom: after, report: [] }))).toEqual([])
  })

  test('that VEX says are fixed, also when they were found out since; what it finds harmless is not fixed', () => {
    const now = (vex: VexStatement[]) => contents({ sbom: after, report: [], vex })
    const old = contents({ sbom: before, report: [found('CVE-1')] })
    expect(fixedOf(old, now([said('CVE-1', 'fixed')]))).toMatchObject([{ cve_id: 'CVE-1', fixed_in_version: '2' }])
    expect(fixedOf(contents({ sbom: before, report: [] }), now([said('CVE-2', 'fixed')]))).toMatchObject([
      { cve_id: 'CVE-2', severity: 'unknown' },
    ])
    expect(fixedOf(old, now([said('CVE-1', 'not_affected')]))).toEqual([])
    // Fixed long ago, by the same version.
    expect(fixedOf(contents({ sbom: after, report: [] }), now([said('CVE-2', 'fixed')]))).toEqual([])
    expect(fixedOf(contents({ sbom: before, vex: [said('CVE-2', 'fixed')] }), now([said('CVE-2', 'fixed')]))).toEqual(
      [],
    )
  })

  test('the newest statement counts, in whatever order they come', () => {
    const late = said('CVE-1', 'affected', { at: '2026-11-02T00:00:00Z' })
    for (const vex of [
      [said('CVE-1', 'fixed'), late],
      [late, said('CVE-1', 'fixed')],
    ]) {
      const old = contents({ sbom: before, report: [found('CVE-1')] })
      expect(fixedOf(old, contents({ sbom: after, report: [found('CVE-1')], vex }))).toEqual([])
    }
  })
})

describe('configs', () => {
  const config = (of: object) => configOf({ config: of })
  const changesOf = (one: object, two: object) =>
    compareImages(contents({ config: config(one) }), contents({ config: config(two) })).changes

  test('what was added, removed and changed, of environment, labels and the rest', () => {
    const changes = changesOf(
      {
        Env: ['PATH=/bin', 'OLD=1', 'SAME'],
        Labels: { a: '1', gone: 'x' },
        User: '0',
        Cmd: ['sh'],
        ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
      },
      {
        Env: ['PATH=/usr/bin', 'NEW=a=b', 'SAME'],
        Labels: { a: '2' },
        User: '65532',
        ExposedPorts: { '443/tcp': {}, '80/tcp': {} },
        Volumes: {},
      },
    )
    expect(changes.environment_variables_changed).toEqual([
      { change: 'added', key: 'NEW', to_value: 'a=b' },
      { change: 'removed', key: 'OLD', from_value: '1' },
      { change: 'changed', key: 'PATH', from_value: '/bin', to_value: '/usr/bin' },
    ])
    expect(changes.labels_changed).toEqual([
      { change: 'changed', key: 'a', from_value: '1', to_value: '2' },
      { change: 'removed', key: 'gone', from_value: 'x' },
    ])
    expect(changes.configuration_changed).toEqual([
      { change: 'removed', key: 'Cmd', from_value: '["sh"]' },
      { change: 'changed', key: 'User', from_value: '0', to_value: '65532' },
    ])
    expect(metadataOf(changes, { tag: '1', digest: OLD })?.change_categories).toEqual(['other'])
  })

  test('labels alone are no category; no difference is no entry; what is no config is not known', () => {
    const labels = changesOf({ Labels: { a: '1' } }, { Labels: { a: '2' } })
    expect(metadataOf(labels, { tag: '1', digest: OLD })?.change_categories).toEqual([])
    expect(metadataOf(changesOf({ User: '1' }, { User: '1' }), { tag: '1', digest: OLD })).toBeUndefined()
    for (const odd of [null, 'text', [], 7]) expect(configOf(odd)).toBeUndefined()
    expect(configOf({ config: { Env: 'x', Labels: [1], Cmd: null } })).toEqual({
      environment: {},
      labels: {},
      configuration: {},
    })
    expect(config({ Labels: JSON.parse('{"__proto__":"x"}') })?.labels).toEqual(JSON.parse('{"__proto__":"x"}'))
  })
})
