/** A check of the storage as people and programs are told of it. */
import { MAX_FINDINGS_SHOWN, MAX_PLACES_SHOWN, type StorageCheck, type StorageFinding } from '../api/storage-checks.ts'
import { countDamaged, listDamaged } from '../db/content/damage.ts'
import { findDamagePlaces } from '../db/content/damage-places.ts'
import type { Queries } from '../db/engine/engine.ts'
import type { StorageCheckRow } from '../db/schema.ts'
import type { Digest } from '../oci/digest.ts'

/** With what is damaged now, once it has ended. */
export async function reportCheck(db: Queries, row: StorageCheckRow): Promise<StorageCheck> {
  const counts = await countDamaged(db)
  const countOf = (isMissing: boolean) =>
    counts.filter(({ damage }) => (damage === 'missing') === isMissing).reduce((sum, one) => sum + one.count, 0)
  const isOver = row.state !== 'running'
  return {
    id: row.id,
    state: row.state,
    phase: row.phase,
    repair: row.repair === 1,
    startedBy: row.started_by,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    error: row.error,
    checked: row.checked,
    bytes: row.bytes,
    repaired: row.repaired,
    missingCount: countOf(true),
    corruptCount: countOf(false),
    missing: isOver ? await findings(db, true) : [],
    corrupt: isOver ? await findings(db, false) : [],
  }
}

async function findings(db: Queries, isMissing: boolean): Promise<StorageFinding[]> {
  const found: StorageFinding[] = []
  for (const row of await listDamaged(db, { isMissing, limit: MAX_FINDINGS_SHOWN })) {
    const { kind, damage, why } = row
    const places = await findDamagePlaces(db, { kind, digest: row.digest as Digest }, MAX_PLACES_SHOWN)
    const { repositoryCount } = places
    const repositories = places.repositories.map(({ name, tags, tagCount }) => ({ name, tags: [...tags], tagCount }))
    found.push({ kind, digest: row.digest, damage, foundAt: row.found_at, why, repositoryCount, repositories })
  }
  return found
}
