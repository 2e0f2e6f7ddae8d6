/** Repositories and tags by parts of their names, for who types one. */
import { sql } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import { escapeLike } from '../engine/like.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'

/** Repositories whose names after the organization's contain `part`; an empty part is in each. */
export async function findRepositoriesLike(
  db: Queries,
  organization: { readonly id: string; readonly name: string },
  viewer: Viewer,
  o: { readonly part: string; readonly limit: number },
): Promise<{ readonly id: string; readonly name: string }[]> {
  const like = `${escapeLike(`${organization.name}/`)}%${escapeLike(o.part)}%`
  return db
    .selectFrom('repositories as repository')
    .select(['repository.id', 'repository.name'])
    .where('repository.organization_id', '=', organization.id)
    .where(sql<boolean>`${sql.ref('repository.name')} like ${like} escape '\\'`)
    .where(isVisibleTo(viewer))
    .orderBy('repository.name')
    .limit(o.limit)
    .execute()
}

/** Tags that begin with `prefix` in those of the repositories whose names contain `part`: a seek of an index for each of these. */
export async function findTagsLike(
  db: Queries,
  organization: { readonly id: string; readonly name: string },
  viewer: Viewer,
  o: { readonly part: string; readonly prefix: string; readonly limit: number },
): Promise<{ readonly repository: string; readonly tag: string; readonly digest: string }[]> {
  const like = `${escapeLike(`${organization.name}/`)}%${escapeLike(o.part)}%`
  return (
    db
      .selectFrom('repositories as repository')
      .innerJoin('tags as tag', 'tag.repository_id', 'repository.id')
      .select(['repository.name as repository', 'tag.name as tag', 'tag.digest'])
      .where('repository.organization_id', '=', organization.id)
      .where(sql<boolean>`${sql.ref('repository.name')} like ${like} escape '\\'`)
      .where(isVisibleTo(viewer))
      .where('tag.name', '>=', o.prefix)
      // No tag has a character beyond this one.
      .where('tag.name', '<', `${o.prefix}\u007f`)
      .orderBy('repository.name')
      .orderBy('tag.name')
      .limit(o.limit)
      .execute()
  )
}
