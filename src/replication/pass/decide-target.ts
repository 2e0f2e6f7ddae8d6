/** What becomes of one tag at the target: pure. */
import type { ReplicationTagRow } from '../../db/schema.ts'
import type { TagDecision } from '../../mirror/pass/decide-tag.ts'
import type { Digest } from '../../oci/digest.ts'

/** Where the target has a tag now; `asked` false: nobody asked, and it is taken to be where we left it. */
export interface Head {
  readonly asked: boolean
  readonly digest: Digest | undefined
}

export type TargetDecision = TagDecision & {
  /** It is other than we left it. */
  readonly isDrift: boolean
  /** Where it is there is our doing. */
  readonly isOurs: boolean
}

/**
 * The three-way rule, the other way: our digest, the target's, and where we last put it. A tag that somebody moved or deleted there is told, or
 * brought back where people want that. What is deleted there and has moved on here comes anew: it overwrites nobody's work.
 */
export function decideTarget(
  local: Digest,
  row: Pick<ReplicationTagRow, 'synced_digest' | 'local_digest' | 'state'> | undefined,
  head: Head,
  drift: 'repair' | 'report',
): TargetDecision {
  const synced = (row?.synced_digest ?? undefined) as Digest | undefined
  // A run that ended between the two had put it there, and could not write that down.
  const begun =
    row?.state === 'pending' || row?.state === 'failed'
      ? ((row.local_digest ?? undefined) as Digest | undefined)
      : undefined
  const there = head.asked ? head.digest : synced
  const isOurs = there !== undefined && (there === synced || there === begun)
  if (there === local) {
    const reason = isOurs ? 'unchanged' : 'the target has it there already'
    return { action: 'keep', isAdopted: synced !== local, reason, isDrift: false, isOurs }
  }
  if (there === undefined) {
    const isDeleted = synced !== undefined && head.asked
    if (isDeleted && synced === local && drift === 'report') {
      return skip(`the tag was deleted at the target; it was at ${synced}`)
    }
    const reason = isDeleted ? 'deleted at the target' : 'not at the target'
    return { action: 'move', expect: undefined, reason, isDrift: isDeleted && synced === local, isOurs: false }
  }
  if (isOurs) {
    return { action: 'move', expect: there, reason: `moved here from ${there}`, isDrift: false, isOurs }
  }
  const words = `points at ${there} at the target, where we did not put it (we put ${synced ?? 'nothing'})`
  if (drift === 'report') return skip(words)
  return { action: 'move', expect: there, reason: words, isDrift: true, isOurs }
}

function skip(reason: string): TargetDecision {
  return { action: 'skip', state: 'diverged', reason, isDrift: true, isOurs: false }
}
