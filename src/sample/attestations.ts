import { PackageURL } from 'packageurl-js'
import { type Descriptor, formatPlatform } from '../oci/descriptor.ts'
import { type Digest, digestOf, encodedOf } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import { changelog } from './changelog.ts'
import { type Content, jsonBytes, newContent } from './content.ts'
import { previousDefinition } from './definitions.ts'
import { addPlatform, type PlatformImage, SAMPLE_PREFIX } from './images.ts'
import type { SampleKey } from './keys.ts'
import { binaryPurl, dpkgStanza } from './packages.ts'
import { type Build, slsaProvenance1, slsaProvenance02, verificationSummary } from './provenance.ts'
import { type ReleaseNumber, releaseTime } from './releases.ts'
import { cycloneDx, type SbomSubject, spdx, uuidOf } from './sbom.ts'
import { secretScan, testReport, virusScan } from './scans.ts'
import { addSignature } from './signatures.ts'
import { findingsOf, openVex, scoutVulnerabilities, vulnerabilityReport } from './vulnerabilities.ts'

/** artifactType and layer type of a bare in-toto Statement. */
const IN_TOTO = 'application/vnd.in-toto+json'

/** Where the kind of an attestation is told, on its manifest and on its layer. */
const PREDICATE_TYPE = 'in-toto.io/predicate-type'

export const PredicateType = {
  cycloneDx: 'https://cyclonedx.org/bom/v1.6',
  spdx: 'https://spdx.dev/Document',
  slsaProvenance02: 'https://slsa.dev/provenance/v0.2',
  slsaProvenance1: 'https://slsa.dev/provenance/v1',
  verificationSummary: 'https://slsa.dev/verification_summary/v1',
  openVex: 'https://openvex.dev/ns/v0.2.0',
  vulnerabilities: 'https://in-toto.io/attestation/vulns/v0.2',
  scoutVulnerabilities: 'https://scout.docker.com/vulnerabilities/v0.1',
  secrets: 'https://scout.docker.com/secrets/v0.1',
  virus: 'https://scout.docker.com/virus/v0.1',
  tests: 'https://scout.docker.com/tests/v0.1',
  changelog: 'https://docker.com/dhi/changelog/v0.1',
} as const

type PredicateType = (typeof PredicateType)[keyof typeof PredicateType]

/** What an attestation is about, and where it goes. */
export interface AttestationTarget {
  /** `dhi/python` */
  readonly repository: string
  /** Name of the statement's subject, a package URL. */
  readonly name: string
  /** Bare descriptor of the manifest. */
  readonly descriptor: Descriptor
  readonly key: SampleKey
  readonly content: Content
}

/**
 * Adds one attestation as a referrer of its target, and the key's signature as a referrer of the attestation.
 * @returns digest of the statement
 */
export function addAttestation(target: AttestationTarget, predicateType: PredicateType, predicate: object): Digest {
  const statement = jsonBytes({
    // The in-toto project asks for v1 statements with SLSA v1; everything else here is older.
    _type: `https://in-toto.io/Statement/${predicateType === PredicateType.slsaProvenance1 ? 'v1' : 'v0.1'}`,
    predicateType,
    subject: [{ name: target.name, digest: { sha256: encodedOf(target.descriptor.digest) } }],
    predicate,
  })
  const annotations = { [PREDICATE_TYPE]: predicateType }
  const layer = target.content.addBlob(statement, IN_TOTO)
  const attestation = target.content.addManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: IN_TOTO,
    annotations,
    // OCI image-spec manifest.md "Guidance for an Empty Descriptor".
    config: { ...target.content.addBlob({}, MediaType.ociEmpty), data: 'e30=' },
    layers: [{ ...layer, annotations }],
    subject: target.descriptor,
  })
  addSignature(attestation, target.repository, target.key, target.content)
  return layer.digest
}

/** Adds the twelve attestations that every platform manifest has, each signed. */
export function addImageAttestations(image: PlatformImage, key: SampleKey, content: Content): void {
  const release = image.definition.contentRelease
  const target = targetOf(image, key, content)
  const sbom = sbomSubject(image)
  const build = buildOf(image)
  const findings = findingsOf(image.definition.packages, release)

  addAttestation(target, PredicateType.cycloneDx, cycloneDx(sbom))
  addAttestation(target, PredicateType.spdx, spdx(sbom))
  const provenance = addAttestation(target, PredicateType.slsaProvenance02, slsaProvenance02(build))
  addAttestation(target, PredicateType.slsaProvenance1, slsaProvenance1(build))
  addAttestation(
    target,
    PredicateType.verificationSummary,
    verificationSummary(target.name, releaseTime(release, 1), digestOf('SLSA_BUILD_LEVEL_1'), provenance),
  )
  addAttestation(target, PredicateType.openVex, openVex(vexId(image, 1), findings, release, 1))
  addAttestation(target, PredicateType.vulnerabilities, vulnerabilityReport(findings, release))
  addAttestation(target, PredicateType.scoutVulnerabilities, scoutVulnerabilities(findings))
  addAttestation(target, PredicateType.secrets, secretScan())
  addAttestation(target, PredicateType.virus, virusScan(image))
  addAttestation(target, PredicateType.tests, testReport(image))
  addAttestation(target, PredicateType.changelog, changelog(image, previousOf(image)))
}

/**
 * Adds what `release` has learned about an image that it does not rebuild: a newer OpenVEX document, whose version is the
 * release's number. The image keeps its digest, so that looking at tags alone misses this.
 */
export function addLateAttestation(
  image: PlatformImage,
  release: ReleaseNumber,
  key: SampleKey,
  content: Content,
): void {
  const findings = findingsOf(image.definition.packages, release)
  const document = openVex(vexId(image, release), findings, release, release)
  addAttestation(targetOf(image, key, content), PredicateType.openVex, document)
}

const vexId = (image: PlatformImage, version: number) => uuidOf(`vex ${version} ${image.descriptor.digest}`)

function targetOf(image: PlatformImage, key: SampleKey, content: Content): AttestationTarget {
  const { repository, exactTag } = image.definition
  const { os, architecture } = image.platform
  const name = new PackageURL('docker', SAMPLE_PREFIX, repository, exactTag, { platform: `${os}/${architecture}` })
  return {
    repository: `${SAMPLE_PREFIX}/${repository}`,
    name: name.toString(),
    descriptor: image.descriptor,
    key,
    content,
  }
}

function sbomSubject({ definition, descriptor, platform }: PlatformImage): SbomSubject {
  const name = `${SAMPLE_PREFIX}/${definition.repository}`
  return {
    kind: 'container',
    name,
    version: definition.version,
    purl: new PackageURL('oci', undefined, definition.repository, descriptor.digest, {
      arch: platform.architecture,
    }).toString(),
    license: definition.license,
    descriptor,
    created: releaseTime(definition.contentRelease),
    components: definition.packages.map((item) => ({
      kind: 'library',
      name: item.name,
      version: item.version,
      purl: binaryPurl(item, platform.architecture),
      license: item.license,
      source: item.source,
    })),
  }
}

function buildOf({ definition, platform, buildId }: PlatformImage): Build {
  return {
    definitionPath: definition.path,
    definitionDigest: digestOf(JSON.stringify(definition)),
    platform: formatPlatform(platform),
    id: buildId,
    startedAt: releaseTime(definition.contentRelease, -3),
    finishedAt: releaseTime(definition.contentRelease),
    materials: definition.packages.map((item) => {
      // A package of the sample is its entry in dpkg's list, nothing more: that is what the digest is of.
      const entry = dpkgStanza(item, platform.architecture)
      return { uri: binaryPurl(item, platform.architecture), digest: digestOf(entry) }
    }),
  }
}

function previousOf(image: PlatformImage): PlatformImage | undefined {
  const previous = previousDefinition(image.definition)
  return previous === undefined ? undefined : addPlatform(previous, image.platform, newContent())
}
