/** Counts of runs that outlive the runs: what a monitoring system draws its rates from. */
import type { RunCounts, RunFailure } from '../../api/runs.ts'
import { rowChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import type { MirrorCounterRow, ReplicationCounterRow, RunOutcome } from '../schema.ts'
import type { RunTables } from './run-table.ts'

/** @param run as it has ended; what a good run was published without is no failure */
export async function countRun(
  tx: Transaction,
  tables: Pick<RunTables, 'counters' | 'owner'>,
  id: string,
  run: {
    readonly outcome: Exclude<RunOutcome, 'running'>
    readonly counts: Partial<RunCounts>
    readonly failures: readonly Pick<RunFailure, 'code'>[]
    readonly times: { readonly waitedMs: number | undefined; readonly runningMs: number | undefined }
  },
): Promise<void> {
  const { readBytes = 0, requests = 0, tagsMoved = 0, sentBytes, mountsTried = 0, mounts = 0 } = run.counts
  const counters = tables.counters as 'mirror_counters'
  const owner = tables.owner as 'mirror_id'
  const codes = new Map<string, number>()
  if (run.outcome !== 'done') for (const { code } of run.failures) codes.set(code, (codes.get(code) ?? 0) + 1)
  const counted: Omit<ReplicationCounterRow, 'replication_id'>[] = [
    { counter: 'runs', label: run.outcome, total: 1 },
    { counter: 'bytes', label: '', total: sentBytes ?? readBytes },
    { counter: 'requests', label: '', total: requests },
    { counter: 'tags', label: 'moved', total: tagsMoved },
    { counter: 'milliseconds', label: 'running', total: run.times.runningMs ?? 0 },
    { counter: 'milliseconds', label: 'waiting', total: run.times.waitedMs ?? 0 },
    { counter: 'mounts', label: 'done', total: mounts },
    { counter: 'mounts', label: 'refused', total: mountsTried - mounts },
    ...[...codes].map(([label, total]) => ({ counter: 'failures' as const, label, total })),
  ]
  const rows = counted.filter(({ total }) => total > 0).map((row) => ({ [owner]: id, ...row }) as MirrorCounterRow)
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto(counters)
      .values(chunk)
      .onConflict((conflict) =>
        conflict
          .columns([owner, 'counter', 'label'])
          .doUpdateSet((eb) => ({ total: eb(`${counters}.total`, '+', eb.ref('excluded.total')) })),
      )
      .execute()
  }
}
