/** A few blobs, images, attestations and indexes that actors push, mirror, mount and delete again and again. */
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { MediaType } from '../../../src/oci/media-types.ts'

export interface Piece {
  readonly digest: Digest
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mediaType: string
}

export interface Image extends Piece {
  readonly blobs: readonly Piece[]
  readonly children: readonly Image[]
  readonly subject: Image | undefined
}

function piece(text: string, mediaType: string): Piece {
  const bytes = new TextEncoder().encode(text)
  return { digest: digestOf(bytes), bytes, mediaType }
}

const descriptor = ({ digest, bytes, mediaType }: Piece) => ({ mediaType, digest, size: bytes.byteLength })

const BLOBS = Array.from({ length: 6 }, (_, i) => piece(`layer ${i} ${'x'.repeat(i * 7)}`, MediaType.ociLayerGzip))

function image(config: string, layers: readonly number[], subject?: Image): Image {
  const first = piece(config, MediaType.ociConfig)
  const parts = layers.flatMap((i) => BLOBS[i] ?? [])
  const body = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: descriptor(first),
    layers: parts.map(descriptor),
    ...(subject === undefined ? {} : { subject: descriptor(subject) }),
  }
  const made = piece(JSON.stringify(body), MediaType.ociManifest)
  return { ...made, blobs: [first, ...parts], children: [], subject }
}

function index(children: readonly Image[]): Image {
  const body = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: children.map(descriptor) }
  return { ...piece(JSON.stringify(body), MediaType.ociIndex), blobs: [], children, subject: undefined }
}

const plain = [image('{}', [0, 1]), image('{"a":1}', [1, 2]), image('{}', [3]), image('{"b":1}', [0, 4, 5])]
const [one, two, three] = plain as [Image, Image, Image, Image]
const indexes = [index([one, two]), index([two, three])]
const attested = [image('{}', [2], one), image('{"s":1}', [5], indexes[0])]

export const IMAGES: readonly Image[] = [...plain, ...indexes, ...attested]
export const LAYERS: readonly Piece[] = BLOBS
export const TAGS = ['x', 'y', 'z'] as const

/** Of the slow pusher alone. */
export const SLOW: Image = (() => {
  const config = piece('{"slow":true}', MediaType.ociConfig)
  const layer = piece('a layer that comes slowly', MediaType.ociLayerGzip)
  const body = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  }
  return {
    ...piece(JSON.stringify(body), MediaType.ociManifest),
    blobs: [config, layer],
    children: [],
    subject: undefined,
  }
})()

/** Of who uploads what was deleted long ago. */
export const RETURNING: readonly Piece[] = Array.from({ length: 8 }, (_, i) =>
  piece(`comes back ${i}`, MediaType.ociLayerGzip),
)
