/** What a copy has done, as the command line prints it by `--json`, and what it could not do. */
import type { RunFailure } from '../api/runs.ts'
import type { executePlan, TagResult } from '../mirror/pass/execute.ts'
import type { Inventory } from '../mirror/pass/inventory.ts'
import { inWordsOf } from '../mirror/pass/source-words.ts'
import type { SyncPlan } from '../mirror/pass/sync-plan.ts'
import { parseDigestTag, type Tag } from '../oci/reference.ts'
import { NO_TAG } from './source-view.ts'

export interface CopyCounts {
  readonly tagsMoved: number
  readonly tagsUnchanged: number
  /** Without those of `referrers`. */
  readonly manifests: number
  readonly referrers: number
  readonly blobs: number
  readonly mounted: number
  readonly readBytes: number
  readonly sentBytes: number
  readonly sourceRequests: number
  readonly targetRequests: number
  readonly failed: number
}

export interface CopiedTag {
  /** Null: it was copied by digest, to no tag. */
  readonly tag: string | null
  readonly digest: string
  /** Where it pointed before; null: nowhere. */
  readonly from: string | null
  readonly result: 'moved' | 'unchanged' | 'planned'
  /** The index that was asked for, where the target has the manifest of the platform in its place. */
  readonly insteadOf?: string
}

export interface CopyReport {
  readonly outcome: 'done' | 'partial' | 'failed'
  readonly source: string
  readonly target: string
  readonly dryRun: boolean
  readonly counts: CopyCounts
  /** Signatures and the like that hang on others by a tag are among them. */
  readonly tags: readonly CopiedTag[]
  readonly failures: readonly RunFailure[]
  /** What the source does not have, or the options leave out: copied without it. */
  readonly notes: readonly RunFailure[]
}

export interface PassResult {
  readonly tags: readonly CopiedTag[]
  readonly failures: readonly RunFailure[]
  readonly notes: readonly RunFailure[]
}

type Executed = Awaited<ReturnType<typeof executePlan>>

/** @param executed undefined: the plan was not carried out */
export function reportPass(o: {
  readonly inventory: Inventory
  readonly plan: SyncPlan
  /** As it was before. */
  readonly before: ReadonlyMap<Tag, string | undefined>
  readonly executed: Executed | undefined
  readonly insteadOf: ReadonlyMap<Tag, string>
}): PassResult {
  const { inventory, plan, executed } = o
  const failures = new Map<string, RunFailure>()
  const fail = (tag: string, failure: Omit<RunFailure, 'tag'>) => {
    if (!failures.has(tag))
      failures.set(tag, { tag: shownTag(tag), ...failure, message: inWordsOf('the source', failure.message) })
  }
  for (const { tag, digest, problem } of plan.tags) {
    if (problem !== undefined)
      fail(tag, { digest: problem.digest ?? digest ?? null, code: problem.code, message: problem.message })
  }
  for (const { work, problem } of executed?.failed ?? []) {
    for (const tag of work.tags) fail(tag, { digest: problem.digest, code: problem.code, message: problem.message })
  }
  for (const [tag, result] of executed?.tags ?? []) {
    const problem = problemOf(result)
    if (problem !== undefined) fail(tag, problem)
  }
  for (const { tag, why, reason } of plan.unmet) {
    const message = why === 'unlisted' ? `the source has no such tag` : reason
    fail(tag, { digest: null, code: why === 'unlisted' ? 'MANIFEST_UNKNOWN' : 'CONFLICT', message })
  }
  const { referrersDown } = inventory
  const down: RunFailure[] =
    referrersDown === undefined
      ? []
      : [
          {
            tag: null,
            digest: null,
            code: referrersDown.code,
            message: `referrers: ${inWordsOf('the source', referrersDown.message)}`,
          },
        ]
  const tags = plan.tags.flatMap(({ tag, digest, state }): CopiedTag[] => {
    const isMoved = state === 'pending'
    if (failures.has(tag) || digest === undefined || (!isMoved && state !== 'synced')) return []
    const from = o.before.get(tag) ?? null
    const result = !isMoved ? 'unchanged' : executed === undefined ? 'planned' : 'moved'
    const index = o.insteadOf.get(tag)
    return [{ tag: shownTag(tag), digest, from, result, ...(index === undefined ? {} : { insteadOf: index }) }]
  })
  return { tags, failures: [...failures.values(), ...down], notes: notesOf(inventory, executed) }
}

function shownTag(tag: string): string | null {
  return tag === NO_TAG ? null : tag
}

function problemOf({ state, reason, problem }: TagResult): Omit<RunFailure, 'tag'> | undefined {
  if (problem !== undefined) return { digest: problem.digest ?? null, code: problem.code, message: problem.message }
  if (state === 'synced') return undefined
  const moved = 'somebody else has moved the tag at the target meanwhile: it stays where it is'
  return { digest: null, code: 'CONFLICT', message: reason ?? (state === 'diverged' ? moved : `the tag is ${state}`) }
}

/** Parts that registries may leave out, and entries of indexes that the source does not have: the digest stays what it is. */
function notesOf(inventory: Inventory, executed: Executed | undefined): RunFailure[] {
  return [...inventory.absent, ...(executed?.leftOut ?? [])].map(([digest, { parents }]): RunFailure => {
    const [parent] = parents
    const message = `${parent} lists it, the source does not have it: copied without it`
    return { tag: null, digest, code: 'MANIFEST_UNKNOWN', message }
  })
}

export function outcomeOf({ tags, failures }: Pick<PassResult, 'tags' | 'failures'>): CopyReport['outcome'] {
  if (failures.length === 0) return 'done'
  const isImage = ({ tag }: CopiedTag) => tag === null || parseDigestTag(tag) === undefined
  return tags.some(isImage) ? 'partial' : 'failed'
}
