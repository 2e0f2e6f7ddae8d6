/** How far a mirror is behind, and whether it keeps its objective. */
import type { Freshness } from '../../api/mirrors.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { eventOf } from '../../db/mirrors/life.ts'
import { findBehindSince } from '../../db/mirrors/mirror-tags.ts'
import { findMirror, listMirrorsWithObjective, type MirrorRecord, setMissedSince } from '../../db/mirrors/mirrors.ts'
import { appendEvents, type NewEvent } from '../../db/platform/events.ts'
import { isoTime } from '../../lib/clock.ts'
import { parseDuration } from '../../lib/duration.ts'
import { settingsOf } from './settings.ts'

type Looked = Pick<MirrorRecord, 'state' | 'settings' | 'looked_at' | 'look_due_at'>

/**
 * An objective is missed by what was seen and is not here, and by not looking: whoever has not looked for long knows of no change, and
 * is not in step for that. Not looking counts from when the pass was due. A stopped mirror follows nothing.
 * @param behindSince when the oldest change that is not visible here was first seen; undefined: none is known
 */
export function freshnessOf(mirror: Looked, behindSince: string | undefined, now: Date): Freshness {
  const since = mirror.state === 'stopped' ? undefined : behindSince
  const secondsSince = (time: string) => Math.max(0, Math.floor((now.getTime() - Date.parse(time)) / 1000))
  const { objective } = settingsOf(mirror)
  const objectiveMs = objective === undefined ? undefined : parseDuration(objective)
  const shown = {
    behindSeconds: since === undefined ? 0 : secondsSince(since),
    objectiveSeconds: objectiveMs === undefined ? null : objectiveMs / 1000,
    checkedAt: mirror.looked_at,
  }
  if (objectiveMs === undefined || mirror.state === 'stopped') return { ...shown, missedSince: null, reason: null }
  const misses = [
    { from: since, reason: `upstream has had since ${since} what is not here yet` },
    { from: mirror.look_due_at ?? undefined, reason: `upstream should have been looked at by ${mirror.look_due_at}` },
  ].flatMap(({ from, reason }) => {
    const missedAt = from === undefined ? Number.POSITIVE_INFINITY : Date.parse(from) + objectiveMs
    return missedAt < now.getTime() ? [{ missedAt, reason }] : []
  })
  const [first] = misses.sort((a, b) => a.missedAt - b.missedAt)
  if (first === undefined) return { ...shown, missedSince: null, reason: null }
  return {
    ...shown,
    missedSince: isoTime(new Date(first.missedAt)),
    reason: `${first.reason}: the objective of ${objective} is missed`,
  }
}

/**
 * Writes down that the mirror has begun or ceased to miss its objective.
 * @returns the event of that, for the end of the transaction; each is told once, whichever server notices first
 */
export async function settleObjective(tx: Transaction, mirrorId: string, now: Date): Promise<NewEvent[]> {
  const mirror = await findMirror(tx, mirrorId)
  if (mirror === undefined || mirror.state === 'stopped') return []
  const behind = await findBehindSince(tx, [mirrorId])
  const { isMissed, isTold, freshness } = judge(mirror, behind.get(mirrorId), now)
  if (isMissed === isTold) return []
  await setMissedSince(tx, mirror.id, freshness.missedSince)
  const { behindSeconds, objectiveSeconds, reason } = freshness
  const by = { actor: `mirror:${mirror.id}`, at: isoTime(now) }
  if (!isMissed) return [eventOf('mirror.caught-up', mirror, by, { objectiveSeconds })]
  return [eventOf('mirror.behind', mirror, by, { behindSeconds, objectiveSeconds, reason })]
}

/** The same for all mirrors, by the clock alone: nothing else happens while a mirror does not run. */
export async function settleObjectives(db: Database, now: Date): Promise<void> {
  const mirrors = await listMirrorsWithObjective(db.read)
  const behind = await findBehindSince(
    db.read,
    mirrors.map(({ id }) => id),
  )
  for (const mirror of mirrors) {
    const { isMissed, isTold } = judge(mirror, behind.get(mirror.id), now)
    if (isMissed === isTold) continue
    await db.write(async (tx) => appendEvents(tx, await settleObjective(tx, mirror.id, now)))
  }
}

function judge(mirror: MirrorRecord, behindSince: string | undefined, now: Date) {
  const freshness = freshnessOf(mirror, behindSince, now)
  return { freshness, isMissed: freshness.missedSince !== null, isTold: mirror.missed_since !== null }
}
