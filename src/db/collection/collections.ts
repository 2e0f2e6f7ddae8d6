/** Collections that were begun, by people or by the schedule. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { CollectionRow } from '../schema.ts'

/** The newest ones are kept. */
const KEPT = 100

export async function insertCollection(
  tx: Transaction,
  row: Pick<CollectionRow, 'id' | 'requested_by' | 'ignores_grace' | 'generation' | 'started_at'>,
): Promise<void> {
  const none = { ended_at: null, manifests: 0, blobs: 0, objects: 0, freed_bytes: 0, problem: null }
  await tx
    .insertInto('collections')
    .values({ ...row, ...none })
    .execute()
  const old = tx
    .selectFrom('collections')
    .select('id')
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .offset(KEPT)
    .limit(KEPT)
  await tx
    .deleteFrom('collections')
    .where('id', 'in', (eb) => eb.selectFrom(old.as('old')).select('old.id'))
    .execute()
}

export type CollectionCounts = Pick<CollectionRow, 'manifests' | 'blobs' | 'objects' | 'freed_bytes'>

/** How far it is; with `ended_at`, that it is over. */
export async function noteCollection(
  tx: Transaction,
  id: string,
  change: CollectionCounts & Partial<Pick<CollectionRow, 'ended_at' | 'problem'>>,
): Promise<void> {
  await tx.updateTable('collections').set(change).where('id', '=', id).execute()
}

export async function findCollection(db: Queries, id: string): Promise<CollectionRow | undefined> {
  return db.selectFrom('collections').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Bytes of objects that wait to be removed. */
export async function measureBuried(db: Queries): Promise<number> {
  const row = await db
    .selectFrom('blob_tombstones')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('size_bytes'), eb.val(0)).as('bytes'))
    .executeTakeFirstOrThrow()
  return Number(row.bytes)
}

/** The one that was begun last; `ended`: of those that came to their end without a problem. */
export async function findLastCollection(
  db: Queries,
  o: { readonly ended: boolean },
): Promise<CollectionRow | undefined> {
  let query = db.selectFrom('collections').selectAll().orderBy('started_at', 'desc').orderBy('id', 'desc').limit(1)
  if (o.ended) query = query.where('ended_at', 'is not', null).where('problem', 'is', null)
  return query.executeTakeFirst()
}
