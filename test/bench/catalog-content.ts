// A catalog whose every byte follows from its shape: made when somebody asks for it, the same in every process.
import { createCipheriv, createHash } from 'node:crypto'
import { digestOf, type Layout, type LayoutManifest, makeLayout } from '../support/fixtures.ts'

export interface CatalogShape {
  readonly repositories: number
  readonly images: number
  readonly tags: number
  /** On each platform manifest; each bears one signature. */
  readonly attestations: number
  readonly layerBytes: number
  readonly attestationBytes: number
}

/** What upstream has changed since it was filled. */
export interface CatalogState {
  /** Images whose tags point to a rebuilt one, by number. */
  readonly moved: ReadonlySet<number>
  /** Images that bear one attestation more on each platform, by number. */
  readonly attested: ReadonlySet<number>
}

/** A catalog of hardened images as one was counted: manifests and blobs are many, and here each blob is small. */
export const CATALOG: CatalogShape = {
  repositories: 554,
  images: 2582,
  tags: 18_095,
  attestations: 13,
  layerBytes: 16 * 1024,
  attestationBytes: 8 * 1024,
}

/** 420 tags and 2.5 GiB of distinct bytes, most of them in layers. */
export const LAYERED: CatalogShape = {
  repositories: 20,
  images: 60,
  tags: 420,
  attestations: 13,
  layerBytes: 9_175_040,
  attestationBytes: 8 * 1024,
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
const ATTESTATION_TYPE = 'application/vnd.in-toto+json'
const SIGNATURE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const PREDICATE = 'in-toto.io/predicate-type'
const PLATFORMS = ['amd64', 'arm64'] as const
const EMPTY = new TextEncoder().encode('{}')
const EMPTY_DIGEST = digestOf(EMPTY)

/** The same share of everything, but at least one of each. */
export function scaled(shape: CatalogShape, scale: number): CatalogShape {
  const part = (count: number) => Math.max(1, Math.round(count * scale))
  const { repositories, images, tags } = shape
  return { ...shape, repositories: part(repositories), images: part(images), tags: part(tags) }
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** Bytes by their name, or by themselves where they are few. */
type Source = Uint8Array | { readonly noise: string; readonly size: number }

interface Part {
  readonly mediaType: string
  readonly size: number
  readonly source: Source
}

export interface Image {
  readonly index: Descriptor
  readonly parts: ReadonlyMap<string, Part>
  /** As the referrers API lists them, by subject. */
  readonly referrers: ReadonlyMap<string, readonly Descriptor[]>
}

/** `size` bytes that cannot be compressed, from `start` on, of those that the name stands for. */
function noise(name: string, start: number, size: number): Uint8Array {
  const key = createHash('sha256').update(name).digest()
  const counter = Buffer.alloc(16)
  counter.writeBigUInt64BE(BigInt(Math.floor(start / 16)), 8)
  const skipped = start % 16
  const bytes = createCipheriv('aes-256-ctr', key, counter).update(Buffer.alloc(skipped + size))
  return skipped === 0 ? bytes : bytes.subarray(skipped)
}

/** The bytes of a part from `start` to `end`, which is not among them. */
export function bytesOf({ source, size }: Part, start = 0, end = size): Uint8Array {
  return 'noise' in source ? noise(source.noise, start, end - start) : source.subarray(start, end)
}

/** Which of `of` things belong to the one of number `index` among `among`. */
function share(index: number, of: number, among: number): { readonly from: number; readonly to: number } {
  return { from: Math.floor((index * of) / among), to: Math.floor(((index + 1) * of) / among) }
}

export interface Catalog {
  readonly shape: CatalogShape
  readonly repositories: readonly string[]
  /** Of a repository's tags: the number of the image that each points to. */
  tagsOf(repository: number): ReadonlyMap<string, number>
  imagesOf(repository: number): readonly number[]
  /** @param isRebuilt what the tags of an image point to once they have moved */
  image(number: number, isRebuilt: boolean, isAttested: boolean): Image
  /** All of a repository as it is, and, where tags have moved, as it was. */
  layoutOf(repository: number, state: CatalogState): Layout
}

export function makeCatalog(shape: CatalogShape): Catalog {
  const { attestations, layerBytes, attestationBytes } = shape
  /** A layer may have megabytes: it is hashed once. */
  const layerDigests = new Map<string, string>()
  const repositoryOf = (image: number) => Math.floor(((image + 1) * shape.repositories - 1) / shape.images)
  const nameOf = (repository: number) => `image-${String(repository).padStart(4, '0')}`

  function image(number: number, isRebuilt: boolean, isAttested: boolean): Image {
    const repository = repositoryOf(number)
    const name = `image ${number}${isRebuilt ? ' again' : ''}`
    const parts = new Map<string, Part>()
    const referrers = new Map<string, Descriptor[]>()
    const add = (mediaType: string, source: Source, known?: string): Descriptor => {
      const size = 'noise' in source ? source.size : source.length
      const part = { mediaType, size, source }
      const digest = known ?? digestOf(bytesOf(part))
      parts.set(digest, part)
      return { mediaType, digest, size }
    }
    const document = (mediaType: string, body: object) =>
      add(mediaType, new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...body })))
    const layer = (noiseName: string) => {
      const made = add(LAYER_TYPE, { noise: noiseName, size: layerBytes }, layerDigests.get(noiseName))
      layerDigests.set(noiseName, made.digest)
      return made
    }
    const artifact = (type: string, of: string, subject: Descriptor, annotations: Readonly<Record<string, string>>) => {
      const config = { mediaType: EMPTY_TYPE, digest: EMPTY_DIGEST, size: EMPTY.length }
      parts.set(EMPTY_DIGEST, { mediaType: EMPTY_TYPE, size: EMPTY.length, source: EMPTY })
      const layers = [add(type, { noise: of, size: attestationBytes })]
      const { mediaType, digest, size } = subject
      const body = { artifactType: type, config, layers, subject: { mediaType, digest, size }, annotations }
      const made = { ...document(MANIFEST_TYPE, body), artifactType: type, annotations }
      referrers.set(digest, [...(referrers.get(digest) ?? []), made])
      return made
    }
    const manifests = PLATFORMS.map((architecture) => {
      const settings = { architecture, os: 'linux', created: '2026-01-01T00:00:00Z', name, rootfs: { type: 'layers' } }
      const config = add(CONFIG_TYPE, new TextEncoder().encode(JSON.stringify(settings)))
      const names = [`half ${repository % 2}`, `repository ${repository}`, `${name} 1`, `${name} 2`]
      const layers = names.map((one) => layer(`${one} ${architecture}`))
      const platform = document(MANIFEST_TYPE, { config, layers })
      for (let n = 0; n < attestations + (isAttested ? 1 : 0); n++) {
        const of = `${name} ${architecture} attestation ${n}`
        const predicate = { [PREDICATE]: `https://example.com/predicate/${n}` }
        const attestation = artifact(ATTESTATION_TYPE, of, platform, predicate)
        artifact(SIGNATURE_TYPE, `signature of ${of}`, attestation, { 'dev.sigstore.bundle.content': 'dsse-envelope' })
      }
      return { ...platform, platform: { architecture, os: 'linux' } }
    })
    return { index: document(INDEX_TYPE, { manifests }), parts, referrers }
  }

  function imagesOf(repository: number): number[] {
    const { from, to } = share(repository, shape.images, shape.repositories)
    return Array.from({ length: to - from }, (_, n) => from + n)
  }

  const allTags = new Map<number, ReadonlyMap<string, number>>()
  function tagsOf(repository: number): ReadonlyMap<string, number> {
    const before = allTags.get(repository)
    if (before !== undefined) return before
    const tags = new Map<string, number>()
    allTags.set(repository, tags)
    for (const [n, number] of imagesOf(repository).entries()) {
      const { from, to } = share(number, shape.tags, shape.images)
      for (let alias = 0; alias < to - from; alias++) tags.set(`${n}.${alias}`, number)
    }
    return tags
  }

  return {
    shape,
    repositories: Array.from({ length: shape.repositories }, (_, n) => nameOf(n)),
    tagsOf,
    imagesOf,
    image,
    layoutOf(repository, { moved, attested }) {
      const manifests = new Map<string, LayoutManifest>()
      const blobs = new Map<string, Uint8Array>()
      const indexes = new Map<number, string>()
      for (const number of imagesOf(repository)) {
        for (const isRebuilt of moved.has(number) ? [false, true] : [false]) {
          const made = image(number, isRebuilt, attested.has(number))
          indexes.set(number, made.index.digest)
          for (const [digest, part] of made.parts) {
            const isManifest = part.mediaType === MANIFEST_TYPE || part.mediaType === INDEX_TYPE
            if (isManifest) manifests.set(digest, layoutManifest(digest, part))
            else blobs.set(digest, bytesOf(part))
          }
        }
      }
      const tags = new Map([...tagsOf(repository)].map(([tag, number]) => [tag, indexes.get(number) ?? '']))
      return makeLayout({
        name: nameOf(repository),
        directory: '',
        tags,
        manifests,
        blobs,
        referencedButAbsent: new Map(),
      })
    },
  }
}

interface Body {
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly subject?: Descriptor
  readonly config?: Descriptor
  readonly layers?: readonly Descriptor[]
  readonly manifests?: readonly Descriptor[]
}

function layoutManifest(digest: string, part: Part): LayoutManifest {
  const bytes = bytesOf(part)
  const body: Body = JSON.parse(new TextDecoder().decode(bytes))
  return {
    digest,
    mediaType: part.mediaType,
    bytes,
    artifactType: body.artifactType ?? body.config?.mediaType,
    annotations: body.annotations,
    subject: body.subject?.digest,
    tags: [],
    children: (body.manifests ?? []).map((child) => child.digest),
    blobs: [...(body.config ? [body.config] : []), ...(body.layers ?? [])].map((one) => one.digest),
    predicateType: body.annotations?.[PREDICATE],
    note: undefined,
  }
}

/** Every hundredth image; `from` tells apart what they are chosen for. At least one. */
export function everyHundredth(images: number, from: number): number[] {
  const first = from % Math.min(images, 100)
  return Array.from({ length: Math.ceil((images - first) / 100) }, (_, n) => first + 100 * n)
}
