/** Images whose contents are known. A row shows once all that it holds is written, and what is no longer shown goes in batches. */
import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import type { Digest } from '../../oci/digest.ts'
import { rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { ImageFindingRow, ImagePackageRow, ImageRow } from '../schema.ts'

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

/** Entries of all images of an organization, those on their way out included. */
export async function countEntries(db: Queries, organizationId: string): Promise<number> {
  const row = await db
    .selectFrom('images')
    .select(sql<number>`coalesce(sum(packages + findings), 0)`.as('entries'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  return Number(row.entries)
}

/** Hides the oldest images of an organization that no tag leads to any more: they are read again when somebody asks. @returns how many */
export async function hideUntagged(tx: Transaction, organizationId: string, limit: number): Promise<number> {
  const rows = await tx
    .selectFrom('images as image')
    .select('image.seq')
    .where('image.organization_id', '=', organizationId)
    .where('image.repository_id', 'is not', null)
    .where('image.packages', '>', 0)
    .where((eb) => eb.not(isTagged()(eb)))
    .orderBy('image.seq')
    .limit(limit)
    .execute()
  for (const { seq } of rows) {
    await tx.updateTable('images').set({ repository_id: null, digest: null }).where('seq', '=', seq).execute()
  }
  return rows.length
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

/** The first image that is hidden, up to a number; undefined: there is none. */
export async function findHidden(db: Queries): Promise<number | undefined> {
  const row = await db
    .selectFrom('images')
    .select('seq')
    .where('repository_id', 'is', null)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : Number(row.seq)
}

/** Removes entries of a hidden image, at most `limit` of each kind, and the image itself after the last. @returns whether it is gone */
export async function removeHidden(tx: Transaction, seq: number, limit: number): Promise<boolean> {
  let isMore = false
  for (const table of ['image_packages', 'image_findings'] as const) {
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
