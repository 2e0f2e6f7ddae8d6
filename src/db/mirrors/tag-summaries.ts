/** Tags with what people choose by: size, platforms, how many referrers hang on them. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { findTagPulls, NEVER_PULLED } from '../content/pulls.ts'
import { listTags } from '../content/tags.ts'
import type { Queries } from '../engine/engine.ts'
import { listLeftTags } from './left-tags.ts'
import { listOwnedTags } from './mirror-ownership.ts'
import { measureTags } from './tag-measure.ts'
import type { TagMeasure } from './tag-measured.ts'
import { listPinnedTags } from './tag-pins.ts'

export interface TagSummary extends Omit<TagMeasure, 'workBytes'> {
  readonly name: Tag
  readonly movedAt: string
  /** A mirror that is at work owns it. */
  readonly mirrored: boolean
  /** People took it back, and the mirror leaves it there. */
  readonly pinned: boolean
  /** How often it was asked for by its name, and when last (null: never). */
  readonly pulls: number
  readonly lastPulledAt: string | null
  /** People keep the mirror from it. */
  readonly excluded: boolean
  /** People moved it here, as the last pass saw it. */
  readonly diverged: boolean
}

/** What one page may cost in bytes that are looked at; a few hundred milliseconds, with turns for others in between. */
const MAX_WORK_BYTES = 24 * 1024 * 1024
/** Distinct manifests that are measured at once; in between others have a turn. */
const AT_ONCE = 128

/**
 * One page of a repository's tags, by name. It ends early when what is below its tags is more than a page may cost.
 * Each digest is measured once, however many tags point to it.
 */
export async function summarizeTags(
  db: Queries,
  repositoryId: string,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<{ readonly items: readonly TagSummary[]; readonly next: Tag | null }> {
  const rows = await listTags(db, repositoryId, { ...page, limit: page.limit + 1 })
  const tags = rows.slice(0, page.limit)
  const owned = await listOwnedTags(
    db,
    repositoryId,
    tags.map((tag) => tag.name as Tag),
  )
  const pinned = await listPinnedTags(
    db,
    repositoryId,
    tags.map((tag) => tag.name as Tag),
  )
  const pulled = await findTagPulls(
    db,
    repositoryId,
    tags.map((tag) => tag.name),
  )
  const left = await listLeftTags(
    db,
    repositoryId,
    tags.map((tag) => tag.name as Tag),
  )
  const measures = new Map<Digest, TagMeasure>()
  const items: TagSummary[] = []
  let work = 0
  while (items.length < tags.length && work < MAX_WORK_BYTES) {
    const fresh = new Set<Digest>()
    for (const tag of tags.slice(items.length)) {
      if (!measures.has(tag.digest as Digest)) fresh.add(tag.digest as Digest)
      if (fresh.size === AT_ONCE) break
    }
    for (const measure of await measureTags(db, repositoryId, [...fresh], MAX_WORK_BYTES - work)) {
      measures.set(measure.digest, measure)
      work += measure.workBytes
    }
    for (const tag of tags.slice(items.length)) {
      const measure = measures.get(tag.digest as Digest)
      if (measure === undefined) break
      const { workBytes: _, ...shown } = measure
      const name = tag.name as Tag
      const standing = { mirrored: owned.has(name), pinned: pinned.has(name), ...left(name) }
      items.push({ ...shown, name, movedAt: tag.moved_at, ...standing, ...(pulled.get(name) ?? NEVER_PULLED) })
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { items, next: items.length < rows.length ? (items.at(-1)?.name ?? null) : null }
}
