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

type Held = Pick<UploadSessionRow, 'id' | 'writer' | 'offset_bytes'>

/**
 * Makes a request the only one that may move, end or publish the session, and names the stage that it writes to.
 * @param found as it was read @returns whether nobody was faster
 */
export async function takeUploadSession(
  tx: Transaction,
  found: UploadSessionRow,
  to: { readonly writer: string; readonly stageId: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('upload_sessions')
    .set({ writer: to.writer, stage_id: to.stageId })
    .where('id', '=', found.id)
    .where('offset_bytes', '=', found.offset_bytes)
    .where(...writtenBy(found.writer))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Compare and set, so that two servers that append to one session never both succeed. @returns whether it moved */
export async function moveUploadOffset(
  tx: Transaction,
  { id, writer, offset_bytes }: Held,
  change: { readonly to: number; readonly at: string; readonly writer: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('upload_sessions')
    .set({ offset_bytes: change.to, updated_at: change.at, writer: change.writer })
    .where('id', '=', id)
    .where('offset_bytes', '=', offset_bytes)
    .where(...writtenBy(writer))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Its writer has closed the stage: the next one goes on in it. */
export async function leaveUploadSession(tx: Transaction, { id, writer }: Held): Promise<void> {
  await tx
    .updateTable('upload_sessions')
    .set({ writer: null })
    .where('id', '=', id)
    .where(...writtenBy(writer))
    .execute()
}

/** @param atBytes only where it stands there, so that two servers that end one session never both succeed @returns whether it was there */
export async function deleteHeldSession(tx: Transaction, { id, writer }: Held, atBytes?: number): Promise<boolean> {
  let query = tx
    .deleteFrom('upload_sessions')
    .where('id', '=', id)
    .where(...writtenBy(writer))
  if (atBytes !== undefined) query = query.where('offset_bytes', '=', atBytes)
  const { numDeletedRows } = await query.executeTakeFirst()
  return numDeletedRows > 0n
}

function writtenBy(writer: string | null) {
  return ['writer', writer === null ? 'is' : '=', writer] as const
}

/** Whoever writes to it finds it gone. */
export async function deleteUploadSession(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('upload_sessions').where('id', '=', id).execute()
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

/** Those of these sessions that exist, with the stage of each (null: its first): all others are abandoned. */
export async function listKnownUploadSessions(
  db: Queries,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  const rows = await allOfChunks(ids, (chunk) =>
    db.selectFrom('upload_sessions').select(['id', 'stage_id']).where('id', 'in', chunk).execute(),
  )
  return new Map(rows.map((row) => [row.id, row.stage_id]))
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
