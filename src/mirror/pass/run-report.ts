/** What a run leaves behind: its failures, the state of each tag, the referrer lists that the next pass may rely on. */
import type { RunFailure } from '../../api/runs.ts'
import type { Facts } from '../../db/mirrors/mirror-facts.ts'
import type { RunItem } from '../../db/mirrors/run-items.ts'
import type { MirrorHoldRow, MirrorSubjectRow, MirrorTagRow, MirrorUnlistedRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { closureOf } from './closure.ts'
import type { executePlan } from './execute.ts'
import type { Inventory } from './inventory.ts'
import type { Problem } from './problem.ts'
import {
  divergedItem,
  heldOf,
  isLasting,
  leftOutOf,
  publishedLate,
  unlinkedItems,
  unmetProblem,
  withoutOf,
} from './run-notes.ts'
import { holdRows, type PassFacts, reliableLists, tagRows, unlistedRows } from './run-rows.ts'
import type { RootWork, SyncPlan } from './sync-plan.ts'

const MAX_FAILURES = 500

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
  /** Referrers that upstream has ceased to list, and those that it lists again. */
  readonly unlisted: { readonly rows: readonly MirrorUnlistedRow[]; readonly listed: readonly Digest[] }
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

interface ReportOptions extends PassFacts {
  /** Its destination, for the lines that people copy. */
  readonly repository: string
}

export function reportRun({ inventory, plan, executed }: RunResult, o: ReportOptions): RunReport {
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
      ...unlinkedItems(plan, executed.unlinked),
      ...tags.flatMap(divergedItem),
      ...notes.map((one): RunItem => ({ action: 'left-out', ...one })),
    ],
    planned: plan.totals,
    failedTags: failures.size,
    heldTags: tags.filter((tag) => tag.state === 'held').length,
    listedTags: inventory.listedTags,
    holds: holdRows(plan, o.mirrorId),
    unlisted: {
      rows: unlistedRows(plan, o.mirrorId, executed.unlinked),
      listed: plan.unlisted.listed,
    },
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
