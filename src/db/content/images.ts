/** Images whose contents are known. A row shows once all that it holds is written, and what is no longer shown goes in batches. */
import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import type { Digest } from '../../oci/digest.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { ImageFindingRow, ImagePackageRow, ImageRow, ImageStatementRow } from '../schema.ts'
import type { WantedRead } from './image-reads.ts'

export type ImageFacts = Omit<ImageRow, 'seq' | 'repository_id' | 'digest'>

export async function findImage(
  db: Queries,
  repositoryId: string,
  digest: Digest,
): Promise<Selectable<ImageRow> | undefined> {
  return db
    .selectFrom('images')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
}

/** A row that does not show yet. @returns its number */
export async function beginImage(tx: Transaction, facts: ImageFacts): Promise<number> {
  const row = { ...facts, repository_id: null, digest: null }
  const { seq } = await tx.insertInto('images').values(row).returning('seq').executeTakeFirstOrThrow()
  return Number(seq)
}

export async function insertPackages(tx: Transaction, rows: readonly ImagePackageRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) await tx.insertInto('image_packages').values(chunk).execute()
}

export async function insertFindings(tx: Transaction, rows: readonly ImageFindingRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) await tx.insertInto('image_findings').values(chunk).execute()
}

export async function insertStatements(tx: Transaction, rows: readonly ImageStatementRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) await tx.insertInto('image_statements').values(chunk).execute()
}

/** From now on this row tells what the manifest holds, in place of the one before. @returns false when the manifest is not there any more */
export async function showImage(tx: Transaction, seq: number, repositoryId: string, digest: Digest): Promise<boolean> {
  const link = await tx
    .selectFrom('repository_manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .where('published_at', 'is not', null)
    .executeTakeFirst()
  if (link === undefined) return false
  await tx
    .updateTable('images')
    .set({ repository_id: null, digest: null })
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  await tx.updateTable('images').set({ repository_id: repositoryId, digest }).where('seq', '=', seq).execute()
  return true
}

/** Bytes of all images of an organization that show, without the one of `besides`. What was hidden is on its way out, and counts no more. */
export async function sumBytes(db: Queries, organizationId: string, besides?: number): Promise<number> {
  let query = db
    .selectFrom('images')
    .select(sql<number>`coalesce(sum(bytes), 0)`.as('bytes'))
    .where('organization_id', '=', organizationId)
    .where('repository_id', 'is not', null)
  if (besides !== undefined) query = query.where('seq', '!=', besides)
  return Number((await query.executeTakeFirstOrThrow()).bytes)
}

/** A page of an organization's images, the oldest first, with what hides them: that no tag leads to them any more. */
export async function listByAge(
  db: Queries,
  organizationId: string,
  o: { readonly after: number; readonly limit: number },
): Promise<{ seq: number; bytes: number; isTagged: boolean }[]> {
  const rows = await db
    .selectFrom('images as image')
    .select([
      'image.seq',
      'image.bytes',
      sql<number>`case when ${isTagged()(undefined)} then 1 else 0 end`.as('tagged'),
    ])
    .where('image.organization_id', '=', organizationId)
    .where('image.repository_id', 'is not', null)
    .where('image.seq', '>', o.after)
    .orderBy('image.seq')
    .limit(o.limit)
    .execute()
  return rows.map(({ seq, bytes, tagged }) => ({ seq: Number(seq), bytes, isTagged: Number(tagged) === 1 }))
}

/** Hides images, unless a tag leads to them by now: they are read again when somebody asks. */
export async function hideUntagged(tx: Transaction, seqs: readonly number[]): Promise<void> {
  for (const seq of seqs) {
    await tx
      .updateTable('images as image')
      .set({ repository_id: null, digest: null })
      .where('image.seq', '=', seq)
      .where((eb) => eb.not(isTagged()(eb)))
      .execute()
  }
}

/** Images of manifests that the repository no longer has: removed bit by bit by whoever reads images; nobody reads them any more. */
export async function hideImages(tx: Transaction, repositoryId: string, digests: readonly Digest[]): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx
      .updateTable('images')
      .set({ repository_id: null, digest: null })
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .execute()
    await tx.deleteFrom('image_reads').where('repository_id', '=', repositoryId).where('digest', 'in', chunk).execute()
  }
}

/** Images that were left out and would have room now, the oldest first. */
export async function listLeftOut(
  db: Queries,
  organizationId: string,
  room: number,
  limit: number,
): Promise<WantedRead[]> {
  const rows = await db
    .selectFrom('images')
    .select(['repository_id', 'digest', 'wanted_bytes'])
    .where('organization_id', '=', organizationId)
    .where('repository_id', 'is not', null)
    .where('wanted_bytes', '>', 0)
    .where('wanted_bytes', '<=', Math.max(0, room))
    .orderBy('seq')
    .limit(limit)
    .execute()
  let left = room
  return rows.flatMap(({ repository_id: repositoryId, digest, wanted_bytes: bytes }) => {
    if (bytes > left || repositoryId === null || digest === null) return []
    left -= bytes
    return { organizationId, repositoryId, digest: digest as Digest }
  })
}

/** Whether a tag leads to the row `image` of a query, by itself or through its index. */
export function isTagged() {
  return (_eb: unknown) => sql<boolean>`(
    exists (select 1 from tags where tags.repository_id = image.repository_id and tags.digest = image.digest)
    or exists (select 1 from manifest_references as part
      join repository_manifests as link on link.digest = part.parent_digest and link.repository_id = image.repository_id
      join tags on tags.repository_id = link.repository_id and tags.digest = link.digest
      where part.digest = image.digest and part.kind = 'child'))`
}

/** The first image that is hidden; undefined: there is none. @param organizationId of this one alone */
export async function findHidden(
  db: Queries,
  organizationId?: string,
): Promise<{ readonly seq: number; readonly bytes: number; readonly organizationId: string } | undefined> {
  let query = db
    .selectFrom('images')
    .select(['seq', 'bytes', 'organization_id'])
    .where('repository_id', 'is', null)
    .orderBy('seq')
    .limit(1)
  if (organizationId !== undefined) query = query.where('organization_id', '=', organizationId)
  const row = await query.executeTakeFirst()
  return row === undefined ? undefined : { seq: Number(row.seq), bytes: row.bytes, organizationId: row.organization_id }
}

/** Removes entries of a hidden image, at most `limit` of each kind, and the image itself after the last. @returns whether it is gone */
export async function removeHidden(tx: Transaction, seq: number, limit: number): Promise<boolean> {
  let isMore = false
  for (const table of ['image_packages', 'image_findings', 'image_statements'] as const) {
    const { numDeletedRows } = await tx
      .deleteFrom(table)
      .where('image_seq', '=', seq)
      .where('position', '<', (eb) =>
        eb
          .selectFrom(table)
          .select((e) => sql<number>`${e.fn.min('position')} + ${sql.lit(limit)}`.as('end'))
          .where('image_seq', '=', seq),
      )
      .executeTakeFirst()
    isMore ||= numDeletedRows > 0n
  }
  if (isMore) return false
  await tx.deleteFrom('images').where('seq', '=', seq).where('repository_id', 'is', null).execute()
  return true
}
