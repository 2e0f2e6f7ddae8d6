/** The rows that a payload tells of, each part read by itself and bounded. */

import type { TaggedImage } from '../../contents/tagged-image.ts'
import { listReferrerTypes } from '../../db/content/referrer-types.ts'
import { listTagsOf } from '../../db/content/tags.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { findRun } from '../../db/mirrors/sync-runs.ts'
import { findOrganizationById } from '../../db/people/organizations.ts'
import { listNeighbours } from '../../db/platform/neighbouring-events.ts'
import { findRepositoryById } from '../../db/repositories/repositories.ts'
import { predicateTypeOf } from '../../oci/attestation-types.ts'
import { findDigest } from '../../oci/digest.ts'
import { type DeliveredEvent, deliveredEvent, repositoryWord, tagWords } from './event.ts'
import type { DeliveryFacts, ImageFacts, ReferrerCount, RepositoryFacts } from './facts.ts'

const MAX_REFERRERS = 5000
const MAX_TYPES = 50
const MAX_TAGS = 200
const MAX_ROOTS = 20

export async function organizationName(db: Queries, id: string): Promise<string> {
  return (await findOrganizationById(db, id))?.name ?? ''
}

export async function repositoryFacts(db: Queries, event: DeliveredEvent): Promise<RepositoryFacts | undefined> {
  const row = event.repositoryId === null ? undefined : await findRepositoryById(db, event.repositoryId)
  if (row !== undefined) {
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      isPrivate: row.visibility === 'private',
      isArchived: row.archived_at !== null,
      createdAt: row.created_at,
    }
  }
  const name = repositoryWord(event)
  if (name === undefined) return undefined
  return { id: undefined, name, description: '', isPrivate: true, isArchived: false, createdAt: undefined }
}

export async function runFacts(db: Queries, id: string): Promise<DeliveryFacts['run']> {
  const row = await findRun(db, id)
  return row === undefined ? undefined : { id: row.id, trigger: row.trigger, startedAt: row.started_at }
}

export async function imageFacts(db: Queries, repositoryId: string, image: TaggedImage): Promise<ImageFacts> {
  const subjects = [...new Set([image.digest, ...image.platforms.map(({ digest }) => digest)])]
  const counts = new Map<string, ReferrerCount>()
  for (const { artifactType, annotations } of await listReferrerTypes(db, repositoryId, subjects, MAX_REFERRERS)) {
    const type = { artifactType: artifactType ?? null, predicateType: predicateTypeOf(annotations) ?? null }
    const key = JSON.stringify(type)
    const count = (counts.get(key)?.count ?? 0) + 1
    if (count > 1 || counts.size < MAX_TYPES) counts.set(key, { ...type, count })
  }
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
  return { mediaType: image.mediaType, platforms: image.platforms, referrers: sorted }
}

/** Tags that the same transaction moved to the same digest, this one among them. */
export async function tagsMovedBy(db: Queries, event: DeliveredEvent): Promise<readonly string[]> {
  const own = tagWords(event)
  if (own.tag === undefined) return []
  const rows = await listNeighbours(
    db,
    event.seq,
    (row) => row.repository_id === event.repositoryId && row.at === event.at && row.kind === event.kind,
  )
  const others = rows
    .map((row) => tagWords(deliveredEvent(row)))
    .flatMap(({ tag, to }) => (tag === undefined || to !== own.to ? [] : [tag]))
  return [own.tag, ...others]
}

/** Of attestations that came later: the tags that they belong to. */
export async function detailsOf(
  db: Queries,
  repositoryId: string,
  { payload }: DeliveredEvent,
): Promise<Readonly<Record<string, unknown>>> {
  const images = Array.isArray(payload.roots) ? payload.roots : payload.subject === undefined ? [] : [payload.subject]
  if (images.length === 0) return {}
  const tags: string[] = []
  for (const root of images.slice(0, MAX_ROOTS)) {
    const digest = findDigest(String(root))
    if (digest !== undefined) tags.push(...(await listTagsOf(db, repositoryId, digest)))
  }
  return { tags: [...new Set(tags)].slice(0, MAX_TAGS) }
}
