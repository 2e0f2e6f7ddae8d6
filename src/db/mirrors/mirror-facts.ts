import type { Digest } from '../../oci/digest.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorFactRow } from '../schema.ts'

/** What is known of a digest; undefined: never read. */
export interface Facts {
  /** ISO time; null: nobody says it. */
  readonly created?: string | null | undefined
  /** Of a referrer. */
  readonly types?: readonly string[] | undefined
}

export async function listFacts(db: Queries, mirrorId: string): Promise<Map<Digest, Facts>> {
  const rows = await db.selectFrom('mirror_facts').selectAll().where('mirror_id', '=', mirrorId).execute()
  return new Map(
    rows.map((row) => [
      row.digest as Digest,
      {
        created: row.created_known === 1 ? row.created : undefined,
        types: row.types === null ? undefined : (JSON.parse(row.types) as string[]),
      },
    ]),
  )
}

/** Of one mirror: an upstream that moves its tags with each pass makes any number. */
const MAX_FACTS = 100_000

/**
 * Facts are read once more where they are needed and gone: once there would be more than `most`, all of before are forgotten.
 * @param facts all that is known of each digest, not only what is new
 */
export async function recordFacts(
  tx: Transaction,
  mirrorId: string,
  facts: ReadonlyMap<Digest, Facts>,
  most: number = MAX_FACTS,
): Promise<void> {
  if (facts.size === 0) return
  const { count } = await tx
    .selectFrom('mirror_facts')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('mirror_id', '=', mirrorId)
    .executeTakeFirstOrThrow()
  if (Number(count) + facts.size > most) {
    await tx.deleteFrom('mirror_facts').where('mirror_id', '=', mirrorId).execute()
  }
  const rows = [...facts].map(
    ([digest, { created, types }]): MirrorFactRow => ({
      mirror_id: mirrorId,
      digest,
      created: created ?? null,
      created_known: created === undefined ? 0 : 1,
      types: types === undefined ? null : JSON.stringify(types),
    }),
  )
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('mirror_facts')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'digest']).doUpdateSet((eb) => ({
          created: eb.ref('excluded.created'),
          created_known: eb.ref('excluded.created_known'),
          types: eb.ref('excluded.types'),
        })),
      )
      .execute()
  }
}

export async function forgetFacts(tx: Transaction, mirrorId: string, digests: readonly Digest[]): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx.deleteFrom('mirror_facts').where('mirror_id', '=', mirrorId).where('digest', 'in', chunk).execute()
  }
}
