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
 *   next ones in turn, as many as bring all of them around within the recheck time, and no more: over a round each is asked for once
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
  const inTurn = old.sort((a, b) => a.listedAt - b.listedAt || (a.subject < b.subject ? -1 : 1))
  const ages = inTurn.map(({ listedAt }) => now.getTime() - listedAt)
  for (const { subject } of inTurn.slice(0, quotaOf(ages, passes, o.nextPassMs))) due.add(subject)
  return due
}

/**
 * How many are to be asked for now so that within the last 1, 2, … passes, this one included, the share of so many passes was asked for,
 * rounded down. So a mirror of few images asks for one list in some passes, not in each; what is asked for in between costs little.
 * @param ages in ms, the longest first
 */
function quotaOf(ages: readonly number[], passes: number, passMs: number): number {
  let quota = 0
  let asked = 0
  for (let pass = 1; pass <= passes; pass++) {
    // Those of the passes before, which come a little sooner or later than planned.
    while (asked < ages.length && (ages[ages.length - 1 - asked] ?? 0) < (pass - 0.5) * passMs) asked++
    quota = Math.max(quota, Math.floor((ages.length * pass) / passes) - asked)
  }
  return quota
}
