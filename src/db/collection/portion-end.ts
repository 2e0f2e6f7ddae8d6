import type { Queries } from '../engine/engine.ts'

type OfRepository = 'repository_manifests' | 'repository_blobs'

/**
 * Where a portion of all that is in a table, or of what one repository has there, ends: the digest of its last row.
 * @param o.after where the one before ended
 * @returns undefined: nothing is left
 */
export async function findPortionEnd(
  db: Queries,
  from:
    | { readonly table: OfRepository; readonly repositoryId: string }
    | { readonly table: 'blobs' | 'manifests'; readonly repositoryId?: undefined },
  o: { readonly after: string; readonly rows: number },
): Promise<string | undefined> {
  const { repositoryId } = from
  const some = db
    .selectFrom(from.table as 'repository_blobs')
    .select('digest')
    .$if(repositoryId !== undefined, (query) => query.where('repository_id', '=', repositoryId ?? ''))
    .where('digest', '>', o.after)
    .orderBy('digest')
    .limit(o.rows)
  const row = await db
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.max('some.digest').as('last'))
    .executeTakeFirst()
  return row?.last ?? undefined
}
