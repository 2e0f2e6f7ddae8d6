import { rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorSubjectRow } from '../schema.ts'

export async function listMirrorSubjects(db: Queries, mirrorId: string): Promise<MirrorSubjectRow[]> {
  return db.selectFrom('mirror_subjects').selectAll().where('mirror_id', '=', mirrorId).execute()
}

/** Referrer lists whose every item is published here: only then may the next pass rely on their version. */
export async function recordSubjects(tx: Transaction, rows: readonly MirrorSubjectRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('mirror_subjects')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'source', 'subject_digest']).doUpdateSet((eb) => ({
          version: eb.ref('excluded.version'),
          listed_at: eb.ref('excluded.listed_at'),
          listed_from: eb.ref('excluded.listed_from'),
          changed_at: eb.ref('excluded.changed_at'),
          by_api: eb.ref('excluded.by_api'),
        })),
      )
      .execute()
  }
}

/** Every list is asked for anew, and read as if it were new: what is taken of it has changed. */
export async function forgetSubjects(tx: Transaction, mirrorId: string): Promise<void> {
  await tx.deleteFrom('mirror_subjects').where('mirror_id', '=', mirrorId).execute()
}
