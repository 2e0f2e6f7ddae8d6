import { cancelledBy } from '../lib/abort.ts'

/** `bulk` is for blobs, whose bodies last; `small` for everything else, which must not queue behind them. */
export type Lane = 'small' | 'bulk'

/** A part of the places: all who name the same `key` hold at most `most` of them together. */
export interface Share {
  readonly key: string
  /** Read anew each time, as the limits of the slots are. */
  readonly most: number
  /** Of these, what `bulk` work may hold; a part of them when left out. */
  readonly bulk?: number
}

/** How one who waits stands among the others of its share. */
export interface Standing {
  /** Lower ones first; a function is asked anew each time, for what waits may become urgent. */
  readonly rank?: number | (() => number) | undefined
  /** Key of a share: of equals the one goes first whose share holds fewest, then the one that was served longest ago. */
  readonly among?: string | undefined
  /** For `ahead`. */
  readonly name?: string
}

/**
 * A counted number of places. A free one goes to whoever's first share holds fewest, then to the share that was served longest ago,
 * then by rank, then in order of asking; small before bulk.
 */
export interface Slots {
  /**
   * Resolves to the function that gives the place back (safe to call twice).
   * @param shares the place counts in each of them; the first is the one that fairness is between
   * @throws AppError CANCELLED when `signal` ends the wait
   */
  acquire(lane: Lane, signal?: AbortSignal, shares?: readonly Share[], standing?: Standing): Promise<() => void>
  /** How many who wait come before the one of this name, were places given back one by one; undefined: it does not wait. */
  ahead(name: string): number | undefined
  readonly inUse: number
  /** Places in use, and those that somebody waits for. */
  readonly wanted: number
  /** How many there are at the moment. */
  readonly total: number
  /** Of one share. */
  inUseOf(key: string): number
  /** There are more places than before: gives them to those who wait. */
  grant(): void
}

/** Read anew each time: the number of places may change. One that falls takes no place from who has it. */
export interface SlotLimits {
  readonly total: number
  /** Of these, what `bulk` work may hold. */
  readonly bulk: number
  /** Somebody has to wait. */
  onWaiting?(): void
}

/** Of any places, total or shared, `bulk` work holds at most this part, so that small work always finds a free one soon. */
const BULK_PART = 0.75

export function bulkOf(places: number): number {
  return Math.max(1, Math.floor(places * BULK_PART))
}

type Count = Record<Lane, number>

const NONE: Readonly<Count> = { small: 0, bulk: 0 }

interface Waiting {
  readonly lane: Lane
  readonly shares: readonly Share[]
  readonly standing: Standing
  /** In the order of asking. */
  readonly number: number
  grant(): void
}

/** Those between whom nothing but the order of asking decides: only the first of each is looked at when a place is free. */
interface Line {
  readonly key: string
  readonly ones: Set<Waiting>
}

/** A rank that may change is its own. */
function lineOf({ shares, standing: { rank = 0, among }, number }: Waiting): string {
  const keys = shares.map(({ key }) => key)
  return [...keys, among ?? '', typeof rank === 'number' ? rank : `its own ${number}`].join('\n')
}

/** `total` places, of which `bulk` work may hold at most `bulk`. */
export function createSlots(limits: SlotLimits): Slots {
  const used: Count = { small: 0, bulk: 0 }
  const usedOf = new Map<string, Count>()
  const waiting: Record<Lane, Map<string, Line>> = { small: new Map(), bulk: new Map() }
  let inLine = 0
  let asked = 0
  /** When the waiting shares were last served, in numbers of places given; those for whom nobody waits are forgotten. */
  const servedAt = new Map<string, number>()
  let served = 0

  const fits = (count: Count, lane: Lane, most: number, mostBulk: number) =>
    count.small + count.bulk < most && (lane === 'small' || count.bulk < mostBulk)
  const hasRoom = (lane: Lane) => fits(used, lane, limits.total, limits.bulk)
  const isInShares = (lane: Lane, shares: readonly Share[]) =>
    shares.every(({ key, most, bulk = bulkOf(most) }) => fits(usedOf.get(key) ?? NONE, lane, most, bulk))
  const inUseOf = (key: string) => {
    const count = usedOf.get(key)
    return count === undefined ? 0 : count.small + count.bulk
  }
  const heldBy = ({ shares }: Waiting) => inUseOf(shares[0]?.key ?? '')
  const lastServed = ({ shares }: Waiting) => servedAt.get(shares[0]?.key ?? '') ?? 0
  const rankOf = ({ standing: { rank = 0 } }: Waiting) => (typeof rank === 'number' ? rank : rank())
  const among = ({ standing: { among: a } }: Waiting, { standing: { among: b } }: Waiting) =>
    a === undefined || b === undefined || a === b
      ? 0
      : inUseOf(a) - inUseOf(b) || (servedAt.get(a) ?? 0) - (servedAt.get(b) ?? 0)
  const isBefore = (a: Waiting, b: Waiting) =>
    heldBy(a) - heldBy(b) ||
    lastServed(a) - lastServed(b) ||
    rankOf(a) - rankOf(b) ||
    among(a, b) ||
    a.number - b.number

  function enter(one: Waiting): void {
    const lines = waiting[one.lane]
    const key = lineOf(one)
    const line = lines.get(key) ?? { key, ones: new Set() }
    lines.set(key, line)
    line.ones.add(one)
    inLine++
  }

  function leave(one: Waiting): void {
    const lines = waiting[one.lane]
    const line = lines.get(lineOf(one))
    if (line?.ones.delete(one) !== true) return
    inLine--
    if (line.ones.size === 0) lines.delete(line.key)
  }

  function take(lane: Lane, shares: readonly Share[], standing: Standing): () => void {
    used[lane]++
    if (inLine === 0) servedAt.clear()
    servedAt.set(shares[0]?.key ?? '', ++served)
    if (standing.among !== undefined) servedAt.set(standing.among, served)
    for (const { key } of shares) {
      const count = usedOf.get(key) ?? { small: 0, bulk: 0 }
      count[lane]++
      usedOf.set(key, count)
    }
    let held = true
    return () => {
      if (!held) return
      held = false
      used[lane]--
      for (const { key } of shares) {
        const count = usedOf.get(key)
        if (count !== undefined && --count[lane] + count[lane === 'small' ? 'bulk' : 'small'] === 0) usedOf.delete(key)
      }
      grant()
    }
  }

  function grant(): void {
    for (let next = findNext(); next !== undefined; next = findNext()) next.grant()
  }

  /** Afterwards nobody waits for whom there is a place: a newcomer that finds one takes it from nobody. */
  function findNext(): Waiting | undefined {
    for (const lane of ['small', 'bulk'] as const) {
      let best: Waiting | undefined
      if (waiting[lane].size > 0 && hasRoom(lane)) {
        for (const { ones } of waiting[lane].values()) {
          const [one] = ones
          if (one === undefined || (best !== undefined && isBefore(one, best) > 0)) continue
          if (isInShares(lane, one.shares)) best = one
        }
      }
      if (best !== undefined) return best
    }
    return undefined
  }

  return {
    get inUse() {
      return used.small + used.bulk
    },
    get wanted() {
      return used.small + used.bulk + inLine
    },
    get total() {
      return limits.total
    },
    inUseOf,
    grant,
    ahead(name) {
      const inOrder = (lane: Lane) =>
        [...waiting[lane].values()].flatMap(({ ones }) => [...ones]).sort((a, b) => a.number - b.number)
      const all = [...inOrder('small'), ...inOrder('bulk')]
      const mine = all.findIndex((one) => one.standing.name === name)
      const me = all[mine]
      if (me === undefined) return undefined
      const keyOf = ({ shares }: Waiting) => shares[0]?.key ?? ''
      // Within my share all of a better standing come first; of each other share as many as it takes to hold as many as mine then.
      const isFirst = (one: Waiting, place: number) =>
        rankOf(one) - rankOf(me) < 0 || (rankOf(one) === rankOf(me) && place < mine)
      const before = all.filter((one, place) => keyOf(one) === keyOf(me) && isFirst(one, place)).length
      const others = new Map<string, { readonly first: Waiting; count: number }>()
      for (const one of all) {
        const other = others.get(keyOf(one))
        if (other !== undefined) other.count++
        else if (keyOf(one) !== keyOf(me)) others.set(keyOf(one), { first: one, count: 1 })
      }
      const level = heldBy(me) + before
      let ahead = before
      for (const { first, count } of others.values()) {
        const isServedFirst = lastServed(first) < lastServed(me) ? 1 : 0
        ahead += Math.min(count, Math.max(0, level - heldBy(first) + isServedFirst))
      }
      return ahead
    },
    async acquire(lane, signal, shares = [], standing = {}) {
      if (signal?.aborted) throw cancelledBy(signal)
      if (hasRoom(lane) && isInShares(lane, shares)) return take(lane, shares, standing)
      return await new Promise((resolve, reject) => {
        const one: Waiting = {
          lane,
          shares,
          standing,
          number: ++asked,
          grant() {
            leave(one)
            signal?.removeEventListener('abort', giveUp)
            resolve(take(lane, shares, standing))
          },
        }
        const giveUp = () => {
          leave(one)
          reject(cancelledBy(signal))
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        enter(one)
        limits.onWaiting?.()
      })
    },
  }
}
