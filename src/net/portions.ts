/** Numbers of places that all servers on one database share: each holds a part of them, and says when it has use for more. */
import { createSlots, type Slots } from './slots.ts'

/** What one process does with its part of a pool. */
export interface PortionUse {
  /** Of all processes together. */
  readonly total: number
  /** Held at the moment: given back only when it ends. */
  inUse(): number
  /** What there is use for at the moment, `inUse` included. */
  wanted(): number
  /** `limit` has grown. */
  onGrown(): void
}

export interface Portion {
  /** How many of the total this process may use at the moment; 0 once it has been asleep for longer than its lease. */
  readonly limit: number
  /** There is use for more than `limit`. */
  want(): void
}

export interface Portions {
  /** @param pool the name that all processes give it */
  of(pool: string, use: PortionUse): Portion
}

/** For a process that is alone: it has all of everything. */
export const wholePortions: Portions = { of: (_pool, { total }) => ({ limit: total, want: () => {} }) }

/** Places of a pool. @param bulkOf how many of so many `bulk` work may hold */
export function createSharedSlots(
  portions: Portions,
  pool: string,
  { total, bulkOf }: { readonly total: number; bulkOf(places: number): number },
): Slots {
  const portion = portions.of(pool, {
    total,
    inUse: () => slots.inUse,
    wanted: () => slots.wanted,
    onGrown: () => slots.grant(),
  })
  const slots = createSlots({
    get total() {
      return portion.limit
    },
    get bulk() {
      return bulkOf(portion.limit)
    },
    onWaiting: () => portion.want(),
  })
  return slots
}
