/** What a run leaves behind: its failures, the state of each tag, the referrer lists that the next pass may rely on. */
import type { RunFailure } from '../../api/runs.ts'
import type { Facts } from '../../db/mirrors/mirror-facts.ts'
import type { RunItem } from '../../db/mirrors/run-items.ts'
import type { MirrorHoldRow, MirrorSubjectRow, MirrorTagRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { closureOf } from './closure.ts'
import type { executePlan } from './execute.ts'
import type { Inventory } from './inventory.ts'
import type { Known, Origin } from './known.ts'
import type { Policy } from './policy.ts'
import type { Problem } from './problem.ts'
import type { PlannedTag, RootWork, SyncPlan, UnmetTag } from './sync-plan.ts'

const MAX_FAILURES = 500
const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

export interface RunResult {
  readonly inventory: Inventory
  readonly plan: SyncPlan
  readonly executed: Awaited<ReturnType<typeof executePlan>>
}

export interface RunReport {
  readonly outcome: 'done' | 'partial' | 'failed'
  /** For people, when tags failed that nobody keeps away. */
  readonly reason: string | null
  readonly failures: readonly RunFailure[]
  /** What was done beside moving tags, and what was not. */
  readonly items: readonly RunItem[]
  /** The totals of the plan. */
  readonly planned: Readonly<Record<string, number>>
  readonly failedTags: number
  /** What the first refusal for want of room said. */
  readonly overQuota: string | undefined
  readonly excludedTags: number
  readonly divergedTags: number
  readonly pinnedTags: number
  readonly heldTags: number
  /** How many tags upstream lists; undefined: nobody asked. */
  readonly listedTags: number | undefined
  readonly holds: readonly MirrorHoldRow[]
  /** When the first digest that waits need not wait any longer. */
  readonly holdUntil: Date | undefined
  readonly tags: readonly MirrorTagRow[]
  readonly subjects: readonly MirrorSubjectRow[]
  readonly learned: ReadonlyMap<Digest, Facts>
  /** Digests of which nothing has to be known any more. */
  readonly outlived: readonly Digest[]
  readonly forgotten: readonly Tag[]
  /** Something that is served already still lacks a part that only a full pass asks for. */
  readonly isOwed: boolean
}

export function reportRun(
  { inventory, plan, executed }: RunResult,
  o: {
    readonly mirrorId: string
    /** Its destination, for the lines that people copy. */
    readonly repository: string
    readonly keys: Readonly<Record<Origin, string>>
    readonly known: Known
    readonly isFull: boolean
    readonly policy: Policy
    readonly now: string
  },
): RunReport {
  const failures = new Map<string, RunFailure>()
  const fail = (tag: string, digest: Digest | undefined, problem: Problem, lasts = isLasting(problem)) => {
    if (failures.has(tag)) return
    const without = `; to publish without them: kagami mirror change ${o.repository} --without-referrers publish`
    const exclude = `; to do without it: kagami tag exclude ${o.repository} ${tag}`
    const accept = problem.isOfReferrers ? without : lasts ? exclude : ''
    failures.set(tag, { tag, digest: digest ?? null, code: problem.code, message: problem.message + accept })
  }
  for (const one of plan.tags)
    if (one.problem !== undefined) fail(one.tag, one.problem.digest ?? one.digest, one.problem)
  for (const { work, problem } of executed.failed) for (const tag of work.tags) fail(tag, problem.digest, problem)
  for (const [tag, result] of executed.tags) {
    // What is left is what the repository's own rules refuse, run after run.
    if (result.problem !== undefined) fail(tag, result.problem.digest, result.problem, true)
  }
  const held = failures.size
  const [first] = failures.values()
  const { referrersDown } = inventory
  const isHeldDown = referrersDown !== undefined && !o.policy.isPublishedWithout
  for (const one of plan.unmet) fail(one.tag, undefined, unmetProblem(one, o.repository), false)

  const failedWorks = new Set(executed.failed.map((one) => one.work))
  const published = publishedNow(inventory, plan, failedWorks)
  const tags = tagRows(plan.tags, o.mirrorId, o.now).flatMap((row): MirrorTagRow[] => {
    const { state, reason } = executed.tags.get(row.tag as Tag) ?? {}
    if (state === 'untagged') return []
    return [state === undefined ? row : { ...row, state, reason: reason ?? row.reason }]
  })
  // One code and one note for each, by a parent that is served, for whatever was published without.
  const notes = [...inventory.absent, ...executed.leftOut].flatMap(([digest, { parents }]): RunFailure[] => {
    const parent = [...parents].find((one) => published.tagOf.has(one))
    const tag = parent && published.tagOf.get(parent)
    if (tag === undefined) return []
    const message = `${parent} lists it, upstream does not have it: published without it`
    return [{ tag, digest, code: 'MANIFEST_UNKNOWN', message }]
  })
  notes.push(...leftOutOf(inventory), ...withoutOf(inventory, plan, failedWorks), ...heldOf(plan))
  const down: RunFailure[] =
    referrersDown === undefined
      ? []
      : [{ tag: null, digest: null, code: referrersDown.code, message: `referrers: ${referrersDown.message}` }]
  const followed = tags.filter(({ state }) => state !== 'unselected' && state !== 'retained').length
  const isAnyGood = tags.some((tag) => tag.state === 'synced')
  const outcome = failures.size === 0 && !isHeldDown ? 'done' : isAnyGood ? 'partial' : 'failed'
  const reason = first === undefined ? null : `${held} of ${followed} tags failed, ${first.tag}: ${first.message}`
  return {
    outcome,
    reason: reason ?? (isHeldDown ? (down[0]?.message ?? null) : null),
    failures: [...failures.values(), ...down, ...notes].slice(0, MAX_FAILURES),
    items: [
      ...[...failures.values()].map((one): RunItem => ({ action: 'failed', ...one })),
      ...publishedLate(plan, failedWorks),
      ...tags.flatMap(divergedItem),
      ...notes.map((one): RunItem => ({ action: 'left-out', ...one })),
    ],
    planned: plan.totals,
    failedTags: failures.size,
    heldTags: tags.filter((tag) => tag.state === 'held').length,
    listedTags: inventory.listedTags,
    holds: holdRows(plan, o.mirrorId),
    holdUntil: plan.holdUntil,
    overQuota: executed.failed.find(({ problem }) => problem.isOverQuota)?.problem.message,
    excludedTags: plan.excluded.length + tags.filter((tag) => tag.state === 'excluded').length,
    divergedTags: tags.filter((tag) => tag.state === 'diverged').length,
    pinnedTags: tags.filter((tag) => tag.state === 'pinned').length,
    tags,
    subjects: reliableLists(inventory, published.digests, o),
    learned: inventory.learned,
    // What could not be read may have led to them.
    outlived: outcome === 'done' && down.length === 0 && inventory.problems.size === 0 ? inventory.outlived : [],
    forgotten: plan.forgotten,
    isOwed: executed.failed.some(
      ({ work, problem }) =>
        inventory.nodes.get(work.root.digest)?.here === 'published' &&
        inventory.nodes.get(problem.digest)?.isAttached !== true,
    ),
  }
}

/** Roots that tags point at already, and that something was published for: attestations that came later. */
function publishedLate(plan: SyncPlan, failed: ReadonlySet<RootWork>): RunItem[] {
  return plan.works.flatMap((work): RunItem[] => {
    if (failed.has(work) || work.moves.length > 0) return []
    const others = work.roots.length - 1
    const message = `${others} ${others === 1 ? 'manifest was' : 'manifests were'} attached later`
    return [{ action: 'published', tag: work.tags[0] ?? null, digest: work.root.digest, code: null, message }]
  })
}

function divergedItem({ tag, upstream_digest: digest, state, reason }: MirrorTagRow): RunItem[] {
  return state === 'diverged' ? [{ action: 'diverged', tag, digest, code: null, message: reason ?? '' }] : []
}

/** Reasons that do not pass by themselves: the content is as it is. What can be accepted must be told apart from what will pass. */
const LASTING: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_TOO_LARGE',
  'MANIFEST_UNKNOWN',
  'SIZE_INVALID',
  'UPSTREAM_INVALID',
  'UPSTREAM_NOT_FOUND',
  'UPSTREAM_UNSUPPORTED',
])

function isLasting({ code }: Problem): boolean {
  return LASTING.has(code)
}

function unmetProblem({ tag, why, reason }: UnmetTag, repository: string): Problem {
  if (why === 'unlisted') return { code: 'MANIFEST_UNKNOWN', message: reason }
  if (why === 'unselected')
    return {
      code: 'CONFLICT',
      message: `${reason}; to take it, change the selection: kagami mirror change ${repository}`,
    }
  const release = {
    excluded: `; to bring it back: kagami tag release ${repository} ${tag}`,
    pinned: `; to let the mirror move it again: kagami tag release ${repository} ${tag}`,
    diverged: `; to take what upstream has: kagami tag release ${repository} ${tag} --take-upstream`,
  }[why]
  return { code: 'CONFLICT', message: `${why} here: ${reason}${release}` }
}

/** What referrer lists name and cannot be had, each with a tag that it would belong to. */
function leftOutOf(inventory: Inventory): RunFailure[] {
  const lists = inventory.lists.filter((list) => list.leftOut.length > 0)
  if (lists.length === 0) return []
  const tagOf = new Map<Digest, string>()
  const roots = new Set<Digest>()
  for (const { tag, seen } of inventory.tags) {
    if (!('descriptor' in seen) || roots.has(seen.descriptor.digest)) continue
    roots.add(seen.descriptor.digest)
    for (const digest of closureOf(inventory, [seen.descriptor]).digests) if (!tagOf.has(digest)) tagOf.set(digest, tag)
  }
  return lists.flatMap(({ subject, leftOut }) =>
    leftOut.map(({ digest, code, message }) => ({
      tag: tagOf.get(subject) ?? null,
      digest: digest ?? null,
      code,
      message: `listed as a referrer of ${subject}, left out: ${message}`,
    })),
  )
}

/** What is published now though not all that hangs on it could be listed or read, once for each root. */
function withoutOf(inventory: Inventory, plan: SyncPlan, failed: ReadonlySet<RootWork>): RunFailure[] {
  if (inventory.without.size === 0) return []
  return plan.works.flatMap((work): RunFailure[] => {
    if (failed.has(work) || work.moves.length === 0) return []
    const lacking = closureOf(inventory, work.roots).digests.find((digest) => inventory.without.has(digest))
    const problem = lacking && inventory.without.get(lacking)
    if (problem === undefined) return []
    const message = `published without all of its attestations, which come later: ${problem.message}`
    return [{ tag: work.tags[0] ?? null, digest: work.root.digest, code: problem.code, message }]
  })
}

/** What waits for its attestations is no failure, and yet not here. */
function heldOf(plan: SyncPlan): RunFailure[] {
  return plan.tags.flatMap(({ tag, digest, state, reason, problem }) =>
    state !== 'held' || problem !== undefined
      ? []
      : [{ tag, digest: digest ?? null, code: 'HELD', message: reason ?? 'held' }],
  )
}

/** The new digests of a plan as rows. */
export function holdRows(plan: SyncPlan, mirrorId: string): MirrorHoldRow[] {
  return [...plan.holds].map(([digest, { heldSince, changedAt, fingerprint }]) => ({
    mirror_id: mirrorId,
    digest,
    held_since: heldSince,
    changed_at: changedAt,
    fingerprint,
  }))
}

/** The tags of a plan as rows, in the state that the plan gives them. */
export function tagRows(tags: readonly PlannedTag[], mirrorId: string, now: string): MirrorTagRow[] {
  return tags.map(({ tag, digest, state, reason, absentSince, isAbsenceAccepted }) => ({
    mirror_id: mirrorId,
    tag,
    head_digest: digest ?? null,
    upstream_digest: digest ?? null,
    synced_digest: null,
    state,
    reason: reason ?? null,
    checked_at: now,
    absent_since: absentSince ?? null,
    absent_accepted: isAbsenceAccepted ? 1 : 0,
  }))
}

function publishedNow(inventory: Inventory, plan: SyncPlan, failed: ReadonlySet<RootWork>) {
  const digests = new Set<Digest>()
  const tagOf = new Map<Digest, string>()
  for (const work of plan.works) {
    if (failed.has(work)) continue
    for (const digest of closureOf(inventory, work.roots).digests) {
      digests.add(digest)
      const [tag] = work.tags
      if (tag !== undefined && !tagOf.has(digest)) tagOf.set(digest, tag)
    }
  }
  return { digests, tagOf }
}

/** A list counts as known only when all its items are served here (or cannot be had, or were deleted here by people). */
function reliableLists(
  inventory: Inventory,
  publishedNow: ReadonlySet<Digest>,
  o: {
    readonly mirrorId: string
    readonly keys: Readonly<Record<Origin, string>>
    readonly known: Known
    readonly isFull: boolean
    readonly policy: Policy
    readonly now: string
  },
): MirrorSubjectRow[] {
  const wasServed = (digest: Digest) =>
    o.known.manifests.get(digest)?.isPublished === true ||
    inventory.absent.has(digest) ||
    inventory.unchosen.has(digest) ||
    o.known.excluded.has(digest)
  const isServed = (digest: Digest) => publishedNow.has(digest) || wasServed(digest)
  const ageOf = (time: string) => Date.parse(o.now) - Date.parse(time)
  return inventory.lists.flatMap((list): MirrorSubjectRow[] => {
    const before = o.known.lists[list.origin].get(list.subject)
    const isChanged = before === undefined || !list.items.every(wasServed)
    // Those that are asked for in turn have to remember when it was their turn.
    const isInTurn = before !== undefined && o.policy.recheckMs > 0 && ageOf(before.changedAt) >= DAY_MS
    const isFresh = before !== undefined && ageOf(before.listedAt) < HOUR_MS && !isInTurn
    if (isFresh && !o.isFull && !isChanged && before.version === list.version) return []
    // Named again by each run, and mirrored once it can be had.
    if (list.leftOut.length > 0) return []
    if (!isServed(list.subject) || !list.items.every(isServed)) return []
    return [
      {
        mirror_id: o.mirrorId,
        source: list.origin,
        subject_digest: list.subject,
        version: list.version ?? null,
        listed_at: o.now,
        listed_from: o.keys[list.origin],
        changed_at: isChanged ? o.now : before.changedAt,
      },
    ]
  })
}
