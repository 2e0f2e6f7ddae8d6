// Images with attestations in each of the places and forms in which tools leave them.
import { digestOf, type Layout, type LayoutManifest, makeLayout } from '../../support/fixtures.ts'

export const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const IN_TOTO = 'application/vnd.in-toto+json'
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

export type Form = 'referrer' | 'bundle' | 'dsse-referrer' | 'buildkit' | 'cosign-att' | 'cosign-sbom' | 'bare-referrer'

export interface Attestation {
  readonly form: Form
  readonly predicateType: string
  readonly predicate: unknown
  /** Hex of the digest that the statement names; the image's own unless told. */
  readonly about?: string
  /** The type that the statement itself names. */
  readonly saidType?: string
  /** Bytes in place of the whole document. */
  readonly bytes?: string
}

/** One platform in one index under the tag `1`. @param version makes it another image */
export function attestedImage(version: string, attestations: readonly Attestation[]): Layout {
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, LayoutManifest>()
  const tags = new Map<string, string>()
  const addBlob = (value: unknown) => {
    const bytes = new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { digest, size: bytes.length }
  }
  const addManifest = (manifest: Record<string, unknown> & { mediaType: string }) => {
    const bytes = new TextEncoder().encode(JSON.stringify(manifest))
    const digest = digestOf(bytes)
    const { config, layers = [], manifests: children = [], subject } = manifest as unknown as Record<string, never>
    manifests.set(digest, {
      digest,
      mediaType: manifest.mediaType,
      bytes,
      artifactType:
        (manifest.artifactType as string | undefined) ?? (config as { mediaType?: string } | undefined)?.mediaType,
      annotations: manifest.annotations as Record<string, string> | undefined,
      subject: (subject as { digest: string } | undefined)?.digest,
      tags: [],
      children: (children as { digest: string }[]).map((child) => child.digest),
      blobs: [...(config === undefined ? [] : [config as { digest: string }]), ...(layers as { digest: string }[])].map(
        (one) => one.digest,
      ),
      predicateType: undefined,
      note: undefined,
    })
    return { mediaType: manifest.mediaType, digest, size: bytes.length }
  }
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', ...addBlob('{}') }
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { version } },
    rootfs: { type: 'layers', diff_ids: [] },
  }
  const image = addManifest({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...addBlob(config) },
    layers: [],
  } as never)
  const hex = image.digest.slice('sha256:'.length)
  const beside: object[] = []

  for (const one of attestations) {
    const statement = {
      _type: 'https://in-toto.io/Statement/v0.1',
      predicateType: one.saidType ?? one.predicateType,
      subject: [
        { name: 'other', digest: { sha256: 'f'.repeat(64) } },
        { name: 'x', digest: { sha256: one.about ?? hex } },
      ],
      predicate: one.predicate,
    }
    const payload = Buffer.from(JSON.stringify(statement)).toString('base64')
    const envelope = { payload, payloadType: IN_TOTO, signatures: [{ sig: 'c2ln' }] }
    const layer = (mediaType: string, document: unknown, annotations?: object) => ({
      mediaType,
      ...addBlob(one.bytes ?? document),
      ...(annotations === undefined ? {} : { annotations }),
    })
    const told = { 'in-toto.io/predicate-type': one.predicateType }
    const refer = (artifactType: string, layers: object[], annotations?: object) =>
      addManifest({
        schemaVersion: 2,
        mediaType: MANIFEST,
        artifactType,
        config: empty,
        layers,
        subject: image,
        ...(annotations === undefined ? {} : { annotations }),
      } as never)
    const bareType = one.predicateType.includes('cyclonedx') ? 'application/vnd.cyclonedx+json' : 'text/spdx+json'
    switch (one.form) {
      case 'referrer':
        refer(IN_TOTO, [layer(IN_TOTO, statement, told)], told)
        break
      case 'dsse-referrer':
        refer('application/vnd.dsse.envelope.v1+json', [layer('application/vnd.dsse.envelope.v1+json', envelope, told)])
        break
      case 'bundle': {
        const annotations = {
          'dev.sigstore.bundle.content': 'dsse-envelope',
          'dev.sigstore.bundle.predicateType': one.predicateType,
        }
        refer(
          BUNDLE,
          [
            layer(BUNDLE, {
              mediaType: BUNDLE,
              verificationMaterial: { publicKey: { hint: 'x' } },
              dsseEnvelope: envelope,
            }),
          ],
          annotations,
        )
        break
      }
      case 'bare-referrer':
        refer(bareType, [layer(bareType, one.predicate)])
        break
      case 'buildkit': {
        const manifest = addManifest({
          schemaVersion: 2,
          mediaType: MANIFEST,
          config: empty,
          layers: [layer(IN_TOTO, statement, told)],
        } as never)
        const annotations = {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': image.digest,
        }
        beside.push({ ...manifest, annotations, platform: { architecture: 'unknown', os: 'unknown' } })
        break
      }
      case 'cosign-att': {
        const layers = [layer('application/vnd.dsse.envelope.v1+json', envelope, { predicateType: one.predicateType })]
        tags.set(
          `sha256-${hex}.att`,
          addManifest({ schemaVersion: 2, mediaType: MANIFEST, config: empty, layers } as never).digest,
        )
        break
      }
      case 'cosign-sbom': {
        const layers = [layer(bareType, one.predicate)]
        tags.set(
          `sha256-${hex}.sbom`,
          addManifest({ schemaVersion: 2, mediaType: MANIFEST, config: empty, layers } as never).digest,
        )
      }
    }
  }
  const platform = { architecture: 'amd64', os: 'linux' }
  const index = addManifest({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [{ ...image, platform }, ...beside],
  } as never)
  tags.set('1', index.digest)
  for (const [tag, digest] of tags) {
    const manifest = manifests.get(digest)
    if (manifest !== undefined) manifests.set(digest, { ...manifest, tags: [...manifest.tags, tag] })
  }
  return makeLayout({
    name: `attested-${version}`,
    directory: '',
    tags,
    manifests,
    blobs,
    referencedButAbsent: new Map(),
  })
}

export function cycloneDx(version: string, more: object = {}): Omit<Attestation, 'form'> {
  const component = { type: 'library', name: 'tool', version, purl: `pkg:npm/%40acme/tool@${version}` }
  return {
    predicateType: 'https://cyclonedx.org/bom/v1.6',
    predicate: { bomFormat: 'CycloneDX', specVersion: '1.6', components: [component], ...more },
  }
}

export function spdx(version: string): Omit<Attestation, 'form'> {
  const purl = {
    referenceCategory: 'PACKAGE-MANAGER',
    referenceType: 'purl',
    referenceLocator: `pkg:npm/%40acme/tool@${version}`,
  }
  return {
    predicateType: 'https://spdx.dev/Document',
    predicate: { spdxVersion: 'SPDX-2.3', packages: [{ name: 'tool', versionInfo: version, externalRefs: [purl] }] },
  }
}
