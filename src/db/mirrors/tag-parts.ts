/** What manifests refer to, of many at once. */
import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { listManifests } from '../content/manifests.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import type { ReferenceKind } from '../schema.ts'

export interface Part {
  readonly kind: ReferenceKind
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  /** Of a root's own parts only. */
  readonly platform: Platform | undefined
  readonly platformBytes: number
}

export interface WithParts {
  readonly mediaType: string
  readonly sizeBytes: number
  /** The first ones; more than may be counted where there are more. */
  readonly parts: readonly Part[]
}

interface Wanted {
  readonly wanted: readonly Digest[]
  /** Those whose parts are wanted with their platforms, which somebody may have made large. */
  readonly roots: ReadonlySet<Digest>
  readonly maxParts: number
  /** Undefined: not here. */
  readonly known: Map<Digest, WithParts | undefined>
}

/**
 * Adds the first of `wanted` to `known`, as many as one query may bring; at least one. Only what is published in the repository, through its
 * own links: all else is not here.
 */
export async function readParts(db: Queries, repositoryId: string, o: Wanted): Promise<void> {
  const [first] = o.wanted
  const withPlatform = first !== undefined && o.roots.has(first)
  // The links' order is the index' order, so that nothing is sorted before it is cut.
  const [chunk] = inChunks(o.wanted.filter((digest) => o.roots.has(digest) === withPlatform).sort())
  if (chunk === undefined) return
  // One that has more than may be counted is always read to its end.
  const limit = 2 * (o.maxParts + 2)
  const here = await listManifests(db, repositoryId, chunk)
  const rows = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
    .select(['link.digest as parent', 'part.kind', 'part.digest', 'part.media_type', 'part.size_bytes'])
    .select((eb) => (withPlatform ? eb.ref('part.platform').as('platform') : eb.lit(null).as('platform')))
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', 'in', chunk)
    .where('link.published_at', 'is not', null)
    .where('part.kind', '!=', 'subject')
    // Bounds what is read of each parent by the index, before anything is sorted.
    .where('part.position', '<=', o.maxParts + 1)
    .orderBy('link.digest')
    .orderBy('part.position')
    .limit(limit)
    .execute()
  const isCut = rows.length === limit
  const last = rows.at(-1)?.parent
  const found = new Map<string, Part[]>()
  for (const row of rows) {
    const parts = found.get(row.parent) ?? []
    found.set(row.parent, parts)
    parts.push({
      kind: row.kind,
      digest: row.digest as Digest,
      mediaType: row.media_type,
      sizeBytes: row.size_bytes,
      platform: row.platform === null ? undefined : (JSON.parse(row.platform) as Platform),
      platformBytes: row.platform?.length ?? 0,
    })
  }
  for (const digest of chunk) {
    // What was cut off, and whatever would come after it, is read by the next query.
    if (isCut && digest >= (last ?? '')) continue
    const own = here.get(digest)
    o.known.set(digest, own && { mediaType: own.mediaType, sizeBytes: own.size, parts: found.get(digest) ?? [] })
  }
}
