/**
 * What was read of an issuer last, for all who ask; and the tries to read it anew, each paid by one organization. A try that fails, or that
 * is not over yet, never stands over what is there: a stranger can set one off, and another organization's share can be full.
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../lib/clock.ts'
import type { Issuer } from './issuers.ts'

const KEPT = 200
/** Between two tries of one organization at one issuer, and between two that bring something. */
const PAUSE_MS = 30 * 1000
/** So long nobody waits for something newer: it is read while what is there serves. */
const EASY_MS = 60 * 60 * 1000
/** Longer than that an issuer that cannot be asked is not believed. */
const LAST_MS = 24 * 60 * 60 * 1000

interface Good<T> {
  /** When it was asked for. */
  readonly at: number
  readonly value: T
}

export interface LastGood<T> {
  /** @throws what `fetch` throws, where nothing is there that may still be used */
  get(issuer: Issuer): Promise<T>
  /** Another one than `value`, asked for where that may be; undefined: there is none so far. @throws what `fetch` throws */
  getNewer(issuer: Issuer, value: T): Promise<T | undefined>
}

export function createLastGood<T>({
  clock,
  lifeMs,
  fetch,
}: {
  readonly clock: Clock
  readonly lifeMs: number
  fetch(issuer: Issuer): Promise<T>
}): LastGood<T> {
  const goods = new LRUCache<string, Good<T>>({ max: KEPT })
  const tries = new LRUCache<string, { readonly at: number; readonly result: Promise<T> }>({ max: KEPT })
  const nowMs = () => clock.now().getTime()
  const isWithin = (at: number, ms: number) => nowMs() >= at && nowMs() - at < ms

  /** One at a time, and one in a pause, whether it failed or not. */
  function tryAnew(issuer: Issuer): Promise<T> {
    const name = nameOf(issuer)
    const key = `${issuer.organization ?? ''} ${name}`
    const last = tries.get(key)
    if (last !== undefined && isWithin(last.at, PAUSE_MS)) return last.result
    const at = nowMs()
    const result = fetch(issuer)
    tries.set(key, { at, result })
    result.then(
      (value) => {
        const before = goods.get(name)
        if (before === undefined || before.at <= at || before.at > nowMs()) goods.set(name, { at, value })
      },
      () => {},
    )
    return result
  }

  return {
    async get(issuer) {
      const good = goods.get(nameOf(issuer))
      if (good === undefined) return tryAnew(issuer)
      if (isWithin(good.at, lifeMs)) return good.value
      const newer = tryAnew(issuer)
      if (isWithin(good.at, EASY_MS + lifeMs)) return good.value
      try {
        return await newer
      } catch (error) {
        if (isWithin(good.at, LAST_MS)) return good.value
        throw error
      }
    },
    async getNewer(issuer, value) {
      const good = goods.get(nameOf(issuer))
      if (good !== undefined && good.value !== value) return good.value
      if (good !== undefined && isWithin(good.at, PAUSE_MS)) return undefined
      const newer = await tryAnew(issuer)
      return newer === value ? undefined : newer
    },
  }
}

/** Of what is trusted for it too: what one trusts says nothing about it to another. */
function nameOf({ url, ca }: Issuer): string {
  return ca === null ? url : `${url} ${createHash('sha256').update(ca).digest('hex')}`
}
