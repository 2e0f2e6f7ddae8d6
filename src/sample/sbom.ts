import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, encodedOf } from '../oci/digest.ts'

/** One part of what an SBOM describes. */
export interface Component {
  readonly kind: 'library' | 'container'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly license?: string
  /** The source package that it was built from. */
  readonly source?: string
}

/** What an SBOM describes: an image of one platform, or a chart. */
export interface SbomSubject {
  readonly kind: 'container' | 'application'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly license: string
  readonly descriptor: Descriptor
  /** RFC 3339 in whole seconds. */
  readonly created: string
  readonly components: readonly Component[]
}

/** A UUID that is the same for the same text (RFC 9562 version 8: the bits are ours to choose). */
export function uuidOf(text: string): string {
  const hex = encodedOf(digestOf(text))
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** CycloneDX 1.6 (bom-1.6.schema.json). */
export function cycloneDx(subject: SbomSubject): object {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`cyclonedx ${subject.descriptor.digest}`)}`,
    version: 1,
    metadata: {
      timestamp: subject.created,
      tools: { components: [{ type: 'application', name: 'kagami-sample', version: '1' }] },
      component: {
        type: subject.kind,
        'bom-ref': subject.purl,
        name: subject.name,
        version: subject.version,
        purl: subject.purl,
      },
    },
    components: subject.components.map((item) => ({
      type: item.kind,
      'bom-ref': item.purl,
      name: item.name,
      version: item.version,
      purl: item.purl,
      ...(item.license === undefined ? {} : { licenses: [{ license: { id: item.license } }] }),
      ...(item.source === undefined ? {} : { properties: [{ name: 'dhi:source-package', value: item.source }] }),
    })),
    dependencies: [{ ref: subject.purl, dependsOn: subject.components.map((item) => item.purl) }],
  }
}

const UNSAID = { downloadLocation: 'NOASSERTION', filesAnalyzed: false, copyrightText: 'NOASSERTION' } as const

/** SPDX 2.3 (JSON). */
export function spdx(subject: SbomSubject): object {
  const purl = (locator: string) => [
    { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator },
  ]
  const root = {
    SPDXID: 'SPDXRef-root',
    name: subject.name,
    versionInfo: subject.version,
    primaryPackagePurpose: subject.kind.toUpperCase(),
    ...UNSAID,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: subject.license,
    checksums: [{ algorithm: 'SHA256', checksumValue: encodedOf(subject.descriptor.digest) }],
    externalRefs: purl(subject.purl),
  }
  const packages = subject.components.map((item) => ({
    // SPDX identifiers hold letters, digits, `.` and `-` only.
    SPDXID: `SPDXRef-Package-${item.name.replace(/[^A-Za-z0-9.-]/g, '-')}`,
    name: item.name,
    versionInfo: item.version,
    primaryPackagePurpose: item.kind.toUpperCase(),
    ...UNSAID,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: item.license ?? 'NOASSERTION',
    ...(item.source === undefined ? {} : { sourceInfo: `built package from: ${item.source} ${item.version}` }),
    externalRefs: purl(item.purl),
  }))
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${subject.name}@${subject.descriptor.digest}`,
    documentNamespace: `https://sample.example.invalid/spdx/${uuidOf(`spdx ${subject.descriptor.digest}`)}`,
    creationInfo: { created: subject.created, creators: ['Organization: Kagami sample', 'Tool: kagami-sample-1'] },
    packages: [root, ...packages],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', root.SPDXID),
      ...packages.map((item) => relationship(root.SPDXID, 'CONTAINS', item.SPDXID)),
    ],
  }
}

function relationship(from: string, relationshipType: 'DESCRIBES' | 'CONTAINS', to: string): object {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to }
}
