import type { Transaction } from '../engine/engine.ts'
import type { RunTables } from './run-table.ts'

/** Of all runs of one mirror or replication: the newest ones. */
const KEPT_ITEMS = 20_000

/** @returns what forgets the items of older runs, once those of newer ones are enough */
export function createPruneItems(tables: RunTables): (tx: Transaction, ownerId: string) => Promise<void> {
  const items = tables.items as 'sync_run_items'
  const runs = tables.runs as 'sync_runs'
  const owner = tables.owner as 'mirror_id'
  return async (tx, ownerId) => {
    const counted = await tx
      .selectFrom(`${items} as item`)
      .innerJoin(`${runs} as run`, 'run.id', 'item.run_id')
      .select((eb) => ['run.id', eb.fn.countAll<number>().as('items')])
      .where(`run.${owner}`, '=', ownerId)
      .groupBy(['run.id', 'run.started_at'])
      .orderBy('run.started_at', 'desc')
      .orderBy('run.id', 'desc')
      .execute()
    let kept = 0
    for (const { id, items: count } of counted) {
      kept += Number(count)
      if (kept > KEPT_ITEMS) await tx.deleteFrom(items).where('run_id', '=', id).execute()
    }
  }
}
