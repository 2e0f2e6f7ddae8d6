/** The tries of one request: what is asked for again and when, and what each answer says of how its registry may be asked. */
import { isCancelled } from '../errors.ts'
import { type Backoff, backoffMs } from '../lib/retry.ts'
import { discard, readExcerpt } from './bounded-body.ts'
import { isPassing } from './connection-failure.ts'
import type { HttpResponse, RequestEnd } from './guarded-fetch.ts'
import type { BudgetMemory } from './learned-budget.ts'
import { retryAfterMs, spentQuotaMs } from './rate-headers.ts'
import { ALL, type RequestKind } from './registry-windows.ts'
import type { RequestWindows } from './request-windows.ts'
import { isOfOwnBody } from './sent-body.ts'

const RETRIED: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 522])
/** These speak for the whole registry, not for one request. */
const PAUSING: ReadonlySet<number> = new Set([429, 503])
/** Answers of a gateway whose registry is not there. */
const DOWN: ReadonlySet<number> = new Set([502, 503, 504, 522])
/** A registry that a request has reached in vain, with all its tries, is asked once a request for this long. */
const DOWN_MS = 30_000
/** Of one registry; it names its token services itself, so that there may be any number. */
const MAX_TARGETS = 100
/** Of an answer that may be the last: enough to say what it was. */
const KEPT_BYTES = 8 * 1024
const BACKOFF: Backoff = { firstMs: 1000, factor: 3, maxMs: 60_000 }

/** Hosts that a request has reached in vain. */
export interface DownTargets {
  has(target: string): boolean
  add(target: string): void
  /** It has answered. */
  delete(target: string): void
}

export function createDownTargets(nowMs: () => number): DownTargets {
  const downUntilMs = new Map<string, number>()
  return {
    has: (target) => nowMs() < (downUntilMs.get(target) ?? 0),
    add(target) {
      downUntilMs.delete(target)
      downUntilMs.set(target, nowMs() + DOWN_MS)
      const [oldest] = downUntilMs.keys()
      if (downUntilMs.size > MAX_TARGETS && oldest !== undefined) downUntilMs.delete(oldest)
    },
    delete: (target) => void downUntilMs.delete(target),
  }
}

/** What one request may wait in all, in pauses and between tries. */
export interface Patience {
  /** It may wait so much longer. */
  has(ms: number): boolean
  wait(ms: number): Promise<void>
}

export function createPatience(maxWaitMs: number, sleep: (ms: number) => Promise<void>): Patience {
  let waitedMs = 0
  return {
    has: (ms) => waitedMs + ms <= maxWaitMs,
    async wait(ms) {
      waitedMs += ms
      await sleep(ms)
    },
  }
}

/** What all requests of a budget have in common. */
export interface TriesOptions {
  readonly maxTries: number
  readonly nowMs: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly windows: RequestWindows
  readonly memory: BudgetMemory
  readonly down: DownTargets
  /** As many of the kind are under way as may be. */
  isFull(kind: RequestKind): boolean
  /** A window may have grown: those who wait for a place are looked at. */
  grant(): void
}

export interface Tried {
  /** @param onEnd called when the body has ended @param onBegin called when the request goes out */
  attempt(onEnd: (end?: RequestEnd) => void, onBegin: () => void): Promise<HttpResponse>
  /** Waits for a place, before each try. @returns what gives it back */
  place(): Promise<() => void>
  readonly patience: Patience
  readonly target: string
  readonly kind: RequestKind
  /** What the registry counts it together with: see `registry-windows.ts`. */
  readonly counted: string
  readonly redact: (text: string) => string
  /** See `SendOptions`. */
  readonly again: 'never' | (() => Promise<boolean>) | undefined
}

/** An answer that is not taken as long as there are tries left. */
export function isTried({ status }: HttpResponse): boolean {
  return RETRIED.has(status)
}

/** @returns the last answer, whatever its status @throws what `place` and `attempt` throw */
export async function sendWithTries(o: TriesOptions, request: Tried): Promise<HttpResponse> {
  const { nowMs, windows, memory, down } = o
  const { kind, target, counted, patience, again } = request
  const pauseFor = (kind: string, ms: number, reason: string) => {
    memory.pause({ kind, untilMs: nowMs() + ms, reason })
  }
  const isWanted = async () => again === undefined || (again !== 'never' && (await again()))
  const giveUp = () => {
    if (again !== 'never') down.add(target)
  }
  for (let tries = 1; ; tries++) {
    const release = await request.place()
    const delayMs = backoffMs(tries, BACKOFF, o.random)
    const mayRetry = (ms: number) => again !== 'never' && tries < o.maxTries && !down.has(target) && patience.has(ms)
    const window = windows.of(kind)
    const trip = window.begin(o.isFull(kind))
    let sentMs = nowMs()
    let answeredMs: number | undefined
    const onEnd = (end?: RequestEnd) => {
      if (end?.isBroken) windows.refuse(kind, trip, false)
      else if (end !== undefined && answeredMs !== undefined) window.brought(trip, end.bytes, nowMs() - answeredMs)
      release()
    }
    const onBegin = () => {
      sentMs = nowMs()
    }
    let response: HttpResponse
    try {
      response = await request.attempt(onEnd, onBegin)
    } catch (error) {
      release()
      if (isCancelled(error) || isOfOwnBody(error) || !isPassing(error)) throw error
      windows.refuse(kind, trip, false)
      if (!mayRetry(delayMs)) {
        giveUp()
        throw error
      }
      await patience.wait(delayMs)
      if (!(await isWanted())) throw error
      continue
    }
    memory.see(counted, response.headers, request.redact)
    const spentMs = spentQuotaMs(response.headers, nowMs())
    if (spentMs !== undefined) pauseFor(counted, spentMs, 'its allowance is spent')
    if (!isTried(response)) {
      answeredMs = nowMs()
      window.answered(trip, answeredMs - sentMs)
      o.grant()
      down.delete(target)
      return response
    }
    const { status } = response
    const retryMs = retryAfterMs(response.headers, nowMs()) ?? delayMs
    if (!PAUSING.has(status)) window.failed()
    else {
      windows.refuse(kind, trip, status === 503)
      pauseFor(status === 429 ? counted : ALL, retryMs, `it answered ${status}`)
    }
    if (!mayRetry(retryMs)) {
      if (DOWN.has(status)) giveUp()
      return response
    }
    // What is asked before the next try needs a place of its own.
    const kept = again === undefined ? undefined : await readExcerpt(response, KEPT_BYTES)
    if (kept === undefined) await discard(response)
    if (!PAUSING.has(status)) await patience.wait(retryMs)
    if (!(await isWanted())) return { ...response, body: new Blob([kept ?? '']).stream() }
  }
}
