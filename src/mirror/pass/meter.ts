import type { Progress } from '../../api/progress.ts'
import type { RunOutcome } from '../../api/runs.ts'
import type { CurrentWork } from './current.ts'

/** What a run counts while it works; totals are undefined until they are known. */
export interface RunMeter {
  phase: Progress['phase']
  outcome: RunOutcome
  tagsDone: number
  tagsTotal: number | undefined
  manifestsDone: number
  manifestsTotal: number | undefined
  bytesDone: number
  bytesTotal: number | undefined
  failed: number
  /** Tags of upstream that people keep for themselves. */
  leftOut: number
  readonly current: CurrentWork
}
