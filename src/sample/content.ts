import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import type { Manifest } from '../oci/repository.ts'

/** Where the parts of one repository are gathered, each digest once. */
export interface Content {
  /** In an order that a registry takes: children before their index, subjects before their referrers. */
  readonly manifests: Manifest[]
  readonly blobs: Map<Digest, Uint8Array>
  /** Adds a blob, given as bytes or as a value to write as JSON. */
  addBlob(content: Uint8Array | object, mediaType: string): Descriptor
  /** Adds a manifest or index. The descriptor is bare: media type, digest and size. */
  addManifest(body: object): Descriptor
}

export function newContent(): Content {
  const manifests: Manifest[] = []
  const blobs = new Map<Digest, Uint8Array>()
  const known = new Set<Digest>()
  return {
    manifests,
    blobs,
    addBlob(content, mediaType) {
      const bytes = content instanceof Uint8Array ? content : jsonBytes(content)
      const digest = digestOf(bytes)
      blobs.set(digest, bytes)
      return { mediaType, digest, size: bytes.byteLength }
    },
    addManifest(body) {
      const bytes = jsonBytes(body)
      const { descriptor } = parseManifest(bytes)
      if (!known.has(descriptor.digest)) manifests.push({ descriptor, bytes })
      known.add(descriptor.digest)
      return { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size }
    },
  }
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
