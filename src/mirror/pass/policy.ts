/** What people set about upstream's whims, as a pass goes by it. */
import { mirrorSettingsSchema, whimsOf } from '../../api/mirror-settings.ts'
import { parseDuration } from '../../lib/duration.ts'

export interface Policy {
  /** Tags that upstream no longer lists: untag them once they have been away for `graceMs`; otherwise they stay. */
  readonly isUntagging: boolean
  readonly graceMs: number
  /** The share of the mirror's tags that one run may untag, in percent. */
  readonly brakePercent: number
  /** How long a new digest waits for the next attestation; 0: not at all. */
  readonly settleMs: number
  /** Publish what referrers cannot be listed for, instead of holding it. */
  readonly isPublishedWithout: boolean
  /** The time within which referrer lists of old digests are asked for again; 0: in every pass. */
  readonly recheckMs: number
  /** What upstream lists now is right, however much less it is than before. */
  readonly isShrinkAccepted: boolean
}

/** @param settings JSON of `api/mirror-settings.ts` */
export function policyOf(settings: string, o: { readonly acceptShrink: boolean }): Policy {
  const whims = whimsOf(mirrorSettingsSchema.parse(JSON.parse(settings)))
  return {
    isUntagging: whims.vanished === 'untag',
    graceMs: parseDuration(whims.grace),
    brakePercent: whims.brake,
    settleMs: parseDuration(whims.settle),
    isPublishedWithout: whims.withoutReferrers === 'publish',
    recheckMs: parseDuration(whims.recheck),
    isShrinkAccepted: o.acceptShrink,
  }
}

export const DEFAULT_POLICY: Policy = policyOf('{}', { acceptShrink: false })
