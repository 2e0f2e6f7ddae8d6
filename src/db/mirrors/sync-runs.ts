/** The runs of mirrors. */
import type { SyncRunRow } from '../schema.ts'
import { createRunTable, type RunTables } from './run-table.ts'

export { timesOf } from './run-table.ts'

export const MIRROR_RUNS: RunTables = {
  runs: 'sync_runs',
  items: 'sync_run_items',
  counters: 'mirror_counters',
  subjects: 'mirrors',
  owner: 'mirror_id',
}

export const {
  insertRun,
  findRun,
  setRunGeneration,
  setRunProgress,
  setRunPlan,
  setRunTags,
  endRun,
  listRuns,
  listRunStandings,
  listLastRuns,
  listFailedBy,
  listRunningRuns,
  pruneRuns,
} = createRunTable<SyncRunRow>(MIRROR_RUNS)
