/** What each server holds of numbers that all servers on the database share. A row counts while the lease of its server does. */
import { sql } from 'kysely'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SharedPortionRow } from '../schema.ts'
import { SERVER_LEASE } from './leases.ts'

const leaseOf = sql<string>`${SERVER_LEASE} || shared_portions.holder`

/** The rows that count at `now` (ISO 8601). @param pool undefined: all */
export async function listPortions(db: Queries, now: string, pool?: string): Promise<SharedPortionRow[]> {
  const all = db
    .selectFrom('shared_portions')
    .innerJoin('leases', (join) => join.on('leases.key', '=', leaseOf))
    .selectAll('shared_portions')
    .where('leases.holder', 'is not', null)
    .where('leases.expires_at', '>', now)
  return (pool === undefined ? all : all.where('shared_portions.pool', '=', pool)).execute()
}

export async function keepPortion(tx: Transaction, row: SharedPortionRow): Promise<void> {
  const { held, wanted } = row
  await tx
    .insertInto('shared_portions')
    .values(row)
    .onConflict((conflict) => conflict.columns(['pool', 'holder']).doUpdateSet({ held, wanted }))
    .execute()
}

export async function removePortion(tx: Transaction, pool: string, holder: string): Promise<void> {
  await tx.deleteFrom('shared_portions').where('pool', '=', pool).where('holder', '=', holder).execute()
}

/** What servers held that are gone at `now`: one that wakes late finds nothing left of its own. @param pool undefined: of all pools */
export async function removeDeadPortions(tx: Transaction, now: string, pool?: string): Promise<void> {
  const dead = tx
    .deleteFrom('shared_portions')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('leases')
            .select('leases.key')
            .where('leases.key', '=', leaseOf)
            .where('leases.holder', 'is not', null)
            .where('leases.expires_at', '>', now),
        ),
      ),
    )
  await (pool === undefined ? dead : dead.where('pool', '=', pool)).execute()
}
