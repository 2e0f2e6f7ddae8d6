/** The platform of an image that no index describes: its own config says it (OCI image-spec config.md). */
import { LRUCache } from 'lru-cache'
import type { BlobStore } from '../blobs/blob-store.ts'
import { findRepositoryBlob } from '../db/content/blobs.ts'
import type { Database } from '../db/engine/engine.ts'
import { MAX_CONFIG_BYTES } from '../db/mirrors/tag-measure.ts'
import { parseForeignJson } from '../lib/json.ts'
import { cutPlatform, type Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

export interface Platforms {
  /** Undefined when the config is absent, too large, or names no platform. */
  find(repositoryId: string, config: Digest): Promise<Platform | undefined>
}

export function createPlatforms({ db, blobs }: { readonly db: Database; readonly blobs: BlobStore }): Platforms {
  // What a digest names never changes; whether the repository has it is asked each time.
  const known = new LRUCache<Digest, { readonly platform: Platform | undefined }>({ max: 10_000 })
  return {
    async find(repositoryId, config) {
      const blob = await findRepositoryBlob(db.read, repositoryId, config)
      if (blob === undefined || blob.size_bytes > MAX_CONFIG_BYTES) return undefined
      const before = known.get(config)
      if (before !== undefined) return before.platform
      const platform = platformOf(await new Response(await blobs.open(blob.storage_key)).text())
      known.set(config, { platform })
      return platform
    },
  }
}

function platformOf(text: string): Platform | undefined {
  let value: { os?: unknown; architecture?: unknown; variant?: unknown } | null
  try {
    value = parseForeignJson(text) as typeof value
  } catch {
    return undefined
  }
  const { os, architecture, variant } = value ?? {}
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return cutPlatform({ os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) })
}
