import { describe, expect, test } from 'bun:test'
import { gunzipSync } from 'node:zlib'
import { PackageURL } from 'packageurl-js'
import type { SampleRepository } from '../../src/sample/repositories.ts'
import { sampleRepositories } from '../../src/sample/repositories.ts'
import {
  blobOf,
  newSampleKey,
  platformManifest,
  platformManifests,
  predicateOf,
  readManifest,
  referrersOf,
  type Statement,
  sampleRepository,
  statementsAbout,
} from './reading.ts'

const key = newSampleKey()

const CYCLONEDX = 'https://cyclonedx.org/bom/v1.6'
const SPDX = 'https://spdx.dev/Document'
const VEX = 'https://openvex.dev/ns/v0.2.0'
const VULNS = 'https://in-toto.io/attestation/vulns/v0.2'
const SCOUT = 'https://scout.docker.com/vulnerabilities/v0.1'

interface CycloneDx {
  components: { name: string; version: string; purl: string }[]
}
interface Spdx {
  packages: { SPDXID: string; name: string; versionInfo: string }[]
  relationships: { spdxElementId: string; relatedSpdxElement: string }[]
}
interface Vex {
  statements: {
    vulnerability: { name: string }
    status: string
    products: { '@id': string }[]
    action_statement?: string
  }[]
}
interface Vulns {
  scanner: { result: { id: string; annotations: { package: string }[] }[] }
}
interface Scout {
  purl: string
  vulnerabilities: { source_id: string }[]
}

/** Name and version of each package in the dpkg list of the image's topmost layer that has one, read by the real tar. */
function installedPackages(repository: SampleRepository, digest: string): string[] {
  const layers = readManifest(repository, digest).layers ?? []
  const archive = gunzipSync(blobOf(repository, layers.at(-1)?.digest))
  const { stdout } = Bun.spawnSync(['tar', '-xOf', '-', 'var/lib/dpkg/status'], { stdin: archive })
  return stdout
    .toString()
    .split('\n\n')
    .map((stanza) => `${/^Package: (.*)$/m.exec(stanza)?.[1]} ${/^Version: (.*)$/m.exec(stanza)?.[1]}`)
}

describe('the attestations of the sample', () => {
  test('are twelve on each platform manifest, each of its own kind, and none on an index', () => {
    for (const repository of sampleRepositories(1, key).filter(({ name }) => name !== 'nginx-chart')) {
      for (const { digest } of platformManifests(repository)) {
        const kinds = referrersOf(repository, digest).map(({ body }) => body.annotations?.['in-toto.io/predicate-type'])
        expect(kinds).toHaveLength(12)
        expect(new Set(kinds).size).toBe(12)
      }
      for (const index of new Set(repository.tags.values())) {
        const types = referrersOf(repository, index).map(({ body }) => body.artifactType)
        expect(types).toEqual(['application/vnd.dev.cosign.artifact.sig.v1+json'])
      }
    }
  })

  test('have the empty config and one bare in-toto Statement about their subject, whose kind the annotations tell', () => {
    const python = sampleRepository('python', 2, key)
    for (const { digest } of platformManifests(python)) {
      for (const { body } of referrersOf(python, digest)) {
        const kind = body.annotations?.['in-toto.io/predicate-type'] ?? ''
        expect(body).toMatchObject({
          artifactType: 'application/vnd.in-toto+json',
          config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, data: 'e30=' },
          layers: [{ mediaType: 'application/vnd.in-toto+json', annotations: { 'in-toto.io/predicate-type': kind } }],
        })
        const [layer] = body.layers ?? []
        const statement: Statement = JSON.parse(new TextDecoder().decode(blobOf(python, layer?.digest)))
        expect(statement.predicateType).toBe(kind)
        expect(statement.subject.map((subject) => `sha256:${subject.digest.sha256}`)).toEqual([digest])
        expect(statement._type).toMatch(/^https:\/\/in-toto\.io\/Statement\/v(0\.1|1)$/)
        expect(PackageURL.fromString(statement.subject[0]?.name ?? '')).toMatchObject({
          namespace: 'dhi',
          name: 'python',
        })
      }
    }
  })

  test('agree on the packages: the layer, CycloneDX and SPDX name the same ones', () => {
    for (const repository of sampleRepositories(3, key).filter(({ name }) => name !== 'nginx-chart')) {
      for (const { digest, platform } of platformManifests(repository)) {
        const installed = installedPackages(repository, digest)
        expect(installed.length).toBeGreaterThan(6)
        const { components } = predicateOf<CycloneDx>(repository, digest, CYCLONEDX)
        expect(components.map(({ name, version }) => `${name} ${version}`)).toEqual(installed)
        for (const { name, version, purl } of components) {
          const { qualifiers, ...parsed } = PackageURL.fromString(purl)
          expect(parsed).toMatchObject({ type: 'deb', namespace: 'debian', name })
          const epoch = qualifiers?.epoch === undefined ? '' : `${qualifiers.epoch}:`
          expect(`${epoch}${parsed.version}`).toBe(version)
          expect(qualifiers?.arch).toBe(platform?.architecture ?? '')
        }

        const spdx = predicateOf<Spdx>(repository, digest, SPDX)
        const [, ...packages] = spdx.packages
        expect(packages.map(({ name, versionInfo }) => `${name} ${versionInfo}`)).toEqual(installed)
        const ids = new Set(['SPDXRef-DOCUMENT', ...spdx.packages.map(({ SPDXID }) => SPDXID)])
        expect(ids.size).toBe(spdx.packages.length + 1)
        for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/)
        for (const { spdxElementId, relatedSpdxElement } of spdx.relationships) {
          expect([ids.has(spdxElementId), ids.has(relatedSpdxElement)]).toEqual([true, true])
        }
      }
    }
  })

  test('agree on the flaws: both reports name what VEX does not call fixed, in packages that the image has', () => {
    const python = sampleRepository('python', 2, key)
    const { digest } = platformManifest(python, '3.13', 'amd64')
    const { statements } = predicateOf<Vex>(python, digest, VEX)
    expect(statements.map(({ status }) => status).sort()).toEqual([
      'affected',
      'fixed',
      'not_affected',
      'under_investigation',
    ])
    const open = statements.filter(({ status }) => status !== 'fixed').map(({ vulnerability }) => vulnerability.name)
    const { scanner } = predicateOf<Vulns>(python, digest, VULNS)
    expect(scanner.result.map(({ id }) => id)).toEqual(open)
    const scout = predicateOf<Scout[]>(python, digest, SCOUT)
    expect(scout.flatMap(({ vulnerabilities }) => vulnerabilities.map((item) => item.source_id)).sort()).toEqual(
      open.sort(),
    )

    const { components } = predicateOf<CycloneDx>(python, digest, CYCLONEDX)
    const versions = new Set(components.map(({ version }) => version))
    for (const purl of statements.flatMap(({ products }) => products.map((product) => product['@id']))) {
      expect(versions.has(PackageURL.fromString(purl).version ?? '')).toBe(true)
    }
  })

  test('point at each other: the verification summary names the provenance that is there', () => {
    const node = sampleRepository('node', 1, key)
    const { digest } = platformManifest(node, '24', 'arm64')
    const summary = predicateOf<{
      resourceUri: string
      inputAttestations: { uri: string; digest: { sha256: string } }[]
    }>(node, digest, 'https://slsa.dev/verification_summary/v1')
    const [input] = summary.inputAttestations
    const provenance: Statement = JSON.parse(new TextDecoder().decode(blobOf(node, `sha256:${input?.digest.sha256}`)))
    expect(provenance.predicateType).toBe(input?.uri ?? '')
    expect(provenance.subject[0]?.name).toBe(summary.resourceUri)
  })

  test('have a changelog without changes in the first release', () => {
    const nginx = sampleRepository('nginx', 1, key)
    const { digest } = platformManifest(nginx, '1.29', 'amd64')
    expect(statementsAbout(nginx, digest).get('https://docker.com/dhi/changelog/v0.1')?.predicate).toEqual({
      schema_version: 1,
      change_categories: [],
      previous_version: null,
      changes: {
        vulnerabilities_fixed: [],
        packages_updated: [],
        packages_added: [],
        packages_removed: [],
        environment_variables_changed: [],
        labels_changed: [],
        configuration_changed: [],
      },
    })
  })
})
