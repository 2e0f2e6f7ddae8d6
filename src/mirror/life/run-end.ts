/** How runs come to their end, whatever they are of. */
import type { RunCounts } from '../../api/runs.ts'
import type { Transaction } from '../../db/engine/engine.ts'
import { AppError } from '../../errors.ts'
import type { RunKind, RunSubject } from './run-kind.ts'

/** Runs that are kept of one mirror or replication: so many, and not for longer, but always the last few. */
export const KEPT_RUNS = { keep: 200, keepAlways: 20 }
export const KEPT_MS = 90 * 24 * 60 * 60 * 1000

export const NO_COUNTS: RunCounts = {
  tagsMoved: 0,
  tagsUnchanged: 0,
  manifests: 0,
  referrers: 0,
  blobs: 0,
  readBytes: 0,
  requests: 0,
  failed: 0,
  tagsExcluded: 0,
  tagsDiverged: 0,
  tagsPinned: 0,
  tagsHeld: 0,
  tagsUntagged: 0,
  referrersUnlinked: 0,
}

/** How a run came to its end. */
export interface RunEnding<Report> {
  readonly runId: string
  /** It was of these tags only. */
  readonly isPart: boolean
  /** It was of hints; the claims on them. */
  readonly hintClaims?: readonly string[] | undefined
  readonly isFull: boolean
  readonly counts: RunCounts
  readonly report: Report | undefined
  /** What ended the run as a whole. */
  readonly thrown: { readonly error: unknown } | undefined
  /** Ended by people: stopped, paused, the repository closed to it. */
  readonly isStopped: boolean
  /** Ended with the server. */
  readonly isInterrupted: boolean
  /** False: it never had a place, and says nothing of the mirror. */
  readonly hasBegun: boolean
  /** Another run has the lease by now and has the last word. */
  readonly isFenced: boolean
  readonly now: Date
  readonly at: string
}

/** Failed runs in a row before this one; those of a few tags say nothing. */
export async function countFailedInRow(
  { runs }: Pick<RunKind<RunSubject>, 'runs'>,
  tx: Transaction,
  id: string,
  runId: string,
): Promise<number> {
  const rows = (await runs.listRuns(tx, id, { limit: 12 })).filter((row) => row.id !== runId && row.tags === null)
  const firstGood = rows.findIndex((row) => row.outcome !== 'failed')
  return firstGood === -1 ? rows.length : firstGood
}

/** What ends a run because people ended it; any other reason leaves the run failed. */
export function stopReason(message = 'the mirror was stopped'): AppError {
  return new AppError('CANCELLED', message, { detail: { stopped: true } })
}

export function isStop(reason: unknown): boolean {
  return (
    reason instanceof AppError &&
    typeof reason.detail === 'object' &&
    reason.detail !== null &&
    'stopped' in reason.detail
  )
}
