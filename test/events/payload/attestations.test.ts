// In whatever place and form an image's attestations are, they are found; and whatever stands in them, a payload is made.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { ImageChanges } from '../../../src/api/webhook-payload.ts'
import { MAX_ENVELOPE_BYTES } from '../../../src/contents/read-document.ts'
import { MAX_ENTRIES } from '../../../src/contents/read-image.ts'
import { createFactsLoader } from '../../../src/events/payload/load-facts.ts'
import { type MirrorInstance, openMirrorInstance } from '../../mirror/mirror-instance.ts'
import { type Attestation, attestedImage, cycloneDx, type Form, spdx } from './attested-images.ts'
import { lastEvent, mirrorReleases, PUBLIC_URL } from './releases.ts'

let instance: MirrorInstance
beforeEach(async () => {
  instance = await openMirrorInstance()
})
afterEach(() => instance.close())

/** What the move from one image to the other tells. */
async function told(before: readonly Attestation[], after: readonly Attestation[]) {
  await mirrorReleases(instance, 'app', [attestedImage('1', before), attestedImage('2', after)])
  const event = await lastEvent(instance, 'tag.moved', '1')
  const { metadata, leftOut } = await createFactsLoader(instance).load(event, { publicUrl: PUBLIC_URL })
  // The label of the image tells a difference in any case.
  expect(metadata.size).toBe(1)
  const [entry] = metadata.values()
  return { changes: entry?.changes as ImageChanges, leftOut }
}

const UPDATED = [{ name: '@acme/tool', type: 'npm', old_version: '1.0', new_version: '2.0' }]

describe('an SBOM is found', () => {
  for (const form of [
    'referrer',
    'dsse-referrer',
    'bundle',
    'bare-referrer',
    'buildkit',
    'cosign-att',
    'cosign-sbom',
  ] as Form[]) {
    for (const [name, sbom] of [
      ['CycloneDX', cycloneDx],
      ['SPDX', spdx],
    ] as const) {
      test(`${name} as ${form}`, async () => {
        const { changes, leftOut } = await told([{ form, ...sbom('1.0') }], [{ form, ...sbom('2.0') }])
        expect([changes.packages_updated, leftOut]).toEqual([UPDATED, undefined])
      })
    }
  }

  test('though the two releases leave it in different places', async () => {
    const { changes } = await told([{ form: 'cosign-att', ...spdx('1.0') }], [{ form: 'buildkit', ...spdx('2.0') }])
    expect(changes.packages_updated).toEqual(UPDATED)
  })
})

describe('vulnerabilities are read', () => {
  const base = 'pkg:npm/%40acme/tool@'
  const reports: Record<string, Omit<Attestation, 'form'>> = {
    'in-toto vulns v0.1': {
      predicateType: 'https://in-toto.io/attestation/vulns/v0.1',
      predicate: {
        scanner: {
          result: [
            { id: 'CVE-1', severity: [{ method: 'nvd', score: 'HIGH' }], annotations: [{ package: `${base}1.0` }] },
          ],
        },
      },
    },
    'in-toto vulns v0.2': {
      predicateType: 'https://in-toto.io/attestation/vulns/v0.2',
      predicate: {
        scanner: {
          result: [
            {
              id: 'CVE-1',
              severity: [
                { method: 'cvss_score', score: '7.5' },
                { method: 'nvd', score: 'High' },
              ],
              annotations: [{ package: `${base}1.0`, fixedIn: '' }],
            },
          ],
        },
      },
    },
    'cosign vuln with trivy': {
      predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1',
      predicate: {
        scanner: {
          result: {
            Results: [
              {
                Vulnerabilities: [
                  { VulnerabilityID: 'CVE-1', PkgName: '@acme/tool', Severity: 'HIGH', FixedVersion: '' },
                ],
              },
            ],
          },
        },
      },
    },
    'Docker Scout': {
      predicateType: 'https://scout.docker.com/vulnerabilities/v0.1',
      predicate: [{ purl: `${base}1.0`, vulnerabilities: [{ source_id: 'CVE-1', cvss: { severity: 'HIGH' } }] }],
    },
  }
  const clean: Record<string, unknown> = {
    'Docker Scout': [],
    'cosign vuln with trivy': { scanner: { result: { Results: [] } } },
  }
  for (const [name, report] of Object.entries(reports)) {
    test(`from ${name}`, async () => {
      const form = 'referrer'
      const after = { ...report, predicate: clean[name] ?? { scanner: { result: [] } } }
      const { changes } = await told(
        [
          { form, ...spdx('1.0') },
          { form, ...report },
        ],
        [
          { form, ...spdx('2.0') },
          { form, ...after },
        ],
      )
      expect(changes.vulnerabilities_fixed).toEqual([
        { cve_id: 'CVE-1', severity: 'high', package: '@acme/tool', fixed_in_version: '2.0' },
      ])
    })
  }

  test('from CycloneDX, and what its analysis finds harmless is none', async () => {
    const vulnerability = (id: string, state: string) => ({
      id,
      ratings: [{ severity: 'high' }],
      affects: [{ ref: `${base}1.0` }],
      analysis: { state },
    })
    const vulnerabilities = [vulnerability('CVE-1', 'exploitable'), vulnerability('CVE-2', 'not_affected')]
    const open = vulnerability('CVE-3', 'in_triage')
    const { changes } = await told(
      [{ form: 'referrer', ...cycloneDx('1.0', { vulnerabilities: [...vulnerabilities, open] }) }],
      [{ form: 'referrer', ...cycloneDx('2.0', { vulnerabilities: [open] }) }],
    )
    expect(changes.vulnerabilities_fixed.map(({ cve_id }) => cve_id)).toEqual(['CVE-1'])
  })
})

describe('what others have written tells nothing, and the payload says why', () => {
  const form = 'referrer' as const
  const bad: Record<string, [Attestation, RegExp]> = {
    'is about another image': [
      { form, ...spdx('2.0'), about: 'e'.repeat(64) },
      /is about another image or of another kind/,
    ],
    'is of another kind than it says': [
      { form, ...spdx('2.0'), saidType: 'https://slsa.dev/provenance/v1' },
      /another kind/,
    ],
    'is no JSON': [{ form, ...spdx('2.0'), bytes: '{"predicateType":' }, /want a JSON object|want JSON/],
    'is an array': [{ form, ...spdx('2.0'), bytes: '[1,2]' }, /want an object/],
    'nests too deep': [{ form, ...spdx('2.0'), bytes: `{"predicate":${'['.repeat(10_000)}` }, /nests deeper/],
    'is an envelope without a payload': [
      { form: 'bundle', ...spdx('2.0'), bytes: '{"dsseEnvelope":{}}' },
      /has no payload/,
    ],
    'has an entry of megabytes': [
      { form, ...spdx('2.0'), predicate: { packages: [{ name: 'x'.repeat(3 * 1024 * 1024) }] } },
      /more than 1048576 bytes/,
    ],
    'is an envelope of too many bytes': [
      { form: 'bundle', ...spdx('2.0'), bytes: ' '.repeat(MAX_ENVELOPE_BYTES + 1) },
      /at most 33554432 are read/,
    ],
    'has too many entries': [
      {
        form,
        ...spdx('2.0'),
        predicate: { packages: Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => spdxPackage(i)) },
      },
      /more than 50000 entries/,
    ],
  }
  for (const [what, [attestation, reason]] of Object.entries(bad)) {
    test(`an SBOM that ${what}`, async () => {
      const { changes, leftOut } = await told([{ form, ...spdx('1.0') }], [attestation])
      expect(leftOut).toMatch(reason)
      expect([changes.packages_updated, changes.packages_added, changes.packages_removed]).toEqual([[], [], []])
      // And what was found out of it is kept: the same bytes are not read again.
      expect((await instance.db.read.selectFrom('image_differences').selectAll().execute()).length).toBe(1)
    })
  }

  test('entries of any shape are passed over, the others count', async () => {
    const odd = [
      null,
      7,
      'text',
      [],
      {},
      { name: 7 },
      { externalRefs: 'x' },
      { externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:' }] },
    ]
    const after = spdx('2.0')
    const packages = [...odd, ...(after.predicate as { packages: unknown[] }).packages]
    const { changes } = await told([{ form, ...spdx('1.0') }], [{ form, ...after, predicate: { packages } }])
    expect([changes.packages_updated, changes.packages_added]).toEqual([UPDATED, []])
  })
})

function spdxPackage(i: number) {
  return { externalRefs: [{ referenceType: 'purl', referenceLocator: `pkg:npm/p${i}@1` }] }
}
