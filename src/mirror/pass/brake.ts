/** When a pass goes by what upstream lists, and when it rather believes that upstream has lost something: pure. */

/** Fewer tags than this may always go: small repositories change as a whole. */
const LEAST_LOST = 10
const LEAST_UNTAGGED = 5

/**
 * Why nothing may be changed: upstream lists nothing, or fewer than half of what it listed before and at least ten fewer.
 * @param before undefined: it never listed any that a pass could go by
 */
export function whyShrunk(o: { readonly before: number | undefined; readonly listed: number }): string | undefined {
  const { before = 0, listed } = o
  if (listed >= before) return undefined
  const lists = listed === 0 ? 'lists no tags' : `lists ${listed} ${listed === 1 ? 'tag' : 'tags'}`
  const isShrunk = listed === 0 || (listed * 2 < before && before - listed >= LEAST_LOST)
  return isShrunk ? `upstream ${lists}, and it listed ${before} before: nothing was changed` : undefined
}

/** Why nothing may be changed: more than five tags, and more than the given share of the mirror's, would be untagged at once. */
export function whyTooMany(o: {
  readonly untagged: number
  /** Tags that the mirror has here, with those that would go. */
  readonly owned: number
  readonly percent: number
}): string | undefined {
  const { untagged, owned, percent } = o
  if (untagged <= LEAST_UNTAGGED || untagged * 100 <= owned * percent) return undefined
  return `upstream has lost ${untagged} of the ${owned} tags that are here, more than ${percent} % at once: nothing was changed`
}

/**
 * The same for attestations: more than five, and more than the given share, would be unlinked at once; or none is listed any more.
 * @param o.listed how many the lists name that were answered
 */
export function whyTooManyReferrers(o: {
  readonly unlinked: number
  readonly owned: number
  readonly listed: number
  readonly percent: number
}): string | undefined {
  const { unlinked, owned, listed, percent } = o
  if (unlinked === 0) return undefined
  if (listed === 0) return `upstream lists no attestations, and ${owned} are here: nothing was changed`
  if (unlinked <= LEAST_UNTAGGED || unlinked * 100 <= owned * percent) return undefined
  return `upstream no longer lists ${unlinked} of the ${owned} attestations that are here, more than ${percent} % at once: nothing was changed`
}
