/** The runs of other servers on the same database, as far as they write down how they go. */
import { type Progress, progressSchema } from '../../api/progress.ts'
import type { Queries } from '../../db/engine/engine.ts'
import type { RunRow } from '../../db/schema.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Sleep } from '../../lib/retry.ts'
import type { RunKind, RunSubject } from './run-kind.ts'
import { renderRun } from './views.ts'

const POLL_MS = 1000
/** Runs that may end between two looks. */
const LOOK_BACK = 10

export interface ForeignRuns {
  readonly runs: RunKind<RunSubject>['runs']
  readonly db: Queries
  readonly clock: Clock
  readonly sleep: Sleep
  /** This process, whose runs are followed by themselves. */
  readonly holder: string
}

/** Each change of each of them, every end among them, from now on until `signal` aborts. */
export async function* followForeignRuns(
  o: ForeignRuns,
  of: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): AsyncGenerator<Progress> {
  const from = isoTime(o.clock.now())
  const seen = new Map<string, string>()
  for (;;) {
    const standings = (await o.runs.listRunStandings(o.db, of.id, LOOK_BACK)).reverse()
    for (const { id, holder, outcome, progress, ended_at } of standings) {
      if (holder === o.holder) continue
      const state = `${outcome} ${progress ?? ''}`
      const isOld = !seen.has(id) && ended_at !== null && ended_at < from
      if (seen.get(id) === state || isOld) continue
      const row = await o.runs.findRun(o.db, id)
      if (row === undefined) continue
      seen.set(id, state)
      yield momentOf(row, of.name)
    }
    await o.sleep(POLL_MS, signal)
  }
}

/** A run as its row tells it: its last moment that was written down, or its end. */
export function momentOf(row: RunRow, name: string): Progress {
  const { counts, outcome, endedAt, startedAt, failures } = renderRun(row)
  if (outcome === 'running' && row.progress !== null) return progressSchema.parse(JSON.parse(row.progress))
  const { tagsMoved, tagsUnchanged, tagsExcluded, tagsDiverged, tagsPinned } = counts
  const { manifests, referrers, readBytes, failed } = counts
  const part = (done: number) => ({ done, total: outcome === 'running' ? null : done })
  const here = tagsMoved + tagsUnchanged
  // What failed and what people moved is upstream's as well: `21/21` would say that nothing is missing.
  const missing = tagsDiverged + (failures.some(({ tag }) => tag === null) ? 0 : failed)
  return {
    at: endedAt ?? startedAt,
    mirror: name,
    runId: row.id,
    phase: outcome !== 'running' ? 'ended' : row.generation === 0 ? 'waiting' : 'listing',
    outcome,
    tags: outcome === 'running' ? part(here) : { done: here, total: here + missing },
    manifests: part(manifests + referrers),
    bytes: part(readBytes),
    failed,
    leftOut: tagsExcluded + tagsDiverged + tagsPinned,
    ahead: null,
    current: null,
  }
}
