/** What becomes of tags that upstream no longer lists: pure. */
import type { Digest } from '../../oci/digest.ts'
import { parseDigestTag, type Tag } from '../../oci/reference.ts'
import { whyTooMany } from './brake.ts'
import type { Inventory } from './inventory.ts'
import type { Known } from './known.ts'
import type { Policy } from './policy.ts'

export interface VanishedTag {
  readonly tag: Tag
  readonly local: Digest | undefined
  readonly absentSince: string
  readonly isAccepted: boolean
  /** It is untagged by this run; otherwise it stays. */
  readonly isUntagged: boolean
  readonly reason: string
}

/**
 * @returns `forgotten`: tags that upstream lost and the mirror never took; `refusal`: why the run may change nothing at all, as it would untag too much
 */
export function findVanished(
  inventory: Pick<Inventory, 'tags' | 'only' | 'listed' | 'referrersDown'>,
  known: Pick<Known, 'tags'>,
  policy: Policy,
  now: Date,
): { readonly tags: readonly VanishedTag[]; readonly forgotten: readonly Tag[]; readonly refusal: string | undefined } {
  const { only, listed, referrersDown } = inventory
  if (only !== undefined) return { tags: [], forgotten: [], refusal: undefined }
  const seen = new Set(inventory.tags.map((one) => one.tag))
  const tags: VanishedTag[] = []
  const forgotten: Tag[] = []
  let owned = 0
  let untagged = 0
  for (const [tag, state] of known.tags) {
    const { local, synced } = state
    const isOwned = local !== undefined && local === synced
    if (isOwned) owned++
    if (seen.has(tag) || listed.has(tag)) continue
    if (state.state === undefined || state.state === 'excluded' || state.excluded !== undefined) continue
    if (state.state === 'unselected') {
      forgotten.push(tag)
      continue
    }
    // It may be there that it is listed.
    if (referrersDown !== undefined && parseDigestTag(tag) !== undefined) continue
    const wasAbsent = state.state === 'absent'
    const absentSince = (wasAbsent ? state.absentSince : undefined) ?? now.toISOString()
    const isAccepted = policy.isShrinkAccepted || (wasAbsent && state.isAbsenceAccepted === true)
    const end = Date.parse(absentSince) + policy.graceMs
    const mayGo = policy.isUntagging && isOwned && state.pinned === undefined
    const isUntagged = mayGo && now.getTime() >= end
    if (isUntagged && !isAccepted) untagged++
    const until = mayGo && !isUntagged ? `: untagged from ${new Date(end).toISOString()} on` : ''
    const reason = `upstream no longer has the tag${until}`
    tags.push({ tag, local, absentSince, isAccepted, isUntagged, reason })
  }
  return { tags, forgotten, refusal: whyTooMany({ untagged, owned, percent: policy.brakePercent }) }
}
