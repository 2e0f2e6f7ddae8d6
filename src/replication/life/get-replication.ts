import type { Queries } from '../../db/engine/engine.ts'
import { findReplication, type ReplicationRecord } from '../../db/replication/replications.ts'
import { AppError } from '../../errors.ts'

/** @throws AppError NOT_FOUND */
export async function getReplication(db: Queries, id: string): Promise<ReplicationRecord> {
  const replication = await findReplication(db, id)
  if (replication !== undefined) return replication
  throw new AppError('NOT_FOUND', 'there is no such replication', { about: { reason: 'absent', what: 'replication' } })
}

/** @throws AppError CONFLICT */
export function refuseStopped(replication: ReplicationRecord): void {
  if (replication.state !== 'stopped') return
  const name = `${replication.target}/${replication.target_repository}`
  const line = `kagami replication start ${replication.repository} ${name}`
  throw new AppError('CONFLICT', `the replication ${name} is stopped: start it again with ${line}`, {
    about: { reason: 'stopped', what: 'replication', name },
  })
}
