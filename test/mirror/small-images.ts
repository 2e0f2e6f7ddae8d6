// Small images made by code, put into repositories in memory.
import { digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import type { MemoryRepository } from '../support/memory-repository.ts'

export interface Made {
  readonly digest: string
  readonly mediaType: string
  readonly size: number
}

/** Any manifest; `body` may take a field away by `undefined`. */
export function putManifest(
  repository: MemoryRepository,
  mediaType: string,
  body: object,
  tags: readonly string[],
): Made {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...body }))
  const digest = digestOf(bytes)
  repository.manifests.set(digest, { mediaType, bytes })
  for (const tag of tags) repository.tags.set(tag, digest)
  return { digest, mediaType, size: bytes.byteLength }
}

export function addBlob(repository: MemoryRepository, content: string | Uint8Array, mediaType: string): Made {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const digest = digestOf(bytes)
  repository.blobs.set(digest, bytes)
  return { digest, mediaType, size: bytes.byteLength }
}

export interface ImageOptions {
  readonly tags?: readonly string[]
  readonly layers?: readonly (string | Uint8Array)[]
  readonly subject?: Made
  readonly artifactType?: string
}

/** An image (or an artifact, with `subject`) of the given layers; `name` makes it unlike others. */
export function addImage(repository: MemoryRepository, name: string, o: ImageOptions = {}): Made {
  const config = addBlob(repository, JSON.stringify({ architecture: 'amd64', os: 'linux', name }), MediaType.ociConfig)
  const layers = (o.layers ?? [`layer of ${name}`]).map((layer) => addBlob(repository, layer, MediaType.ociLayerGzip))
  const { subject, artifactType } = o
  return putManifest(
    repository,
    MediaType.ociManifest,
    { config, layers, ...(subject && { subject }), ...(artifactType && { artifactType }) },
    o.tags ?? [],
  )
}

export function addIndex(repository: MemoryRepository, children: readonly Made[], tags: readonly string[]): Made {
  return putManifest(repository, MediaType.ociIndex, { manifests: children }, tags)
}
