/** Work whose result several ask for at about the same time: done once. */
import { LRUCache } from 'lru-cache'

export interface SharingOptions<T> {
  /** How long a result serves others once it is there. */
  readonly ttlMs: number
  /** What all results together may take; the one that was asked for the longest ago goes first. */
  readonly maxBytes: number
  sizeOf(found: T): number
  /** False: it serves only those who wait for it by now. */
  isKept?(found: T): boolean
}

export interface Sharing<T> {
  /** A failure is nobody's but theirs who waited for it. */
  ask(key: string, work: () => Promise<T>): Promise<T>
  /** What is kept now. */
  readonly bytes: number
}

/** Results that may be shared at once, however small. */
const MAX = 500

export function createSharing<T>({ ttlMs, maxBytes, sizeOf, isKept }: SharingOptions<T>): Sharing<T> {
  // Without the purge, what was kept last would stay for as long as nobody asks for anything else.
  const known = new LRUCache<string, Promise<T>>({ max: MAX, maxSize: maxBytes, ttl: ttlMs, ttlAutopurge: true })
  return {
    ask(key, work) {
      const before = known.get(key)
      if (before !== undefined) return before
      const made = work()
      known.set(key, made, { size: 1 })
      const settle = (size: number | undefined) => {
        if (known.peek(key) !== made) return
        known.delete(key)
        if (size !== undefined) known.set(key, made, { size })
      }
      made.then(
        (found) => settle(isKept === undefined || isKept(found) ? Math.max(1, Math.ceil(sizeOf(found))) : undefined),
        () => settle(undefined),
      )
      return made
    },
    get bytes() {
      return known.calculatedSize
    },
  }
}
