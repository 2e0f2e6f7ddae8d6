/** Tags with what people choose by: size, platforms, how many referrers hang on them. */
import type { Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { Tag } from '../oci/reference.ts'
import { inChunks } from './chunks.ts'
import type { Queries } from './engine.ts'
import { listManifests } from './manifests.ts'
import { listOwnedTags } from './mirror-ownership.ts'
import type { ManifestReferenceRow } from './schema.ts'
import { listTags } from './tags.ts'

export interface TagSummary {
  readonly name: Tag
  readonly digest: Digest
  readonly mediaType: string
  /** Manifests, configs and layers below the tag, each digest once; no referrers. */
  readonly sizeBytes: number
  /** As the index says, in its order, without attestation manifests (`unknown/unknown`). */
  readonly platforms: readonly Platform[]
  /** Config of a single image, which tells its platform. */
  readonly imageConfig: Digest | undefined
  /** Published referrers of the manifest and of those that it lists. */
  readonly referrers: number
  readonly movedAt: string
  /** A mirror that is at work owns it. */
  readonly mirrored: boolean
}

type Edge = Pick<ManifestReferenceRow, 'parent_digest' | 'kind' | 'digest' | 'media_type' | 'size_bytes' | 'platform'>

/** One page of a repository's tags, by name. */
export async function summarizeTags(
  db: Queries,
  repositoryId: string,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<TagSummary[]> {
  const tags = await listTags(db, repositoryId, page)
  const roots = [...new Set(tags.map((tag) => tag.digest as Digest))]
  const edges = await readTree(db, roots)
  const present = await listManifests(db, repositoryId, [...new Set([...roots, ...edges.keys()])])
  const referrers = await countReferrers(db, repositoryId, [...present.keys()])
  const owned = await listOwnedTags(
    db,
    repositoryId,
    tags.map((tag) => tag.name as Tag),
  )
  return tags.map((tag) => {
    const root = tag.digest as Digest
    const manifests = below(root, edges)
    const blobs = new Map<string, number>()
    for (const digest of manifests) {
      for (const edge of edges.get(digest) ?? []) {
        if (edge.kind === 'config' || edge.kind === 'layer') blobs.set(edge.digest, edge.size_bytes)
      }
    }
    const sizes = [...blobs.values(), ...manifests.map((digest) => present.get(digest)?.size ?? 0)]
    return {
      name: tag.name as Tag,
      digest: root,
      mediaType: present.get(root)?.mediaType ?? '',
      sizeBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      platforms: (edges.get(root) ?? []).flatMap((edge) => platformsOf(edge)),
      imageConfig: (edges.get(root) ?? []).find(isImageConfig)?.digest as Digest | undefined,
      referrers: manifests.reduce((sum, digest) => sum + (referrers.get(digest) ?? 0), 0),
      movedAt: tag.moved_at,
      mirrored: owned.has(tag.name as Tag),
    }
  })
}

function isImageConfig({ kind, media_type: mediaType }: Edge): boolean {
  return kind === 'config' && (mediaType === MediaType.ociConfig || mediaType === MediaType.dockerConfig)
}

function platformsOf(edge: Edge): Platform[] {
  if (edge.kind !== 'child' || edge.platform === null) return []
  const platform = JSON.parse(edge.platform) as Platform
  return platform.os === 'unknown' ? [] : [platform]
}

/** What each manifest below the roots refers to, the roots included; one level a query. */
async function readTree(db: Queries, roots: readonly Digest[]): Promise<Map<Digest, Edge[]>> {
  const edges = new Map<Digest, Edge[]>()
  let level: readonly Digest[] = roots
  while (level.length > 0) {
    const next = new Set<Digest>()
    for (const digest of level) edges.set(digest, [])
    for (const chunk of inChunks(level)) {
      const rows = await db
        .selectFrom('manifest_references')
        .select(['parent_digest', 'kind', 'digest', 'media_type', 'size_bytes', 'platform'])
        .where('parent_digest', 'in', [...chunk])
        .where('kind', '!=', 'subject')
        .orderBy('parent_digest')
        .orderBy('position')
        .execute()
      for (const row of rows) {
        edges.get(row.parent_digest as Digest)?.push(row)
        if (row.kind === 'child' && !edges.has(row.digest as Digest)) next.add(row.digest as Digest)
      }
    }
    level = [...next]
  }
  return edges
}

/** The root and the manifests that it lists, at any depth, each once. */
function below(root: Digest, edges: ReadonlyMap<Digest, readonly Edge[]>): Digest[] {
  const found = new Set<Digest>([root])
  for (const digest of found) {
    for (const edge of edges.get(digest) ?? []) if (edge.kind === 'child') found.add(edge.digest as Digest)
  }
  return [...found]
}

async function countReferrers(
  db: Queries,
  repositoryId: string,
  subjects: readonly Digest[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const chunk of inChunks(subjects)) {
    const rows = await db
      .selectFrom('repository_manifests')
      .select(['subject_digest', (eb) => eb.fn.countAll<number>().as('number')])
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', [...chunk])
      .where('published_at', 'is not', null)
      .groupBy('subject_digest')
      .execute()
    for (const row of rows) if (row.subject_digest !== null) counts.set(row.subject_digest, Number(row.number))
  }
  return counts
}
