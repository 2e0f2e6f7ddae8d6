import { describe, expect, test } from 'bun:test'
import { sampleRepositories } from '../../src/sample/repositories.ts'
import {
  newSampleKey,
  platformManifest,
  predicateOf,
  readManifests,
  referrersOf,
  sampleRepository,
  statementsAbout,
} from './reading.ts'

const key = newSampleKey()
const CHANGELOG = 'https://docker.com/dhi/changelog/v0.1'
const VEX = 'https://openvex.dev/ns/v0.2.0'

interface Vex {
  version: number
  statements: { vulnerability: { name: string }; status: string }[]
}
interface Changelog {
  previous_version: { tag: string; digest: string }
  changes: {
    vulnerabilities_fixed: { cve_id: string; package: string; fixed_in_version: string }[]
    packages_updated: { name: string; old_version: string; new_version: string }[]
  }
}

const withStatus = (vex: Vex, status: string) =>
  vex.statements.filter((item) => item.status === status).map(({ vulnerability }) => vulnerability.name)

describe('release 2 over release 1', () => {
  const before = sampleRepository('python', 1, key)
  const after = sampleRepository('python', 2, key)

  test('moves the alias tags, adds those of the new version, and leaves 3.12 alone', () => {
    const moved = [...after.tags].filter(([tag, digest]) => before.tags.has(tag) && before.tags.get(tag) !== digest)
    expect(moved.map(([tag]) => tag).sort() as string[]).toEqual([
      '3',
      '3-debian',
      '3-debian-dev',
      '3-debian13',
      '3-debian13-dev',
      '3-dev',
      '3.13',
      '3.13-debian13',
      '3.13-debian13-dev',
      '3.13-dev',
    ])
    const added = [...after.tags.keys()].filter((tag) => !before.tags.has(tag))
    expect(added.sort() as string[]).toEqual(['3.13.10', '3.13.10-debian13', '3.13.10-debian13-dev', '3.13.10-dev'])
    const kept = [...after.tags].filter(([tag, digest]) => before.tags.get(tag) === digest)
    expect(kept).toHaveLength(7)
    expect(kept.every(([tag]) => tag.startsWith('3.12'))).toBe(true)
  })

  test('gives each platform of 3.12 one late attestation, signed, on the same digest', () => {
    for (const architecture of ['amd64', 'arm64']) {
      const { digest } = platformManifest(before, '3.12', architecture)
      expect(platformManifest(after, '3.12', architecture).digest).toBe(digest)
      const known = new Set(readManifests(before).map((manifest) => manifest.digest))
      const late = referrersOf(after, digest).filter((manifest) => !known.has(manifest.digest))
      expect(late.map(({ body }) => body.annotations?.['in-toto.io/predicate-type'])).toEqual([VEX])
      expect(late.flatMap((attestation) => referrersOf(after, attestation.digest))).toHaveLength(1)
      expect(predicateOf<Vex>(after, digest, VEX).version).toBe(2)
    }
  })

  test('tells in the changelog what changed, in the form of dhi_metadata', () => {
    for (const architecture of ['amd64', 'arm64']) {
      const { digest } = platformManifest(after, '3.13', architecture)
      expect(predicateOf<Changelog>(after, digest, CHANGELOG)).toMatchObject({
        schema_version: 1,
        change_categories: ['vulnerability_fix', 'version_upgrade', 'other'],
        previous_version: { tag: '3.13.9-debian13', digest: platformManifest(before, '3.13', architecture).digest },
        changes: {
          vulnerabilities_fixed: [
            { cve_id: 'CVE-2026-900002', severity: 'low', package: 'openssl', fixed_in_version: '3.5.1-1+dhi1' },
          ],
          packages_updated: [
            { name: 'libssl3t64', type: 'deb', old_version: '3.5.1-1', new_version: '3.5.1-1+dhi1' },
            { name: 'python-3.13', type: 'deb', old_version: '3.13.9-1', new_version: '3.13.10-1' },
          ],
          packages_added: [{ name: 'media-types', type: 'deb', version: '13.0.0' }],
          packages_removed: [{ name: 'netbase', type: 'deb', version: '6.5' }],
          environment_variables_changed: [
            { change: 'added', key: 'PYTHONDONTWRITEBYTECODE', to_value: '1' },
            { change: 'changed', key: 'PYTHON_VERSION', from_value: '3.13.9', to_value: '3.13.10' },
          ],
          configuration_changed: [],
        },
      })
    }
  })
})

describe('every release', () => {
  test.each([2, 3, 4, 5, 12])(
    'fixes what the one before called affected, and knows the next flaw (release %d)',
    (release) => {
      for (const name of ['python', 'node', 'nginx'] as const) {
        const tag = { python: '3', node: '24', nginx: '1' }[name]
        const before = sampleRepository(name, release - 1, key)
        const after = sampleRepository(name, release, key)
        const { digest } = platformManifest(after, tag, 'amd64')
        const was = predicateOf<Vex>(before, platformManifest(before, tag, 'amd64').digest, VEX)
        const is = predicateOf<Vex>(after, digest, VEX)
        const wasAffected = withStatus(was, 'affected')
        expect(wasAffected).toHaveLength(1)
        expect(withStatus(is, 'fixed')).toContain(wasAffected[0] ?? '')
        expect(withStatus(is, 'affected')).not.toEqual(wasAffected)
        expect(withStatus(is, 'affected')).toHaveLength(1)

        const { changes, previous_version } = predicateOf<Changelog>(after, digest, CHANGELOG)
        expect(previous_version.digest).toBe(platformManifest(before, tag, 'amd64').digest)
        expect(changes.vulnerabilities_fixed.map(({ cve_id }) => cve_id)).toEqual(wasAffected)
        expect(changes.packages_updated.map(({ new_version }) => new_version)).toContain(
          changes.vulnerabilities_fixed[0]?.fixed_in_version ?? '',
        )
      }
    },
  )

  test('leaves the frozen 3.12 affected by all that has been fixed elsewhere since', () => {
    const python = sampleRepository('python', 6, key)
    const { digest } = platformManifest(python, '3.12', 'amd64')
    const vex = predicateOf<Vex>(python, digest, VEX)
    expect(vex.version).toBe(6)
    expect(withStatus(vex, 'affected')).toEqual([2, 3, 4, 5, 6, 7].map((n) => `CVE-2026-90000${n}`))
    expect(statementsAbout(python, digest).size).toBe(12)
  })

  test('changes each image that is rebuilt, and can be far away', () => {
    const digests = [1, 2, 3, 500].map(
      (release) => platformManifest(sampleRepository('node', release, key), '24', 'amd64').digest,
    )
    expect(new Set(digests).size).toBe(4)
  })

  test.each([0, -1, 1.5, Number.NaN, 10_000])('is a whole number from 1 to 9999: %p is refused', (release) => {
    expect(() => sampleRepositories(release, key)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })
})
