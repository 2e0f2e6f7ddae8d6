/** Which moves of a bundle's history are still to be made at a destination. Pure. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { BundleManifest } from './bundle-manifest.ts'

/** Null: the tag is not there. */
type Place = Digest | null

export interface DestinationTags {
  readonly tags: ReadonlyMap<string, Digest>
  /** Oldest first. */
  readonly history: readonly { readonly tag: string; readonly from: string | null; readonly to: string | null }[]
  /** Whether nobody may move the tag there once it points somewhere. */
  isImmutable(tag: Tag): boolean
}

export interface PlannedMove {
  readonly tag: Tag
  readonly from: Place
  readonly to: Place
  /** No other move of the tag comes after it. */
  readonly isLast: boolean
}

export interface TagConflict {
  readonly tag: Tag
  readonly found: Place
  readonly want: Place
}

export interface MovePlan {
  /** In the order in which they happened; those of one tag follow upon each other. */
  readonly moves: readonly PlannedMove[]
  readonly conflicts: readonly TagConflict[]
  /** Tags that are where the bundle has them, and have been everywhere that can still be told. */
  readonly unchanged: readonly Tag[]
  /** Places in the past whose content was gone when the bundle was made. */
  readonly skipped: number
}

interface Step {
  readonly to: Place
  readonly order: number
}

/**
 * Compares the history of each tag in the bundle with the one at the destination. Where the tag has gone the way of the bundle so far, it
 * goes on from there; where somebody else has moved it last, it is in conflict.
 * @param o.has whether the bundle lists a manifest @param o.isForced conflicts are moved to where the bundle has them
 */
export function planMoves(
  bundle: Pick<BundleManifest, 'tags' | 'history'>,
  destination: DestinationTags,
  o: { has(digest: Digest): boolean; readonly isForced: boolean },
): MovePlan {
  const there = groupBy(destination.history)
  const ordered: (PlannedMove & { readonly order: number })[] = []
  const conflicts: TagConflict[] = []
  const unchanged: Tag[] = []
  let skipped = 0
  for (const [tag, line] of linesOf(bundle)) {
    const current = destination.tags.get(tag) ?? null
    const end = line.at(-1)
    if (end === undefined) continue
    const done = placesOf(there.get(tag) ?? [], current)
    const at = followLine(line, done)
    if (at === undefined && current !== end.to && !o.isForced) {
      conflicts.push({ tag, found: current, want: end.to })
      continue
    }
    const rest = at === undefined ? [end] : line.slice(at + 1)
    const possible = rest.filter(({ to }) => to === null || o.has(to))
    skipped += rest.length - possible.length
    const wanted = destination.isImmutable(tag) ? possible.slice(-1) : possible
    const steps = withoutStandstill(wanted, current)
    let from = current
    for (const { to, order } of steps) {
      ordered.push({ tag, from, to, isLast: order === steps.at(-1)?.order, order })
      from = to
    }
    if (steps.length === 0) unchanged.push(tag)
  }
  ordered.sort((a, b) => a.order - b.order)
  const moves = ordered.map(({ tag, from, to, isLast }) => ({ tag, from, to, isLast }))
  return { moves, conflicts, unchanged, skipped }
}

/** All places of each tag, with where its history begins; a tag without history is where it is. */
function linesOf({ tags, history }: Pick<BundleManifest, 'tags' | 'history'>): Map<Tag, Step[]> {
  const lines = new Map<Tag, Step[]>()
  for (const [i, { tag, from, to }] of history.entries()) {
    const line = lines.get(tag as Tag) ?? []
    if (line.length === 0) {
      lines.set(tag as Tag, line)
      if (from !== null) line.push({ to: from as Digest, order: i })
    }
    line.push({ to: to as Place, order: i + 0.5 })
  }
  for (const { tag, digest } of tags) {
    if (!lines.has(tag as Tag)) lines.set(tag as Tag, [{ to: digest as Digest, order: history.length }])
  }
  return lines
}

function groupBy(history: DestinationTags['history']): Map<string, DestinationTags['history'][number][]> {
  const groups = new Map<string, DestinationTags['history'][number][]>()
  for (const move of history) {
    const group = groups.get(move.tag)
    if (group === undefined) groups.set(move.tag, [move])
    else group.push(move)
  }
  return groups
}

/** Where the tag has been at the destination, up to now; empty: it was never there. */
function placesOf(moves: DestinationTags['history'], current: Place): Place[] {
  const places: Place[] = []
  const [first] = moves
  if (first !== undefined && first.from !== null) places.push(first.from as Digest)
  for (const { to } of moves) places.push(to as Place)
  if (places.length === 0 ? current !== null : places.at(-1) !== current) places.push(current)
  return places
}

/**
 * How far along the line the tag has come: -1 where it was never there. What others did in between does not count once it is back on the
 * line. Undefined: it has left it.
 */
function followLine(line: readonly Step[], places: readonly Place[]): number | undefined {
  let at = -1
  let isOnLine = true
  for (const place of places) {
    let next = at + 1
    while (next < line.length && line[next]?.to !== place) next++
    const isAhead = next < line.length
    isOnLine = isAhead || (at !== -1 && line[at]?.to === place)
    if (isAhead) at = next
  }
  return isOnLine ? at : undefined
}

/** A move to where a tag is already is none. */
function withoutStandstill(steps: readonly Step[], current: Place): Step[] {
  let at = current
  return steps.filter(({ to }) => {
    const isMove = to !== at
    at = to
    return isMove
  })
}
