/** Packages and findings of one image, page by page. */
import { type SqlBool, sql } from 'kysely'
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { escapeLike } from '../engine/like.ts'
import type { ImageFindingRow, ImagePackageRow } from '../schema.ts'

interface Part {
  readonly after?: number | undefined
  readonly limit: number
  /** In lower case: a part of the name, of the source or of the version. */
  readonly text?: string | undefined
}

export async function listPackages(db: Queries, imageSeq: number, o: Part): Promise<ImagePackageRow[]> {
  let query = db
    .selectFrom('image_packages')
    .selectAll()
    .where('image_seq', '=', imageSeq)
    .where('is_source', '=', 0)
    .orderBy('position')
    .limit(o.limit)
  if (o.after !== undefined) query = query.where('position', '>', o.after)
  const { text } = o
  // `or` of the builder has brackets: it stands beside what says whose rows they are.
  if (text !== undefined)
    query = query.where((eb) => eb.or([contains('name', text), contains('source', text), contains('version', text)]))
  return query.execute()
}

export async function listFindings(
  db: Queries,
  imageSeq: number,
  o: Part & { readonly severity?: string | undefined; readonly isOpen?: boolean | undefined },
): Promise<ImageFindingRow[]> {
  let query = db
    .selectFrom('image_findings')
    .selectAll()
    .where('image_seq', '=', imageSeq)
    .orderBy('position')
    .limit(o.limit)
  if (o.after !== undefined) query = query.where('position', '>', o.after)
  const { text } = o
  if (text !== undefined)
    query = query.where((eb) => eb.or([contains('vulnerability', text), contains('package', text)]))
  if (o.severity !== undefined) query = query.where('severity', '=', o.severity)
  if (o.isOpen === true) query = query.where('status', 'not in', ['not_affected', 'fixed'])
  if (o.isOpen === false) query = query.where('status', 'in', ['not_affected', 'fixed'])
  return query.execute()
}

/** Statements of VEX by their place in the image. */
export async function listStatements(
  db: Queries,
  imageSeq: number,
  positions: readonly (number | null)[],
): Promise<Map<number, string>> {
  const wanted = [...new Set(positions.filter((one) => one !== null))]
  const rows = await allOfChunks(wanted, (chunk) =>
    db
      .selectFrom('image_statements')
      .select(['position', 'statement'])
      .where('image_seq', '=', imageSeq)
      .where('position', 'in', chunk)
      .execute(),
  )
  return new Map(rows.map(({ position, statement }) => [position, statement]))
}

function contains(column: string, text: string) {
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${`%${escapeLike(text)}%`} escape '\\'`
}
