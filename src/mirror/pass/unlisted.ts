/** What becomes of referrers that upstream no longer lists: pure. */
import type { Digest } from '../../oci/digest.ts'
import { whyTooManyReferrers } from './brake.ts'
import type { Inventory } from './inventory.ts'
import type { Known, Unlisted } from './known.ts'
import type { Policy } from './policy.ts'

/** A referrer that this run takes away, and what hangs on it. */
export interface Unlink {
  readonly digest: Digest
  readonly subject: Digest
  /** It and all that hangs on it. */
  readonly all: readonly Digest[]
  readonly reason: string
}

export interface UnlistedReferrers {
  /** As they are to be remembered: those that are new, or accepted now. */
  readonly marks: ReadonlyMap<Digest, Unlisted>
  /** Known as unlisted until now: they are listed again, or no longer the mirror's. */
  readonly listed: readonly Digest[]
  readonly unlinks: readonly Unlink[]
  /** Why the run may change nothing at all, as it would unlink too much. */
  readonly refusal: string | undefined
}

/**
 * A referrer is unlisted when each source has answered for its subject and none names it. It was replaced when that answer names something
 * new, and stays beside it. What people pushed, tagged or hung something on is theirs, and what upstream still has by a tag or in an index
 * is not lost.
 */
export function findUnlisted(
  inventory: Pick<Inventory, 'tags' | 'only' | 'lists' | 'origins' | 'nodes'>,
  known: Known,
  policy: Policy,
  now: Date,
): UnlistedReferrers {
  const answers = answersOf(inventory)
  const isNeeded = neededOf(inventory, known)
  const isOwn = (digest: Digest) => {
    const { isPublished, isOwn: own, subject } = known.manifests.get(digest) ?? {}
    return isPublished === true && own === true && subject !== undefined && !isNeeded(digest)
  }
  const marks = new Map<Digest, Unlisted>()
  const listed: Digest[] = []
  const gone = new Map<Digest, Unlisted>()
  for (const [digest, before] of known.unlisted) {
    if (!isOwn(digest) || answers.get(before.subject)?.items.has(digest)) listed.push(digest)
    else {
      const mark = { ...before, isAccepted: before.isAccepted || policy.isShrinkAccepted }
      gone.set(digest, mark)
      if (mark.isAccepted !== before.isAccepted) marks.set(digest, mark)
    }
  }
  for (const [subject, { items, isTold }] of answers) {
    if (!isTold) continue
    const isReplaced = [...items].some((digest) => (inventory.nodes.get(digest)?.here ?? 'published') !== 'published')
    for (const digest of known.referrers.get(subject) ?? []) {
      if (items.has(digest) || known.unlisted.has(digest) || !isOwn(digest)) continue
      const mark = { subject, since: now.toISOString(), isAccepted: policy.isShrinkAccepted, isReplaced }
      gone.set(digest, mark)
      marks.set(digest, mark)
    }
  }
  const nothing = { marks, listed, unlinks: [], refusal: undefined }
  if (!policy.isUntagging || inventory.only !== undefined) return nothing

  const unlinks: Unlink[] = []
  const counted = new Set<Digest>()
  for (const [digest, { subject, since, isAccepted, isReplaced }] of gone) {
    if (isReplaced) continue
    const endMs = Date.parse(since) + policy.graceMs
    // Lists are asked for in turn: what was lost at once shows, and ends, within the time that a turn takes.
    if (endMs > now.getTime() + policy.recheckMs) continue
    const all = withHanging(digest, known)
    if (!all.every(isOwn)) continue
    if (!isAccepted) for (const one of all) counted.add(one)
    if (endMs > now.getTime() || !answers.has(subject)) continue
    const others = all.length === 1 ? '' : `, and ${all.length - 1} that hang on it`
    unlinks.push({ digest, subject, all, reason: `attached to ${subject}, which upstream no longer lists${others}` })
  }
  if (unlinks.length === 0) return nothing
  const refusal = whyTooManyReferrers({
    unlinked: counted.size,
    owned: [...known.manifests.keys()].filter(isOwn).length,
    listed: [...answers.values()].reduce((sum, { items }) => sum + items.size, 0),
    percent: policy.brakePercent,
  })
  return { marks, listed, unlinks, refusal }
}

/** Subjects for which every source has answered, with all that they name. */
function answersOf({ lists, origins }: Pick<Inventory, 'lists' | 'origins'>) {
  const answers = new Map<Digest, { items: Set<Digest>; isTold: boolean; sources: Set<string> }>()
  const doubtful = new Set<Digest>()
  for (const { subject, origin, items, leftOut, isTold } of lists) {
    const answer = answers.get(subject) ?? { items: new Set(), isTold: true, sources: new Set() }
    for (const digest of items) answer.items.add(digest)
    for (const { digest } of leftOut) {
      // Something is listed, and nobody can say what.
      if (digest === undefined) doubtful.add(subject)
      else answer.items.add(digest)
    }
    answer.isTold &&= isTold
    answer.sources.add(origin)
    answers.set(subject, answer)
  }
  for (const [subject, { sources }] of answers) {
    if (doubtful.has(subject) || sources.size < origins.length) answers.delete(subject)
  }
  return answers
}

/** What is here, or at upstream, for another reason than that it is listed. */
function neededOf({ tags }: Pick<Inventory, 'tags'>, known: Known): (digest: Digest) => boolean {
  const collect = () => {
    const needed = new Set<Digest>()
    for (const { seen } of tags) if ('descriptor' in seen) needed.add(seen.descriptor.digest)
    for (const { local } of known.tags.values()) if (local !== undefined) needed.add(local)
    for (const { children } of known.manifests.values()) for (const child of children) needed.add(child.digest)
    return needed
  }
  // In nearly every pass all that is here is listed, and nobody asks.
  let needed: ReadonlySet<Digest> | undefined
  return (digest) => {
    needed ??= collect()
    return needed.has(digest)
  }
}

function withHanging(digest: Digest, known: Known): Digest[] {
  const all = new Set([digest])
  for (const one of all) for (const referrer of known.referrers.get(one) ?? []) all.add(referrer)
  return [...all]
}
