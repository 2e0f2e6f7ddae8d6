/** The platform of an image that no index describes: its own config says it (OCI image-spec config.md). */
import { LRUCache } from 'lru-cache'
import type { BlobStore } from '../blobs/blob-store.ts'
import { listRepositoryBlobs } from '../db/content/blobs.ts'
import type { Database } from '../db/engine/engine.ts'
import { MAX_CONFIG_BYTES } from '../db/mirrors/tag-measure.ts'
import { parseForeignJson } from '../lib/json.ts'
import { cutPlatform, type Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

export interface Platforms {
  /** By config; one that is absent, too large, or names no platform is left out. */
  find(repositoryId: string, configs: readonly Digest[]): Promise<ReadonlyMap<Digest, Platform>>
}

export function createPlatforms({ db, blobs }: { readonly db: Database; readonly blobs: BlobStore }): Platforms {
  // What a digest names never changes; whether the repository has it is asked each time.
  const known = new LRUCache<Digest, { readonly platform: Platform | undefined }>({ max: 10_000 })
  return {
    async find(repositoryId, configs) {
      const found = new Map<Digest, Platform>()
      for (const [config, blob] of await listRepositoryBlobs(db.read, repositoryId, [...new Set(configs)])) {
        if (blob.size_bytes > MAX_CONFIG_BYTES) continue
        const platform = (known.get(config) ?? (await read(config, blob.storage_key))).platform
        if (platform !== undefined) found.set(config, platform)
      }
      return found
    },
  }

  async function read(config: Digest, key: string) {
    const one = { platform: platformOf(await new Response(await blobs.open(key)).text()) }
    known.set(config, one)
    return one
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
