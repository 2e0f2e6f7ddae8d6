/** What runs: mirrors, and, the other way, replications. Their runs begin, wait, are taken over and end alike. */
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import type { createRunTable } from '../../db/mirrors/run-table.ts'
import type { RunRow } from '../../db/schema.ts'

export interface RunSubject {
  readonly id: string
  readonly organization_id: string
  readonly full_due: 0 | 1
}

export interface RunKind<Subject extends RunSubject> {
  /** As in messages. */
  readonly what: 'mirror' | 'replication'
  /** Keys of leases are this and an id. */
  readonly lease: string
  readonly runs: ReturnType<typeof createRunTable<RunRow>>
  /** Whose a run is. */
  ownerOf(run: RunRow): string
  find(db: Queries, id: string): Promise<Subject | undefined>
  /** As people know it. */
  nameOf(subject: Subject): string
  /** Id of the registry at the other end. */
  registryIdOf(subject: Subject): string
  /** Origin of the registry at the other end: runs share places by it. */
  registryOf(db: Queries, subject: Subject): Promise<string>
  /** True while no run may begin. */
  isResting(db: Queries, id: string): Promise<boolean>
  schedule(tx: Transaction, id: string, nextRunAt: string): Promise<void>
}
