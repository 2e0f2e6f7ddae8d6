/** Which referrer lists of known images a pass asks for: those of old digests in turn, so that each pass asks for about as many. */
import type { Digest } from '../../oci/digest.ts'
import type { KnownList } from './known.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Passes come up to a tenth later than planned, and lists may as well. */
const TOLERANCE = 1.1

/**
 * @param o.subjects manifests of images that upstream has now, with what is known of their lists
 * @param o.nextPassMs when the next pass is expected, from now
 * @returns those to be asked for: whose list is not known or has changed within a day; that would be too old by the next pass; and the
 *   next ones in turn, as many as bring all of them around within the recheck time
 */
export function dueLists(o: {
  readonly subjects: ReadonlyMap<Digest, KnownList | undefined>
  readonly recheckMs: number
  readonly nextPassMs: number
  readonly now: Date
}): Set<Digest> {
  const { subjects, recheckMs, now } = o
  const due = new Set<Digest>()
  const old: { readonly subject: Digest; readonly listedAt: number }[] = []
  const mostMs = recheckMs * TOLERANCE
  for (const [subject, list] of subjects) {
    const ageOf = (time: string) => now.getTime() - Date.parse(time)
    // What is to come was written by a clock that has been set back since.
    const isFresh = list === undefined || !(ageOf(list.changedAt) >= DAY_MS) || ageOf(list.listedAt) < 0
    if (isFresh || recheckMs === 0 || ageOf(list.listedAt) + o.nextPassMs > mostMs) due.add(subject)
    if (!isFresh) old.push({ subject, listedAt: Date.parse(list.listedAt) })
  }
  const passes = Math.max(1, Math.floor(mostMs / Math.max(1, o.nextPassMs)))
  // As many as it is time for since the last look, so that passes that people ask for in between cost little.
  const sinceMs = now.getTime() - old.reduce((latest, { listedAt }) => Math.max(latest, listedAt), 0)
  const quota = Math.ceil(old.length * Math.min(1, sinceMs / (passes * o.nextPassMs)))
  const inTurn = old.sort((a, b) => a.listedAt - b.listedAt || (a.subject < b.subject ? -1 : 1))
  for (const { subject } of inTurn.slice(0, quota)) due.add(subject)
  return due
}
