/** Replications, as what runs. */
import { isReplicationResting } from '../../db/replication/life.ts'
import { findReplication, type ReplicationRecord, scheduleReplication } from '../../db/replication/replications.ts'
import { replicationRuns } from '../../db/replication/runs.ts'
import type { ReplicationRunRow } from '../../db/schema.ts'
import { registryOf } from '../../mirror/life/places.ts'
import type { RunKind } from '../../mirror/life/run-kind.ts'

export const REPLICATION_LEASE = 'replication:'

export const REPLICATION_KIND: RunKind<ReplicationRecord> = {
  what: 'replication',
  lease: REPLICATION_LEASE,
  runs: replicationRuns,
  ownerOf: (run) => (run as ReplicationRunRow).replication_id,
  find: findReplication,
  nameOf: (replication) => `${replication.target}/${replication.target_repository}`,
  registryIdOf: (replication) => replication.target_id,
  registryOf: async (_db, { target_id: id, target_url: url }) => registryOf({ url }, id),
  isResting: isReplicationResting,
  schedule: scheduleReplication,
}
