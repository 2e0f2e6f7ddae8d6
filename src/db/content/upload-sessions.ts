import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { UploadSessionRow } from '../schema.ts'

/** A session as the one who may use it names it: of another repository or user it is unknown (distribution-spec end-5 … end-14). */
export interface UploadKey {
  readonly id: string
  readonly repositoryId: string
  /** The account that began it, as `access/principal.ts` tells accounts apart: labels of tokens are not unique. */
  readonly subject: string
}

const insertSession = prepareQuery((db, value: Value<UploadKey & { readonly at: string }>) =>
  db.insertInto('upload_sessions').values({
    id: value('id'),
    repository_id: value('repositoryId'),
    subject: value('subject'),
    offset_bytes: 0,
    created_at: value('at'),
    updated_at: value('at'),
  }),
)

export async function insertUploadSession(tx: Transaction, key: UploadKey, at: string): Promise<void> {
  await insertSession(tx, { ...key, at })
}

const readSession = prepareQuery((db, value: Value<UploadKey>) =>
  db
    .selectFrom('upload_sessions')
    .selectAll()
    .where('id', '=', value('id'))
    .where('repository_id', '=', value('repositoryId'))
    .where('subject', '=', value('subject')),
)

export async function findUploadSession(db: Queries, key: UploadKey): Promise<UploadSessionRow | undefined> {
  const [row] = await readSession(db, key)
  return row
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
  const values = { id, from: offset_bytes, to: change.to, at: change.at, next: change.writer, writer: writer ?? '' }
  const moved = await moveOffset[holding(writer)](tx, values)
  return moved.length > 0
}

interface Move {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly at: string
  readonly next: string | null
  readonly writer: string
}

const moveOffset = ofHolders((isHeld) =>
  prepareQuery((db, value: Value<Move>) =>
    db
      .updateTable('upload_sessions')
      .set({ offset_bytes: value('to'), updated_at: value('at'), writer: value('next') })
      .where('id', '=', value('id'))
      .where('offset_bytes', '=', value('from'))
      .where(...writtenBy(isHeld ? value('writer') : null))
      .returning('id'),
  ),
)

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
  const held = { id, writer: writer ?? '' }
  const deleted =
    atBytes === undefined
      ? await deleteHeld[holding(writer)](tx, held)
      : await deleteHeldAt[holding(writer)](tx, { ...held, atBytes })
  return deleted.length > 0
}

const deleteHeld = ofHolders((isHeld) =>
  prepareQuery((db, value: Value<{ readonly id: string; readonly writer: string }>) =>
    deleteQuery(db, value('id'), isHeld ? value('writer') : null),
  ),
)
const deleteHeldAt = ofHolders((isHeld) =>
  prepareQuery((db, value: Value<{ readonly id: string; readonly writer: string; readonly atBytes: number }>) =>
    deleteQuery(db, value('id'), isHeld ? value('writer') : null).where('offset_bytes', '=', value('atBytes')),
  ),
)

function deleteQuery(db: Queries, id: string, writer: string | null) {
  return db
    .deleteFrom('upload_sessions')
    .where('id', '=', id)
    .where(...writtenBy(writer))
    .returning('id')
}

/** A statement for sessions that a request has, and one for those that name nobody. */
function ofHolders<T>(make: (isHeld: boolean) => T): Readonly<Record<'held' | 'free', T>> {
  return { held: make(true), free: make(false) }
}

const holding = (writer: string | null) => (writer === null ? 'free' : 'held')

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
  const [row] = await countSessions(db, { organizationId, limit })
  return Number(row?.number ?? 0)
}

const countSessions = prepareQuery((db, value: Value<{ readonly organizationId: string; readonly limit: number }>) =>
  db
    .selectFrom(
      db
        .selectFrom('upload_sessions as session')
        .innerJoin('repositories as repository', 'repository.id', 'session.repository_id')
        .select('session.id')
        .where('repository.organization_id', '=', value('organizationId'))
        .limit(value('limit'))
        .as('some'),
    )
    .select((eb) => eb.fn.countAll<number>().as('number')),
)
