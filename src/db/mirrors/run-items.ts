/** What one run did, item by item: the tags that it moved (from `tag_history`, where publishing wrote them), then the rest. */
import { rowChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { SyncRunItemRow } from '../schema.ts'
import { createPruneItems } from './prune-items.ts'
import { MIRROR_RUNS } from './sync-runs.ts'

export type RunItem = Omit<SyncRunItemRow, 'run_id' | 'position'>

/** Of one run. */
const MAX_ITEMS = 5_000

export async function recordRunItems(tx: Transaction, runId: string, items: readonly RunItem[]): Promise<void> {
  const rows = items.slice(0, MAX_ITEMS).map((item, position) => ({ run_id: runId, position, ...pick(item) }))
  for (const chunk of rowChunks(rows)) await tx.insertInto('sync_run_items').values(chunk).execute()
}

function pick({ action, tag, digest, code, message }: RunItem): RunItem {
  return { action, tag, digest, code, message }
}

/** Forgets the items of older runs, once those of newer ones are enough; the runs themselves stay with their failures. */
export const pruneRunItems = createPruneItems(MIRROR_RUNS)

export interface ShownRunItem {
  readonly action: 'moved' | 'removed' | 'drifted' | RunItem['action']
  readonly tag: string | null
  readonly from: string | null
  readonly to: string | null
  readonly digest: string | null
  readonly code: string | null
  readonly message: string | null
  readonly at: string | null
  /** Where a page that ends with it ends. */
  readonly cursor: string
}

/** The key of cursors among what no time is known of; times begin with a digit. */
const REST = 'item'

/** @param o.after the cursor of the last one seen @throws AppError INVALID_REQUEST when it is none */
export async function listRunItems(
  db: Queries,
  runId: string,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<ShownRunItem[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  if (after?.[0] === REST) return listRest(db, runId, { after: Number(after[1]), limit: o.limit })
  let query = db
    .selectFrom('tag_history')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('at')
    .orderBy('id')
    .limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([eb('at', '>', after[0]), eb.and([eb('at', '=', after[0]), eb('id', '>', after[1])])]),
    )
  }
  const moves = (await query.execute()).map(
    ({ id, tag, from_digest: from, to_digest: to, at }): ShownRunItem => ({
      action: to === null ? 'removed' : 'moved',
      ...{ tag, from, to, digest: to ?? from, code: null, message: null, at, cursor: formatCursor([at, id]) },
    }),
  )
  if (moves.length === o.limit) return moves
  return [...moves, ...(await listRest(db, runId, { after: -1, limit: o.limit - moves.length }))]
}

async function listRest(
  db: Queries,
  runId: string,
  o: { readonly after: number; readonly limit: number },
): Promise<ShownRunItem[]> {
  const rows = await db
    .selectFrom('sync_run_items')
    .selectAll()
    .where('run_id', '=', runId)
    .where('position', '>', Number.isSafeInteger(o.after) ? o.after : -1)
    .orderBy('position')
    .limit(o.limit)
    .execute()
  return rows.map(({ run_id: _, position, ...item }) => ({
    ...item,
    from: null,
    to: null,
    at: null,
    cursor: formatCursor([REST, String(position)]),
  }))
}
