/** Whether a manifest or a blob of a repository goes, and why: pure. */
import type { BlobFacts } from '../../db/collection/blob-facts.ts'
import type { CollectedRepository } from '../../db/collection/going.ts'
import type { ManifestFacts } from '../../db/collection/manifest-facts.ts'
import { isoTime } from '../../lib/clock.ts'
import { FRESH_MS, type Keep, type KeepSettings, quarterOf, STAGED_MS } from './waits.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Where a collection stands. */
export interface Moment {
  readonly now: Date
  readonly settings: KeepSettings
  /** Grace times are over. */
  readonly isNow: boolean
}

/** Of one repository. */
export interface Judging extends Moment {
  readonly repository: CollectedRepository
  /** The manifests that its rule of the newest keeps. */
  readonly newest: ReadonlySet<string>
}

export type Verdict =
  /** Something holds it. */
  | { readonly kind: 'held' }
  | { readonly kind: 'kept'; readonly until: string | undefined; readonly reason: string }
  | { readonly kind: 'due'; readonly reason: string }

const HELD: Verdict = { kind: 'held' }

/** @param gone of what holds it: manifests that list it, and whether its subject goes, that are to go themselves */
export function judgeManifest(
  facts: ManifestFacts,
  o: Judging,
  gone: { readonly parents: number; readonly subject: boolean } = { parents: 0, subject: false },
): Verdict {
  if (facts.isNamed || facts.parents > gone.parents || (facts.subject !== undefined && !gone.subject)) return HELD
  if (isOfRun(facts.storedAt, o)) return HELD
  if (facts.isStaged) return judgeStaged(facts.storedAt, o)
  const isPart = gone.parents > 0 || gone.subject
  // Pushed by its digest, and never part of anything.
  if (facts.isPushed && !facts.wasHeld && !isPart) return HELD
  const since = facts.since ?? isoTime(o.now)
  const keep = keepOf(facts, o)
  const reason = `${whyLoose(facts)} since ${since}${saidOf(facts.pulledAt)}`
  if (keep.newest > 0 && !isPart && facts.cause === null && o.newest.has(facts.digest))
    return { kind: 'kept', until: undefined, reason: `${reason}; one of the ${keep.newest} that are kept` }
  const waitMs = Math.max(keep.days * DAY_MS, o.isNow ? 0 : o.settings.graceMs)
  const until = Math.max(
    after(since, waitMs),
    after(facts.pulledAt, keep.daysAfterPull * DAY_MS),
    o.isNow ? 0 : after(facts.touchedAt, o.settings.graceMs),
  )
  return until > o.now.getTime() ? { kind: 'kept', until: isoTime(new Date(until)), reason } : { kind: 'due', reason }
}

export function judgeBlob(facts: BlobFacts, o: Judging, gone = 0): Verdict {
  if (facts.parents > gone) return HELD
  if (isOfRun(facts.touchedAt, o)) return HELD
  if (facts.isStaged) return judgeStaged(facts.touchedAt, o)
  const reason = `no manifest of the repository needs it; last asked for at ${facts.touchedAt}`
  return untilOf(after(facts.touchedAt, o.isNow ? 0 : o.settings.graceMs), reason, o)
}

/** A run that is under way has fetched it, or found it here, and builds on it. */
function isOfRun(touchedAt: string, { repository }: Judging): boolean {
  const { runningSince } = repository
  return runningSince !== undefined && Date.parse(touchedAt) >= Date.parse(runningSince) - FRESH_MS
}

/** What was fetched and is not shown: for as long as a run may come that shows it. */
function judgeStaged(storedAt: string, o: Judging): Verdict {
  if (o.repository.runningSince !== undefined) return HELD
  const grace = o.isNow ? 0 : o.settings.graceMs
  const waitMs = o.repository.isMirrored ? Math.max(grace, o.isNow ? 0 : STAGED_MS) : grace
  return untilOf(after(storedAt, waitMs), `fetched at ${storedAt} and never published`, o)
}

function untilOf(until: number, reason: string, { now }: Moment): Verdict {
  return until > now.getTime() ? { kind: 'kept', until: isoTime(new Date(until)), reason } : { kind: 'due', reason }
}

/** Of a repository, by its own rule or the server's settings; what a person has deleted waits for the grace time alone. */
function keepOf({ cause, isMirrored }: ManifestFacts, { repository, settings }: Judging): Keep {
  if (cause === 'deleted') return { newest: 0, days: 0, daysAfterPull: 0 }
  const usual = isMirrored ? settings.mirrored : settings.pushed
  return {
    newest: repository.keepNewest ?? usual.newest,
    days: repository.keepDays ?? usual.days,
    daysAfterPull: repository.keepDaysAfterPull ?? usual.daysAfterPull,
  }
}

function whyLoose({ cause }: ManifestFacts): string {
  if (cause === 'deleted') return 'what it belonged to was deleted: unused'
  if (cause === 'parent') return 'what it belonged to was collected: unused'
  return 'superseded'
}

const saidOf = (pulledAt: string | undefined) =>
  pulledAt === undefined ? '; never pulled' : `; last pulled at ${pulledAt}`

const after = (time: string | undefined, ms: number) => (time === undefined ? 0 : Date.parse(time) + ms)

/** Whether what is doomed since then may go: whoever was told before that it is there has had this long. */
export function isWaitOver(doomedAt: string | undefined, { now, settings, isNow }: Moment): boolean {
  if (doomedAt === undefined) return false
  return isNow || Date.parse(doomedAt) + quarterOf(settings.graceMs) <= now.getTime()
}
