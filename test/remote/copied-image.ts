// One image with everything that may belong to it, its copy to a target by the ports alone, and what must be there then.
import { expect } from 'bun:test'
import type { RegistryKind } from '../../src/api/targets.ts'
import { isAppError } from '../../src/errors.ts'
import { fetchBlob } from '../../src/mirror/pass/fetch-blob.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, type Tag } from '../../src/oci/reference.ts'
import type { TagOutcome } from '../../src/oci/repository.ts'
import type { TargetMemory, TargetRepository } from '../../src/oci/target-repository.ts'
import type { RegistryApi } from '../../src/remote/registry-api.ts'
import { openRemoteTarget } from '../../src/remote/remote-target.ts'
import { digestOf, fallbackTagOf, type Layout, type LayoutManifest, makeLayout } from '../support/fixtures.ts'
import { memoryRepository } from '../support/memory-repository.ts'
import { freshContent } from '../support/oci-requests.ts'
import { type QuirkRegistry, type Quirks, USER } from '../support/quirk-registry.ts'
import { loopbackNetwork, OCI_INDEX, OCI_MANIFEST } from './scripted-registry.ts'

export const NAME = parseRepositoryName('team/app')
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const IN_TOTO = 'application/vnd.in-toto+json'

export interface CopiedImage {
  readonly layout: Layout
  readonly index: LayoutManifest
  readonly platform: LayoutManifest
  /** On the platform's manifest. */
  readonly attestation: LayoutManifest
  /** On the attestation. */
  readonly signature: LayoutManifest
  /** Under cosign's tag of the index. */
  readonly tagged: LayoutManifest
  /** In the order in which they can be written. */
  readonly order: readonly LayoutManifest[]
}

/** An index with one platform under two tags, attested on the platform, signed on the attestation, and by cosign's tag on the index. */
export function imageWithAll(
  o: {
    readonly layerBytes?: number
    readonly algorithm?: 'sha256' | 'sha512'
    /** Of blobs; that of the manifests when left out. */
    readonly blobAlgorithm?: 'sha256' | 'sha512'
    readonly hasNoMediaType?: boolean
    /** The index names a platform that nobody has. */
    readonly isSparse?: boolean
    readonly layers?: readonly { readonly digest: string; readonly bytes: Uint8Array }[]
  } = {},
): CopiedImage {
  const { algorithm = 'sha256', blobAlgorithm = algorithm } = o
  const blobs = new Map<string, Uint8Array>()
  const blob = (mediaType: string, size: number, given?: { digest: string; bytes: Uint8Array }) => {
    const { digest, bytes } = given ?? freshContent(size, blobAlgorithm)
    blobs.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const manifest = (body: Record<string, unknown>, mediaType: string, tags: readonly string[] = []): LayoutManifest => {
    const parts = body as {
      subject?: { digest: string }
      manifests?: { digest: string }[]
      config?: { digest: string; mediaType: string }
      layers?: { digest: string }[]
      artifactType?: string
      annotations?: Record<string, unknown>
    }
    const bytes = new TextEncoder().encode(
      JSON.stringify({ schemaVersion: 2, ...(o.hasNoMediaType ? {} : { mediaType }), ...body }),
    )
    return {
      digest: digestOf(bytes, algorithm),
      mediaType,
      bytes,
      artifactType: parts.artifactType ?? parts.config?.mediaType,
      annotations: parts.annotations,
      subject: parts.subject?.digest,
      tags,
      children: (parts.manifests ?? []).map(({ digest }) => digest),
      blobs: [...(parts.config ? [parts.config] : []), ...(parts.layers ?? [])].map(({ digest }) => digest),
      predicateType: undefined,
      note: undefined,
    }
  }
  const at = ({ mediaType, digest, bytes }: LayoutManifest) => ({ mediaType, digest, size: bytes.length })

  const layers = o.layers ?? [undefined, undefined]
  const platform = manifest(
    { config: blob(CONFIG, 300), layers: layers.map((given) => blob(LAYER, o.layerBytes ?? 2000, given)) },
    OCI_MANIFEST,
  )
  const absent = { mediaType: OCI_MANIFEST, digest: digestOf(new Uint8Array([1, 2, 3]), algorithm), size: 3 }
  const children = [
    { ...at(platform), platform: { os: 'linux', architecture: 'amd64' } },
    ...(o.isSparse ? [{ ...absent, platform: { os: 'linux', architecture: 'arm64' } }] : []),
  ]
  const index = manifest({ manifests: children }, OCI_INDEX, ['1.0', 'latest'])
  const attestation = manifest(
    {
      artifactType: IN_TOTO,
      config: blob('application/vnd.oci.empty.v1+json', 2),
      layers: [blob(IN_TOTO, 500)],
      subject: at(platform),
      annotations: { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' },
    },
    OCI_MANIFEST,
  )
  const signature = manifest(
    {
      config: blob(CONFIG, 20),
      layers: [blob('application/vnd.dev.cosign.simplesigning.v1+json', 200)],
      subject: at(attestation),
    },
    OCI_MANIFEST,
  )
  const isTagged = algorithm === 'sha256'
  const tagged = manifest(
    { config: blob(CONFIG, 21), layers: [blob('application/vnd.dev.cosign.simplesigning.v1+json', 201)] },
    OCI_MANIFEST,
    isTagged ? [`${fallbackTagOf(index.digest)}.sig`] : [],
  )
  const order = [platform, index, attestation, signature, ...(isTagged ? [tagged] : [])]
  const layout = makeLayout({
    name: 'image',
    directory: '',
    tags: new Map(order.flatMap(({ tags, digest }) => tags.map((tag) => [tag, digest] as const))),
    manifests: new Map(order.map((one) => [one.digest, one])),
    blobs,
    referencedButAbsent: new Map(),
  })
  return { layout, index, platform, attestation, signature, tagged, order }
}

/** What a target is known to have, in maps. */
export function targetMemory(mounts: Readonly<Record<string, readonly string[]>> = {}): TargetMemory {
  const blobs = new Set<Digest>()
  const manifests = new Set<Digest>()
  return {
    hasManifest: (digest) => manifests.has(digest),
    hasBlob: (digest) => blobs.has(digest),
    mountsOf: (blob) => (mounts[blob] ?? []).map((name) => parseRepositoryName(name)),
    noteBlob: (digest) => void blobs.add(digest),
    noteManifest: (digest) => void manifests.add(digest),
    forget(digest) {
      blobs.delete(digest)
      manifests.delete(digest)
    },
  }
}

export function openTarget(
  registry: QuirkRegistry,
  kind: RegistryKind,
  { memory = targetMemory(), api }: { readonly memory?: TargetMemory; readonly api?: RegistryApi } = {},
): TargetRepository {
  const endpoint = { url: registry.url, ...USER }
  return openRemoteTarget(loopbackNetwork(), endpoint, NAME, { kind, memory, api, sleep: async () => {} })
}

export interface Copied {
  readonly tags: readonly TagOutcome[]
  /** Manifests that could not be written, with the code of why; tags of what they belong to were not moved. */
  readonly failed: ReadonlyMap<string, string>
}

/** As the engine does it: blobs several at once, manifests after what they name, tags last, and only of what is whole. */
export async function copyImage(target: TargetRepository, { layout, order }: CopiedImage): Promise<Copied> {
  await target.prepare()
  const reader = memoryRepository(layout).reader()
  const { writer } = target
  const describe = ({ digest, mediaType, bytes }: LayoutManifest): Descriptor => ({
    mediaType,
    digest: digest as Digest,
    size: bytes.length,
  })
  const blobs = [...layout.blobs].map(([digest, bytes]) => ({
    mediaType: LAYER,
    digest: digest as Digest,
    size: bytes.length,
  }))
  await Promise.all(blobs.map((blob) => fetchBlob(blob, { reader, writer, onBytes() {}, sleep: async () => {} })))
  const failed = new Map<string, string>()
  for (const manifest of order) {
    const isLacking = manifest.children.some((child) => failed.has(child))
    if (isLacking) failed.set(manifest.digest, 'lacking')
    else {
      await writer.writeManifest({ descriptor: describe(manifest), bytes: manifest.bytes }).catch((error) => {
        if (!isAppError(error)) throw error
        failed.set(manifest.digest, error.code)
      })
    }
  }
  const whole = order.filter(({ digest }) => !failed.has(digest))
  const moves = await Promise.all(
    whole.flatMap((manifest) =>
      manifest.tags.map(async (tag) => ({
        tag: tag as Tag,
        to: describe(manifest),
        expect: await target.head({ tag: tag as Tag }),
      })),
    ),
  )
  const tags = await writer.publish({ roots: whole.map(describe), tags: moves }, async ({ digest }) => {
    const found = layout.manifests.get(digest)
    if (found === undefined) throw new Error(`want ${digest}`)
    return found.bytes
  })
  return { tags, failed }
}

/** Referrers that a client of this registry finds: by its API, or under the fallback tag. */
function referrersAt(registry: QuirkRegistry, quirks: Quirks, subject: string, name: string): string[] {
  const { manifests, tags } = registry.repository(name)
  const parsed = (bytes: Uint8Array) =>
    JSON.parse(new TextDecoder().decode(bytes)) as { subject?: { digest: string }; manifests?: { digest: string }[] }
  if ((quirks.referrers ?? 'api') === 'api') {
    return [...manifests].filter(([, { bytes }]) => parsed(bytes).subject?.digest === subject).map(([digest]) => digest)
  }
  const index = manifests.get(tags.get(fallbackTagOf(subject)) ?? '')
  return index === undefined ? [] : (parsed(index.bytes).manifests ?? []).map(({ digest }) => digest)
}

/** All of it is there, byte by byte, found where clients look for it; each blob came once, and nothing was put that was there. */
export function expectWhole(
  registry: QuirkRegistry,
  quirks: Quirks,
  { layout }: CopiedImage,
  name: string = NAME,
): void {
  const there = registry.repository(name)
  for (const [digest, bytes] of layout.blobs) {
    expect([digest, Buffer.compare(there.blobs.get(digest) ?? new Uint8Array(), bytes)]).toEqual([digest, 0])
  }
  for (const { digest, bytes, mediaType, subject } of layout.manifests.values()) {
    const stored = there.manifests.get(digest)
    expect([digest, stored?.mediaType, Buffer.compare(stored?.bytes ?? new Uint8Array(), bytes)]).toEqual([
      digest,
      mediaType,
      0,
    ])
    if (subject !== undefined) expect(referrersAt(registry, quirks, subject, name)).toEqual([digest])
  }
  for (const [tag, digest] of layout.tags) expect([tag, there.tags.get(tag)]).toEqual([tag, digest])
  expectNothingTwice(registry)
}

export function expectNothingTwice(registry: QuirkRegistry): void {
  expect([...registry.uploads].filter(([, count]) => count > 1)).toEqual([])
  expect(registry.identicalPuts).toEqual([])
}
