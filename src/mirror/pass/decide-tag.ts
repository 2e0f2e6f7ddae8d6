import type { MirrorTagRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'

/** One tag as it is here. `state` undefined: the mirror has never seen it. */
export interface TagState {
  /** Where it points in our repository; undefined: absent. */
  readonly local: Digest | undefined
  /** Where the mirror last put it; undefined: it never did. */
  readonly synced: Digest | undefined
  readonly state: MirrorTagRow['state'] | undefined
  /** What upstream had there in the last pass. */
  readonly upstream?: Digest | undefined
  /** Since when upstream no longer lists it. */
  readonly absentSince?: string | undefined
  /** People have accepted that it is gone. */
  readonly isAbsenceAccepted?: boolean | undefined
  /** Why a person keeps the mirror from it, whatever upstream has. */
  readonly excluded?: string | undefined
  /** Why a person keeps it where it is, though upstream may move on. */
  readonly pinned?: string | undefined
}

export type TagDecision =
  | { readonly action: 'move'; readonly expect: Digest | undefined; readonly reason: string }
  /** `isAdopted`: it points there already, but not by the mirror's doing. */
  | { readonly action: 'keep'; readonly isAdopted: boolean; readonly reason: string }
  | { readonly action: 'skip'; readonly state: 'excluded' | 'pinned' | 'diverged'; readonly reason: string }

/**
 * The three-way rule: upstream's digest, ours, and the one that the mirror last put there. A tag that people moved or deleted here
 * is theirs.
 */
export function decideTag(upstream: Digest, tag: TagState | undefined, excluded: ReadonlySet<Digest>): TagDecision {
  const { local, synced, excluded: reason, pinned } = tag ?? {}
  if (reason !== undefined) return skip('excluded', reason)
  if (pinned !== undefined) {
    const isSame = local === upstream
    return isSame
      ? { action: 'keep', isAdopted: false, reason: 'pinned where upstream has it' }
      : skip('pinned', pinned)
  }
  if (local === upstream) {
    const isAdopted = synced !== upstream
    return { action: 'keep', isAdopted, reason: isAdopted ? "points at upstream's digest already" : 'unchanged' }
  }
  if (excluded.has(upstream)) return skip('excluded', `${upstream} was deleted here`)
  if (local === undefined) {
    if (synced !== undefined) return skip('excluded', 'the tag was deleted here')
    return { action: 'move', expect: undefined, reason: 'new at upstream' }
  }
  if (local === synced) return { action: 'move', expect: local, reason: `moved at upstream from ${local}` }
  return skip('diverged', `points at ${local} here, which the mirror did not put there (it put ${synced ?? 'nothing'})`)
}

function skip(state: 'excluded' | 'pinned' | 'diverged', reason: string): TagDecision {
  return { action: 'skip', state, reason }
}
