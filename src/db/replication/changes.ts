/** What changes here makes replications due. */
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { EventKind } from '../platform/events.ts'
import { listReplicationPauses } from './life.ts'
import { replicationRuns } from './runs.ts'

/** Kinds of events after which a repository may have what its targets lack. */
export const CHANGES = [
  'tag.moved',
  'tag.pushed',
  'tag.restored',
  'tag.removed',
  'referrers.published',
] as const satisfies readonly EventKind[]

/** The first change of a repository after a place in the log: what has begun before that has not seen it. */
export async function findChangeAfter(db: Queries, repositoryId: string, seq: number): Promise<string | undefined> {
  const rows = await allOfChunks(CHANGES, (chunk) =>
    db
      .selectFrom('events')
      .select('at')
      .where('repository_id', '=', repositoryId)
      .where('seq', '>', seq)
      .where('kind', 'in', chunk)
      .orderBy('seq')
      .limit(1)
      .execute(),
  )
  return rows[0]?.at
}

/**
 * Something has changed in these repositories: replications that go by changes are due at once, unless they are paused or back off.
 * @returns how many are due now
 */
export async function noteChanges(tx: Transaction, repositoryIds: readonly string[], at: string): Promise<number> {
  return note(tx, repositoryIds, at, ({ onChange }) => onChange !== false)
}

/** The receiver of a webhook has said something of a tag: what waits for that may go on. */
export async function noteCallback(tx: Transaction, repositoryId: string, at: string): Promise<void> {
  await note(tx, [repositoryId], at, ({ after }) => after !== undefined)
}

async function note(
  tx: Transaction,
  repositoryIds: readonly string[],
  at: string,
  isConcerned: (settings: { readonly onChange?: boolean; readonly after?: string }) => boolean,
): Promise<number> {
  const due: string[] = []
  for (const chunk of inChunks(repositoryIds)) {
    const rows = await tx
      .updateTable('replications')
      .set((eb) => ({ changed_since: eb.fn.coalesce('changed_since', eb.val(at)) }))
      .where('repository_id', 'in', chunk)
      .where('state', '!=', 'stopped')
      .returning(['id', 'settings', 'next_run_at'])
      .execute()
    for (const { id, settings, next_run_at: next } of rows) {
      if (next !== null && next > at && isConcerned(JSON.parse(settings))) due.push(id)
    }
  }
  const pauses = await listReplicationPauses(tx, due)
  const last = await replicationRuns.listLastRuns(tx, due)
  const hurried = due.filter((id) => !pauses.has(id) && last.get(id)?.outcome !== 'failed')
  for (const chunk of inChunks(hurried)) {
    await tx.updateTable('replications').set({ next_run_at: at }).where('id', 'in', chunk).execute()
  }
  return hurried.length
}
