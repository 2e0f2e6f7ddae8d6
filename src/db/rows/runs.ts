/** Sync runs, and what is counted of them. */
import type { Flag } from './flag.ts'

export type RunTrigger = 'start' | 'sync' | 'hint' | 'schedule'

export type RunOutcome = 'running' | 'done' | 'partial' | 'failed' | 'stopped'

/** What all runs have, whosever they are. */
export interface RunRow {
  id: string
  trigger: RunTrigger | 'change' | 'drift'
  full: Flag
  outcome: RunOutcome
  /** Lease generation under which the run writes; a higher one fences it off. */
  generation: number
  started_at: string
  /** When it had its place; null: it waits, ended before, or is of before this was noted. */
  began_at: string | null
  ended_at: string | null
  counts: string
  failures: string
  /** The tags that it was limited to, as a JSON list; null: all. */
  tags: string | null
  /** The process that it is of; null: of before processes were told apart. */
  holder: string | null
  /** JSON of the totals that were planned; null: it did not come so far. */
  plan: string | null
  /** JSON of its last moment, while it runs; not each one is written. */
  progress: string | null
}

export interface SyncRunRow extends RunRow {
  mirror_id: string
  trigger: RunTrigger
}

/** What a run did beside moving tags, which `tag_history` holds. */
export interface SyncRunItemRow {
  run_id: string
  position: number
  action: 'published' | 'unlinked' | 'failed' | 'diverged' | 'left-out'
  tag: string | null
  digest: string | null
  code: string | null
  message: string
}

/** Counts that only grow, and outlive the runs that they are of. */
export interface MirrorCounterRow {
  mirror_id: string
  counter: 'runs' | 'failures' | 'bytes' | 'requests' | 'tags' | 'milliseconds'
  /** Outcome of runs, code of failures, what the time was spent with; empty where there is one. */
  label: string
  total: number
}
