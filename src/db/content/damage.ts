/** Damaged content: marked so that nobody is served it, and unmarked by whoever brings the bytes again. */
import { algorithmOf, type Digest, digestOf } from '../../oci/digest.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { Damage, DamagedContentRow } from '../schema.ts'

export type DamageKind = DamagedContentRow['kind']

/**
 * Marks a blob whose object was found damaged, unless it has another object by now.
 * @returns whether it is marked
 */
export async function markBlob(
  tx: Transaction,
  blob: { readonly digest: Digest; readonly storageKey: string },
  damage: Damage,
  at: string,
): Promise<boolean> {
  const row = await tx
    .updateTable('blobs')
    .set({ damage })
    .where('digest', '=', blob.digest)
    .where('storage_key', '=', blob.storageKey)
    .returning('digest')
    .executeTakeFirst()
  if (row !== undefined) await noteDamage(tx, 'blob', blob.digest, damage, at)
  return row !== undefined
}

/** Its object was found to be what it should be, whatever was found before. @returns whether it was marked */
export async function unmarkBlob(
  tx: Transaction,
  blob: { readonly digest: Digest; readonly storageKey: string },
): Promise<boolean> {
  const row = await tx
    .updateTable('blobs')
    .set({ damage: null })
    .where('digest', '=', blob.digest)
    .where('storage_key', '=', blob.storageKey)
    .where('damage', 'is not', null)
    .returning('digest')
    .executeTakeFirst()
  if (row !== undefined) await forgetDamage(tx, 'blob', blob.digest)
  return row !== undefined
}

/** Reads a manifest's bytes once more: marks what hashes to another digest, unmarks what does not. @returns whether it is damaged */
export async function recheckManifest(tx: Transaction, digest: Digest, at: string): Promise<boolean> {
  const row = await tx
    .selectFrom('manifests')
    .select(['bytes', 'damage'])
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (row === undefined) return false
  const damage = digestOf(row.bytes, algorithmOf(digest)) === digest ? null : 'corrupt'
  if (damage !== row.damage) await tx.updateTable('manifests').set({ damage }).where('digest', '=', digest).execute()
  if (damage === null) await forgetDamage(tx, 'manifest', digest)
  else await noteDamage(tx, 'manifest', digest, damage, at)
  return damage !== null
}

/** A blob that was damaged gets another object; that of before is left to the collector. */
export async function replaceDamagedBlob(
  tx: Transaction,
  blob: { readonly digest: Digest; readonly sizeBytes: number; readonly storageKey: string; readonly at: string },
  oldKey: string,
): Promise<void> {
  await tx
    .updateTable('blobs')
    .set({ storage_key: blob.storageKey, size_bytes: blob.sizeBytes, damage: null })
    .where('digest', '=', blob.digest)
    .execute()
  await tx.insertInto('blob_tombstones').values({ storage_key: oldKey, deleted_at: blob.at }).execute()
  await forgetDamage(tx, 'blob', blob.digest)
}

/** Puts back the bytes of a manifest that is damaged. The caller has verified them. */
export async function restoreManifest(tx: Transaction, digest: Digest, bytes: Uint8Array): Promise<void> {
  const row = await tx
    .updateTable('manifests')
    .set({ bytes, damage: null })
    .where('digest', '=', digest)
    .where('damage', 'is not', null)
    .returning('digest')
    .executeTakeFirst()
  if (row !== undefined) await forgetDamage(tx, 'manifest', digest)
}

export async function noteDamage(
  tx: Transaction,
  kind: DamageKind,
  digest: Digest,
  damage: Damage,
  at: string,
): Promise<void> {
  const row = { kind, digest, damage, found_at: at, checked_at: at, why: null }
  await tx
    .insertInto('damaged_content')
    .values(row)
    .onConflict((conflict) => conflict.columns(['kind', 'digest']).doUpdateSet({ damage, checked_at: at }))
    .execute()
}

export async function forgetDamage(tx: Transaction, kind: DamageKind, digest: Digest): Promise<void> {
  await tx.deleteFrom('damaged_content').where('kind', '=', kind).where('digest', '=', digest).execute()
}

/** Says why it could not be repaired. */
export async function noteWhy(tx: Transaction, kind: DamageKind, digest: Digest, why: string): Promise<void> {
  await tx.updateTable('damaged_content').set({ why }).where('kind', '=', kind).where('digest', '=', digest).execute()
}

/** Damage that a look at everything has not found again: the content is gone since, or is there again. */
export async function forgetOldDamage(tx: Transaction, kind: DamageKind, before: string): Promise<void> {
  const content = (kind === 'manifest' ? 'manifests' : 'blobs') as 'blobs'
  await tx
    .deleteFrom('damaged_content')
    .where('kind', '=', kind)
    .where('checked_at', '<', before)
    .$if(kind !== 'reference', (query) =>
      query.where('digest', 'not in', (eb) => eb.selectFrom(content).select('digest').where('damage', 'is not', null)),
    )
    .execute()
}

/** In the order of kind and digest. */
export async function listDamaged(
  db: Queries,
  o: { readonly isMissing?: boolean; readonly limit: number; readonly after?: DamagedContentRow | undefined },
): Promise<DamagedContentRow[]> {
  const { isMissing, after } = o
  return db
    .selectFrom('damaged_content')
    .selectAll()
    .$if(isMissing !== undefined, (query) => query.where('damage', isMissing === true ? '=' : '!=', 'missing'))
    .$if(after !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('kind', '>', after?.kind ?? 'blob'),
          eb.and([eb('kind', '=', after?.kind ?? 'blob'), eb('digest', '>', after?.digest ?? '')]),
        ]),
      ),
    )
    .orderBy('kind')
    .orderBy('digest')
    .limit(o.limit)
    .execute()
}

/** How much is damaged, by kind and damage. */
export async function countDamaged(
  db: Queries,
): Promise<{ readonly kind: DamageKind; readonly damage: Damage; readonly count: number }[]> {
  const rows = await db
    .selectFrom('damaged_content')
    .select((eb) => ['kind', 'damage', eb.fn.countAll<number>().as('count')])
    .groupBy(['kind', 'damage'])
    .execute()
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}
