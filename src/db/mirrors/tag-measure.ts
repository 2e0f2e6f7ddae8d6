/** What is below one manifest of a repository, within bounds: an index of 4 MiB may list 30,000 others, and those as many again. */
import { saturate } from '../../lib/saturate.ts'
import { cutPlatform, type Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { MediaType } from '../../oci/media-types.ts'
import { listManifests } from '../content/manifests.ts'
import { type Chunk, inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

export interface TagMeasure {
  readonly digest: Digest
  readonly mediaType: string
  /** Manifests, configs and layers below the tag as their descriptors say, each digest once; no referrers. */
  readonly sizeBytes: number
  /** The first ones, as the index says, in its order, without attestation manifests (`unknown/unknown`). */
  readonly platforms: readonly Platform[]
  /** How many there are. */
  readonly platformCount: number
  /** There is more below the tag than was looked at: numbers are lower bounds. */
  readonly isPartial: boolean
  /** Config of a single image, which tells its platform. */
  readonly imageConfig: Digest | undefined
  /** Media type of the config of a single manifest: what tells a chart from an image. */
  readonly configType: string | undefined
  /** Published referrers of the manifest and of those that it lists. */
  readonly referrers: number
  /** What it cost to find out, and will cost to show. */
  readonly workBytes: number
}

/** Descriptors that are looked at: the largest images that people make have some hundreds. */
const MAX_PARTS = 2000
const MAX_PLATFORMS = 50
const MAX_REFERRERS = 10_000
/** Manifests whose parts are read by one query. */
const PARENTS_AT_ONCE = 20
const PART_BYTES = 200
const REFERRER_BYTES = 100
/** Real configs have some kilobytes; `registry/platforms.ts` reads none that is larger. */
export const MAX_CONFIG_BYTES = 1024 * 1024

interface Part {
  readonly kind: string
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  /** JSON; of the root's own parts only. */
  readonly platform: string | null
}

/**
 * Measures a published manifest. Only manifests that are published in this repository are looked into, and of all others the
 * descriptor's own words count: whether another organization has them changes nothing (invariant 7).
 */
export async function measureTag(db: Queries, repositoryId: string, digest: Digest): Promise<TagMeasure> {
  const root = (await listManifests(db, repositoryId, [digest])).get(digest)
  const sizes = new Map<Digest, number>([[digest, root?.size ?? 0]])
  const manifests = new Set<Digest>()
  let own: readonly Part[] = []
  let left = MAX_PARTS
  let isPartial = false
  let level: readonly Digest[] = root === undefined ? [] : [digest]
  while (level.length > 0 && !isPartial) {
    const next = new Set<Digest>()
    for (const chunk of inChunks(level, PARENTS_AT_ONCE)) {
      if (isPartial) break
      for (const parent of chunk) manifests.add(parent)
      const isRoot = chunk.includes(digest)
      const parts = await readParts(db, repositoryId, chunk, { limit: left + 1, withPlatform: isRoot })
      if (parts.length > left) isPartial = true
      const counted = parts.slice(0, left)
      left -= counted.length
      if (isRoot) own = counted
      for (const part of counted) {
        sizes.set(part.digest, Math.max(part.sizeBytes, sizes.get(part.digest) ?? 0))
        if (part.kind === 'child' && !manifests.has(part.digest)) next.add(part.digest)
      }
    }
    level = isPartial ? [] : [...(await listManifests(db, repositoryId, [...next])).keys()]
  }
  const referrers = await countReferrers(db, repositoryId, [...manifests])
  const platforms = own.flatMap(platformsOf)
  const config = own.find(isImageConfig)
  return {
    digest,
    mediaType: root?.mediaType ?? '',
    sizeBytes: saturate([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)),
    platforms: platforms.slice(0, MAX_PLATFORMS).map(cutPlatform),
    platformCount: platforms.length,
    isPartial: isPartial || referrers > MAX_REFERRERS,
    imageConfig: config?.digest,
    configType: own.find(({ kind }) => kind === 'config')?.mediaType,
    referrers: Math.min(referrers, MAX_REFERRERS),
    workBytes:
      PART_BYTES * (1 + MAX_PARTS - left) +
      own.reduce((sum, part) => sum + (part.platform?.length ?? 0), 0) +
      REFERRER_BYTES * referrers +
      (config === undefined || config.sizeBytes > MAX_CONFIG_BYTES ? 0 : config.sizeBytes),
  }
}

/** What manifests of this repository refer to, at most `limit` parts; through the repository's own links. */
async function readParts(
  db: Queries,
  repositoryId: string,
  chunk: Chunk<Digest>,
  o: { readonly limit: number; readonly withPlatform: boolean },
): Promise<Part[]> {
  const rows = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
    .select(['part.kind', 'part.digest', 'part.media_type', 'part.size_bytes'])
    .select((eb) => (o.withPlatform ? eb.ref('part.platform').as('platform') : eb.lit(null).as('platform')))
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', 'in', chunk)
    .where('link.published_at', 'is not', null)
    .where('part.kind', '!=', 'subject')
    // Bounds what is read of each parent by the index, before anything is sorted.
    .where('part.position', '<=', o.limit)
    .orderBy('link.digest')
    .orderBy('part.position')
    .limit(o.limit)
    .execute()
  return rows.map((row) => ({
    kind: row.kind,
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    platform: row.platform,
  }))
}

function isImageConfig({ kind, mediaType }: Part): boolean {
  return kind === 'config' && (mediaType === MediaType.ociConfig || mediaType === MediaType.dockerConfig)
}

function platformsOf({ kind, platform: text }: Part): Platform[] {
  if (kind !== 'child' || text === null) return []
  const platform = JSON.parse(text) as Platform
  return platform.os === 'unknown' ? [] : [platform]
}

/** Published manifests whose subject is one of these; counts no further than just beyond MAX_REFERRERS. */
async function countReferrers(db: Queries, repositoryId: string, subjects: readonly Digest[]): Promise<number> {
  let found = 0
  for (const chunk of inChunks(subjects)) {
    const some = db
      .selectFrom('repository_manifests')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', chunk)
      .where('published_at', 'is not', null)
      .limit(MAX_REFERRERS + 1 - found)
    const row = await db
      .selectFrom(some.as('some'))
      .select((eb) => eb.fn.countAll<number>().as('number'))
      .executeTakeFirstOrThrow()
    found += Number(row.number)
    if (found > MAX_REFERRERS) break
  }
  return found
}
