/** Orders of tags, as the address names them: `moved`, or `-moved` for the other way round. */
import type { Tag } from '../../api/tags.ts'

export const SORTS = ['name', 'size', 'attestations', 'moved', 'pulled'] as const
export type Sort = (typeof SORTS)[number]

export interface Order {
  readonly by: Sort
  readonly isDown: boolean
}

export const DEFAULT_ORDER: Order = { by: 'name', isDown: false }

export function parseOrder(text: string | undefined): Order {
  const by = SORTS.find((one) => one === text?.replace(/^-/, ''))
  return by === undefined ? DEFAULT_ORDER : { by, isDown: text?.startsWith('-') === true }
}

/** @returns undefined: the order without which there is none */
export function formatOrder({ by, isDown }: Order): string | undefined {
  return by === DEFAULT_ORDER.by && !isDown ? undefined : `${isDown ? '-' : ''}${by}`
}

/** When a tag was pulled last; undefined: never, or not told. */
export function pulledAt(tag: Tag): string | undefined {
  const { lastPulledAt } = tag as Tag & { readonly lastPulledAt?: string | null }
  return lastPulledAt ?? undefined
}

/** As people count: `3.9` before `3.13`. */
const byName = new Intl.Collator('en', { numeric: true })

const compare: Readonly<Record<Sort, (a: Tag, b: Tag) => number>> = {
  name: (a, b) => byName.compare(a.name, b.name),
  size: (a, b) => a.sizeBytes - b.sizeBytes,
  attestations: (a, b) => a.attested.length - b.attested.length || a.referrers - b.referrers,
  moved: (a, b) => byText(a.movedAt, b.movedAt),
  pulled: (a, b) => byText(pulledAt(a) ?? '', pulledAt(b) ?? ''),
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function sorted(tags: readonly Tag[], { by, isDown }: Order): readonly Tag[] {
  const inOrder = tags.toSorted((a, b) => compare[by](a, b) || byText(a.name, b.name))
  return isDown ? inOrder.reverse() : inOrder
}
