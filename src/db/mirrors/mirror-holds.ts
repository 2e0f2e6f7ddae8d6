import { rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorHoldRow } from '../schema.ts'

export async function listHolds(db: Queries, mirrorId: string): Promise<MirrorHoldRow[]> {
  return db.selectFrom('mirror_holds').selectAll().where('mirror_id', '=', mirrorId).execute()
}

/** @param o.isAll nothing else waits: what is not among `rows` is forgotten */
export async function recordHolds(
  tx: Transaction,
  mirrorId: string,
  rows: readonly MirrorHoldRow[],
  o: { readonly isAll: boolean },
): Promise<void> {
  if (o.isAll) await tx.deleteFrom('mirror_holds').where('mirror_id', '=', mirrorId).execute()
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('mirror_holds')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'digest']).doUpdateSet((eb) => ({
          held_since: eb.ref('excluded.held_since'),
          changed_at: eb.ref('excluded.changed_at'),
          fingerprint: eb.ref('excluded.fingerprint'),
        })),
      )
      .execute()
  }
}
