/** The runs of replications, and what each did. */

import { rowChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { createPruneItems } from '../mirrors/prune-items.ts'
import type { ShownRunItem } from '../mirrors/run-items.ts'
import { createRunTable, type RunTables } from '../mirrors/run-table.ts'
import type { ReplicationRunItemRow, RunRow } from '../schema.ts'

const REPLICATION_RUNS: RunTables = {
  runs: 'replication_runs',
  items: 'replication_run_items',
  counters: 'replication_counters',
  subjects: 'replications',
  owner: 'replication_id',
}

export const replicationRuns = createRunTable<RunRow>(REPLICATION_RUNS)

export const pruneReplicationItems = createPruneItems(REPLICATION_RUNS)

export type ReplicationItem = Omit<ReplicationRunItemRow, 'run_id' | 'position'>

/** Of one run. */
const MAX_ITEMS = 5_000

export async function recordReplicationItems(
  tx: Transaction,
  runId: string,
  items: readonly ReplicationItem[],
): Promise<void> {
  const rows = items.slice(0, MAX_ITEMS).map((item, position) => ({ run_id: runId, position, ...item }))
  for (const chunk of rowChunks(rows)) await tx.insertInto('replication_run_items').values(chunk).execute()
}

/** @param o.after the cursor of the last one seen @throws AppError INVALID_REQUEST when it is none */
export async function listReplicationItems(
  db: Queries,
  runId: string,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<ShownRunItem[]> {
  const after = o.after === undefined ? -1 : Number(parseCursor(o.after)[1])
  const rows = await db
    .selectFrom('replication_run_items')
    .selectAll()
    .where('run_id', '=', runId)
    .where('position', '>', Number.isSafeInteger(after) ? after : -1)
    .orderBy('position')
    .limit(o.limit)
    .execute()
  return rows.map(({ action, tag, from_digest: from, to_digest: to, digest, code, message, at, position }) => ({
    ...{ action, tag, from, to, digest, code, at },
    message: message === '' ? null : message,
    cursor: formatCursor(['item', String(position)]),
  }))
}
