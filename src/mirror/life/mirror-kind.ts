/** Mirrors, as what runs. */
import { isResting } from '../../db/mirrors/life.ts'
import { findMirror, type MirrorRecord, scheduleMirror } from '../../db/mirrors/mirrors.ts'
import { createRunTable } from '../../db/mirrors/run-table.ts'
import { MIRROR_RUNS } from '../../db/mirrors/sync-runs.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import type { SyncRunRow } from '../../db/schema.ts'
import { registryOf } from './places.ts'
import type { RunKind } from './run-kind.ts'

export const MIRROR_LEASE = 'mirror:'

export const MIRROR_KIND: RunKind<MirrorRecord> = {
  what: 'mirror',
  lease: MIRROR_LEASE,
  runs: createRunTable(MIRROR_RUNS),
  ownerOf: (run) => (run as SyncRunRow).mirror_id,
  find: findMirror,
  nameOf: (mirror) => mirror.repository,
  registryIdOf: (mirror) => mirror.upstream_id,
  registryOf: async (db, { upstream_id: id }) => registryOf(await findUpstreamById(db, id), id),
  isResting,
  schedule: scheduleMirror,
}
