/** How far each reader of the event log has come. */
import type { Queries, Transaction } from '../engine/engine.ts'

export async function findCursor(db: Queries, consumer: string): Promise<number> {
  const row = await db.selectFrom('event_cursors').select('seq').where('consumer', '=', consumer).executeTakeFirst()
  return row?.seq ?? 0
}

/** Moves it on from where the caller has read. @returns false when somebody else has moved it meanwhile: nothing may be written then */
export async function moveCursor(
  tx: Transaction,
  consumer: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('event_cursors')
    .set({ seq: to })
    .where('consumer', '=', consumer)
    .where('seq', '=', from)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
