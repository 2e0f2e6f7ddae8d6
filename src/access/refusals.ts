/**
 * Refused attempts on their way into the audit log: counted here, and written together at most once a second, so that no answer waits for
 * them and no amount of them costs more. What was not yet written when the process dies is lost.
 */

import type { Database } from '../db/engine/engine.ts'
import { detached } from '../db/engine/watch.ts'
import { countRefused, type RefusedAttempts } from '../db/platform/audit-refusals.ts'
import { type Clock, isoTime } from '../lib/clock.ts'

export type Refused = Omit<RefusedAttempts, 'attempts' | 'firstAt' | 'lastAt'>

export interface Refusals {
  note(refused: Refused): void
  /** Writes what was noted so far. Never throws. */
  flush(): Promise<void>
  /** Writes the rest. */
  close(): Promise<void>
}

/** Different ones of one account that wait; of further ones only account and organization are kept. */
const MAX_APART = 20
/** Different ones that wait in all, beyond which new accounts are not told. */
const MAX_WAITING = 2000
const EVERY_MS = 1000

const REST = { tokenId: undefined, action: '*', object: '*', address: undefined } as const

export function createRefusals(db: Database, clock: Clock): Refusals {
  let waiting = new Map<string, RefusedAttempts>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastFlush = Number.NEGATIVE_INFINITY
  let running = Promise.resolve()

  /** What each account has waiting apart: the organizations that it was refused by, one each. */
  const apart = new Map<string, (string | undefined)[]>()

  function add(one: Refused, isRest = false): boolean {
    const { requestId: _, ...same } = one
    const key = JSON.stringify(same)
    const at = isoTime(clock.now())
    const known = waiting.get(key)
    if (known === undefined) {
      const own = apart.get(one.account) ?? []
      if (own.length >= MAX_APART && !isRest) {
        const organization = own.includes(one.organization) ? one.organization : undefined
        return add({ ...one, ...REST, organization }, true)
      }
      if (waiting.size >= MAX_WAITING) return false
      if (!isRest) apart.set(one.account, [...own, one.organization])
    }
    waiting.set(key, { ...one, firstAt: at, ...known, attempts: (known?.attempts ?? 0) + 1, lastAt: at })
    return true
  }

  async function write(): Promise<void> {
    const taken = [...waiting.values()]
    waiting = new Map()
    apart.clear()
    lastFlush = performance.now()
    if (taken.length === 0) return
    // A full disk loses them, as it does other small notes (`db.later`).
    await db
      .write(async (tx) => {
        for (const one of taken) await countRefused(tx, one)
      })
      .catch(() => {})
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    running = detached(() => running.then(write))
    return running
  }
  return {
    note(one) {
      if (!add(one)) return
      const wait = Math.max(0, lastFlush + EVERY_MS - performance.now())
      timer ??= detached(() => setTimeout(() => void flush(), wait))
    },
    flush,
    async close() {
      await flush()
    },
  }
}
