/** Many mirrors as a board shows them: a few queries for all, and no counts of tags. */
import type { MirrorGlance } from '../../api/glance.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { listPauses } from '../../db/mirrors/life.ts'
import { findBehindSince } from '../../db/mirrors/mirror-tags.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { listRunningSince } from '../../db/mirrors/running-runs.ts'
import { listFailedBy } from '../../db/mirrors/sync-runs.ts'
import { freshnessOf } from './freshness.ts'
import { PAUSE_CAUSES, shownState } from './state.ts'
import { standingOf } from './views.ts'

const MAX_REASON = 300
const SHRUNK = 'UPSTREAM_SHRUNK'

export async function renderGlances(db: Queries, records: readonly MirrorRecord[], now: Date): Promise<MirrorGlance[]> {
  const ids = records.map(({ id }) => id)
  const behind = await findBehindSince(db, ids)
  const pausesOf = await listPauses(db, ids)
  const running = await listRunningSince(db, ids)
  const degraded = records.filter(({ state }) => state === 'degraded').map(({ id }) => id)
  const shrunk = await listFailedBy(db, degraded, SHRUNK)
  return records.map((record) => {
    const pauses = pausesOf.get(record.id) ?? []
    const startedAt = running.get(record.id)
    const causes = pauses.map(({ cause }) => cause)
    const state = shownState(record.state, causes, startedAt !== undefined)
    // As much of its last run as the standing is told by.
    const failures = shrunk.has(record.id) ? [{ tag: null, digest: null, code: SHRUNK, message: '' }] : []
    const run = { startedAt: startedAt ?? record.since, failures }
    const { reason, since, remedy } = standingOf(record, state, pauses, run)
    const { behindSeconds, missedSince, checkedAt, ...missed } = freshnessOf(record, behind.get(record.id), now)
    const why = WELL.has(state) ? missed.reason : reason
    return {
      repository: record.repository,
      upstream: record.upstream,
      state,
      reason: why === null || why.length <= MAX_REASON ? why : `${why.slice(0, MAX_REASON - 1)}…`,
      causes: PAUSE_CAUSES.filter((cause) => causes.includes(cause)),
      since,
      remedy,
      behindSeconds,
      missedSince,
      checkedAt,
      nextRunAt: record.next_run_at,
    }
  })
}

/** Nothing is to be said of these. */
const WELL: ReadonlySet<string> = new Set(['active', 'syncing', 'initial'])
