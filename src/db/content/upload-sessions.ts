import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { UploadSessionRow } from '../schema.ts'

/** A session as the one who may use it names it: of another repository or user it is unknown (distribution-spec end-5 … end-14). */
export interface UploadKey {
  readonly id: string
  readonly repositoryId: string
  /** The account that began it, as `access/principal.ts` tells accounts apart: labels of tokens are not unique. */
  readonly subject: string
}

export async function insertUploadSession(tx: Transaction, key: UploadKey, at: string): Promise<void> {
  await tx
    .insertInto('upload_sessions')
    .values({
      id: key.id,
      repository_id: key.repositoryId,
      subject: key.subject,
      offset_bytes: 0,
      created_at: at,
      updated_at: at,
    })
    .execute()
}

export async function findUploadSession(db: Queries, key: UploadKey): Promise<UploadSessionRow | undefined> {
  return db
    .selectFrom('upload_sessions')
    .selectAll()
    .where('id', '=', key.id)
    .where('repository_id', '=', key.repositoryId)
    .where('subject', '=', key.subject)
    .executeTakeFirst()
}

/** Compare and set, so that two servers that append to one session never both succeed. @returns whether it moved */
export async function moveUploadOffset(
  tx: Transaction,
  id: string,
  change: { readonly from: number; readonly to: number; readonly at: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('upload_sessions')
    .set({ offset_bytes: change.to, updated_at: change.at })
    .where('id', '=', id)
    .where('offset_bytes', '=', change.from)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** @param atBytes only where it stands there, so that two servers that end one session never both succeed @returns whether it was there */
export async function deleteUploadSession(tx: Transaction, id: string, atBytes?: number): Promise<boolean> {
  let query = tx.deleteFrom('upload_sessions').where('id', '=', id)
  if (atBytes !== undefined) query = query.where('offset_bytes', '=', atBytes)
  const { numDeletedRows } = await query.executeTakeFirst()
  return numDeletedRows > 0n
}

/** Sessions without progress since `before` (ISO 8601), the oldest first. */
export async function listIdleUploadSessions(db: Queries, before: string, limit: number): Promise<UploadSessionRow[]> {
  return db
    .selectFrom('upload_sessions')
    .selectAll()
    .where('updated_at', '<', before)
    .orderBy('updated_at')
    .limit(limit)
    .execute()
}

/** Which of these session ids exist: the stages of all others are abandoned. */
export async function listKnownUploadSessions(db: Queries, ids: readonly string[]): Promise<Set<string>> {
  const rows = await allOfChunks(ids, (chunk) =>
    db.selectFrom('upload_sessions').select('id').where('id', 'in', chunk).execute(),
  )
  return new Set(rows.map((row) => row.id))
}

/** Sessions that are open in an organization, counted no further than `limit`. */
export async function countUploadSessions(db: Queries, organizationId: string, limit: number): Promise<number> {
  const some = db
    .selectFrom('upload_sessions as session')
    .innerJoin('repositories as repository', 'repository.id', 'session.repository_id')
    .select('session.id')
    .where('repository.organization_id', '=', organizationId)
    .limit(limit)
  const row = await db
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll<number>().as('number'))
    .executeTakeFirstOrThrow()
  return Number(row.number)
}
