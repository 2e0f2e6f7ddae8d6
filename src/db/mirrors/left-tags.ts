/** Tags of a repository that its mirror leaves to people. */
import type { Tag } from '../../oci/reference.ts'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** Which of `tags` are excluded from the mirror of a repository, and which people have moved here, as its last pass saw it. */
export async function listLeftTags(
  db: Queries,
  repositoryId: string,
  tags: readonly Tag[],
): Promise<(tag: Tag) => { readonly excluded: boolean; readonly diverged: boolean }> {
  const excluded = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('mirror_tag_exclusions as exclusion')
      .innerJoin('mirrors as mirror', 'mirror.id', 'exclusion.mirror_id')
      .select('exclusion.tag')
      .where('mirror.repository_id', '=', repositoryId)
      .where('exclusion.tag', 'in', chunk)
      .execute(),
  )
  const diverged = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('mirror_tags as seen')
      .innerJoin('mirrors as mirror', 'mirror.id', 'seen.mirror_id')
      .select('seen.tag')
      .where('mirror.repository_id', '=', repositoryId)
      .where('mirror.state', '!=', 'stopped')
      .where('seen.tag', 'in', chunk)
      .where('seen.state', '=', 'diverged')
      .execute(),
  )
  const [out, moved] = [new Set(excluded.map((row) => row.tag)), new Set(diverged.map((row) => row.tag))]
  return (tag) => ({ excluded: out.has(tag), diverged: moved.has(tag) })
}

/** Those of `tags` that the mirror of a repository knows: a person who deletes one keeps the mirror from it. */
export async function listKnownTags(db: Queries, repositoryId: string, tags: readonly Tag[]): Promise<Set<Tag>> {
  const rows = await allOfChunks(tags, (chunk) =>
    db
      .selectFrom('mirror_tags as seen')
      .innerJoin('mirrors as mirror', 'mirror.id', 'seen.mirror_id')
      .select('seen.tag')
      .where('mirror.repository_id', '=', repositoryId)
      .where('seen.tag', 'in', chunk)
      .execute(),
  )
  return new Set(rows.map((row) => row.tag as Tag))
}
