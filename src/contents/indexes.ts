/** The indexes that list a manifest: they say its platform, and BuildKit leaves attestations beside it there. */
import { findManifest, listParents } from '../db/content/manifests.ts'
import type { Queries } from '../db/engine/engine.ts'
import { createTurns } from '../lib/turns.ts'
import { cutPlatform, type Descriptor, formatPlatform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts'

/** A platform is in its image's index, and perhaps in one that a mirror has pruned. */
const MAX_INDEXES = 10

export interface Listing {
  /** One index with the entries of all; undefined: no index lists it. */
  readonly index: ParsedManifest | undefined
  /** As `linux/arm64`; empty when no index says it. */
  readonly platform: string
}

/** In digest order, so that whoever asks gets the same. */
export async function findListing(db: Queries, repositoryId: string, digest: Digest): Promise<Listing> {
  const turns = createTurns()
  const indexes: ParsedManifest[] = []
  for (const parent of (await listParents(db, repositoryId, digest)).slice(0, MAX_INDEXES)) {
    const index = parsed((await findManifest(db, repositoryId, parent))?.bytes)
    if (index !== undefined && index.children.length > 0) indexes.push(index)
    const turn = turns()
    if (turn !== undefined) await turn
  }
  const [first] = indexes
  if (first === undefined) return { index: undefined, platform: '' }
  const children = indexes.flatMap((one) => one.children)
  return { index: { ...first, children }, platform: platformOf(children, digest) }
}

function platformOf(children: readonly Descriptor[], digest: Digest): string {
  const platform = children.find((child) => child.digest === digest && isPlatform(child))?.platform
  return platform === undefined ? '' : formatPlatform(cutPlatform(platform))
}

/** An image to run, not BuildKit's attestations. */
export function isPlatform({ platform }: Descriptor): boolean {
  return platform !== undefined && platform.os !== 'unknown'
}

/** Undefined for what is not there or cannot be read: it is somebody's content. */
export function parsed(bytes: Uint8Array | undefined): ParsedManifest | undefined {
  if (bytes === undefined) return undefined
  try {
    return parseManifest(bytes)
  } catch {
    return undefined
  }
}
