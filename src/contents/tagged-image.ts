/** The platforms of what a tag points to, and where the attestations of each are. */
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { findManifest } from '../db/content/manifests.ts'
import { parseForeignJson } from '../lib/json.ts'
import { cutPlatform, formatPlatform, type Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import { MediaType } from '../oci/media-types.ts'
import { listDocuments } from './documents.ts'
import { parsed } from './indexes.ts'
import type { Storage } from './read-document.ts'
import type { ImagePlace } from './read-image.ts'

/** The largest official images have some ten; an index may list 30,000. */
const MAX_PLATFORMS = 50
const MAX_CONFIG_BYTES = 1024 * 1024

export interface TaggedImage {
  readonly digest: Digest
  readonly mediaType: string
  /** In the order of the index. */
  readonly platforms: readonly { readonly platform: string; readonly digest: Digest }[]
  readonly index: ParsedManifest | undefined
}

/** Undefined when it is not here (any more), or no image that can be read. */
export async function findTaggedImage(
  storage: Storage,
  repositoryId: string,
  digest: Digest,
): Promise<TaggedImage | undefined> {
  const found = await findManifest(storage.db.read, repositoryId, digest)
  if (found === undefined) return undefined
  const { mediaType } = found
  const manifest = parsed(found.bytes)
  if (manifest === undefined) return { digest, mediaType, platforms: [], index: undefined }
  if (manifest.children.length > 0) {
    const platforms = manifest.children.flatMap((child) =>
      child.platform === undefined || child.platform.os === 'unknown'
        ? []
        : [{ platform: nameOf(child.platform), digest: child.digest }],
    )
    return { digest, mediaType, platforms: platforms.slice(0, MAX_PLATFORMS), index: manifest }
  }
  const config = isImageConfig(manifest) ? manifest.config?.digest : undefined
  const own = await ownPlatform(storage, repositoryId, config)
  return {
    digest,
    mediaType,
    platforms: own === undefined ? [] : [{ platform: own, digest }],
    index: undefined,
  }
}

/** Undefined when the manifest of the platform is not here. */
export async function findPlace(
  { db }: Storage,
  repositoryId: string,
  digest: Digest,
  index: ParsedManifest | undefined,
): Promise<ImagePlace | undefined> {
  const found = await findManifest(db.read, repositoryId, digest)
  const manifest = found === undefined ? undefined : parsed(found.bytes)
  if (manifest === undefined) return undefined
  const documents = await listDocuments(db.read, repositoryId, digest, index)
  return { repositoryId, digest, config: isImageConfig(manifest) ? manifest.config?.digest : undefined, documents }
}

/** What an image's own config says, as `linux/arm64`. */
export async function ownPlatform(
  { db, blobs }: Storage,
  repositoryId: string,
  config: Digest | undefined,
): Promise<string | undefined> {
  if (config === undefined) return undefined
  const row = await findRepositoryBlob(db.read, repositoryId, config)
  if (row === undefined || row.size_bytes > MAX_CONFIG_BYTES) return undefined
  const text = await new Response(await blobs.open(row.storage_key)).text()
  try {
    const { os, architecture, variant } = Object(parseForeignJson(text)) as Record<string, unknown>
    if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
    return nameOf({ os, architecture, ...(typeof variant === 'string' ? { variant } : {}) })
  } catch {
    return undefined
  }
}

function nameOf(platform: Platform): string {
  return formatPlatform(cutPlatform(platform))
}

export function isImageConfig({ config }: ParsedManifest): boolean {
  return config?.mediaType === MediaType.ociConfig || config?.mediaType === MediaType.dockerConfig
}
