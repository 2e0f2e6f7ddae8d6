// Layouts of generated images, as small or large as a test needs them.
import { digestOf, type Layout, type LayoutManifest, makeLayout } from '../support/fixtures.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'
const SIGNATURE = 'application/vnd.example.signature'

/** Bytes that look random, the same for the same text. */
function bytesOf(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = Bun.hash.crc32(text) | 1
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return bytes
}

/** Images `image-0` …, each with layers of its own, and with `signed` a referrer each. */
export function imagesLayout(o: {
  readonly images: number
  readonly layers: number
  readonly layerBytes: number
  readonly signed?: boolean
  /** Others with another seed share no byte. */
  readonly seed?: string
}): Layout {
  const { seed = '' } = o
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, LayoutManifest>()
  const tags = new Map<string, string>()
  const addBlob = (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const addManifest = (name: string, layers: number, more: { tag?: string; subject?: object & { digest: string } }) => {
    const config = addBlob(CONFIG, new TextEncoder().encode(JSON.stringify({ name: `${seed} ${name}` })))
    const of = Array.from({ length: layers }, (_, i) =>
      addBlob(LAYER, bytesOf(`${seed} ${name} ${i}`, o.layerBytes + i)),
    )
    const { tag, subject } = more
    const artifactType = subject === undefined ? undefined : SIGNATURE
    const body = { schemaVersion: 2, mediaType: MANIFEST, artifactType, config, layers: of, subject }
    const bytes = new TextEncoder().encode(JSON.stringify(body))
    const digest = digestOf(bytes)
    manifests.set(digest, {
      digest,
      mediaType: MANIFEST,
      bytes,
      artifactType: artifactType ?? CONFIG,
      annotations: undefined,
      subject: subject?.digest,
      tags: tag === undefined ? [] : [tag],
      children: [],
      blobs: [config, ...of].map((blob) => blob.digest),
      predicateType: undefined,
      note: undefined,
    })
    if (tag !== undefined) tags.set(tag, digest)
    return { mediaType: MANIFEST, digest, size: bytes.length }
  }
  for (let i = 0; i < o.images; i++) {
    const image = addManifest(`image ${i}`, o.layers, { tag: `image-${i}` })
    if (o.signed === true) addManifest(`signature ${i}`, 1, { subject: image })
  }
  return makeLayout({ name: 'small', directory: '', tags, manifests, blobs, referencedButAbsent: new Map() })
}
