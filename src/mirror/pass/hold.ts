/** How long a new digest waits for its attestations: pure, and the same whichever process asks. */
import { type Digest, digestOf } from '../../oci/digest.ts'

/** A digest whose attestations never stop arriving waits for so many times the settle time. */
const MOST_SETTLES = 6

export interface Hold {
  readonly heldSince: string
  readonly changedAt: string
  readonly fingerprint: string
}

export interface HoldVerdict {
  /** As it is to be remembered. */
  readonly hold: Hold
  /** Undefined: it need not wait any longer. */
  readonly until: Date | undefined
}

/** All that hangs below a root, as one value: anything that comes changes it. */
export function fingerprintOf(digests: readonly Digest[]): string {
  return digestOf([...new Set(digests)].sort().join('\n'))
}

/**
 * A digest waits until nothing has come for the settle time, and six times that at most, counted from when its tags began to wait:
 * a tag that upstream moves ever faster is not held for ever.
 * @param before as it was remembered; undefined: it is seen for the first time
 * @param waitingSince when its tags began to wait for digests that they were moved from since
 */
export function holdVerdict(o: {
  readonly before: Hold | undefined
  readonly fingerprint: string
  readonly settleMs: number
  readonly now: Date
  readonly waitingSince?: string | undefined
}): HoldVerdict {
  const { before, fingerprint, settleMs, now, waitingSince } = o
  const nowText = now.toISOString()
  // A time to come was written by a clock that has been set back since.
  const past = (time: string | undefined) => (time === undefined || time > nowText ? nowText : time)
  const heldSince = [past(before?.heldSince), past(waitingSince)].sort()[0] ?? nowText
  const changedAt = before?.fingerprint === fingerprint ? past(before.changedAt) : nowText
  const until = Math.min(Date.parse(changedAt) + settleMs, Date.parse(heldSince) + MOST_SETTLES * settleMs)
  return {
    hold: { heldSince, changedAt, fingerprint },
    until: until > now.getTime() ? new Date(until) : undefined,
  }
}
