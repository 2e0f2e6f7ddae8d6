import { AppError, isCancelled } from '../errors.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { type Backoff, backoffMs, type Sleep, systemSleep } from '../lib/retry.ts'
import { discard } from './bounded-body.ts'
import { isPassing } from './connection-failure.ts'
import type { HttpResponse } from './guarded-fetch.ts'
import { retryAfterMs, spentQuotaMs } from './rate-headers.ts'
import { bulkOf, createSlots, type Lane } from './slots.ts'

export interface BudgetOptions {
  /** Requests of one key in flight at once, bodies included. */
  readonly concurrency?: number
  readonly maxTries?: number
  /** The most that one request may wait in all, in pauses and between tries. */
  readonly maxWaitMs?: number
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** In [0, 1). */
  readonly random?: () => number
}

export interface SendOptions {
  readonly signal?: AbortSignal
  readonly lane?: Lane
  /** Id of the organization that asks: free places go round between organizations. */
  readonly organization?: string | undefined
  /** The host that is asked, as an origin: a token service that is down says nothing about its registry. */
  readonly target?: string | undefined
  /** Names the request in errors. */
  readonly what: string
}

/** What one (registry host, credential) is asked for: upstreams, referrer sources and targets share it. */
export interface RequestBudget {
  /**
   * Sends an idempotent request: waits for a place and for the end of a pause, tries again after 408, 429, 5xx and broken
   * connections; once a request has given up, the others try once until one gets an answer, so that a run against a dead registry
   * ends after the tries of one request and not of thousands. `attempt` hands `onEnd` to the HTTP client. Resolves to the last answer, whatever its status.
   * @throws AppError UPSTREAM_RATE_LIMITED (`detail.retryAt`) when the pause outlasts `maxWaitMs`, and what `attempt` throws
   */
  send(attempt: (onEnd: () => void) => Promise<HttpResponse>, options: SendOptions): Promise<HttpResponse>
  /** All requests so far, tries included. */
  readonly requests: number
  readonly pausedUntil: Date | undefined
}

export interface RequestBudgets {
  /** The budget of `key`, always the same one. */
  of(key: string): RequestBudget
}

const RETRIED: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])
/** These speak for the whole registry, not for one request. */
const PAUSING: ReadonlySet<number> = new Set([429, 503])
/** Answers of a gateway whose registry is not there. */
const DOWN: ReadonlySet<number> = new Set([502, 503, 504])
/** A registry that a request has reached in vain, with all its tries, is asked once a request for this long. */
const DOWN_MS = 30_000
/** Of one registry; it names its token services itself, so that there may be any number. */
const MAX_TARGETS = 100
const BACKOFF: Backoff = { firstMs: 1000, factor: 3, maxMs: 60_000 }

export function createRequestBudgets(options: BudgetOptions = {}): RequestBudgets {
  const budgets = new Map<string, RequestBudget>()
  return {
    of(key) {
      const budget = budgets.get(key) ?? createRequestBudget(options)
      budgets.set(key, budget)
      return budget
    },
  }
}

export function createRequestBudget(options: BudgetOptions = {}): RequestBudget {
  const concurrency = options.concurrency ?? 8
  const slots = createSlots({ total: concurrency, bulk: bulkOf(concurrency) })
  const { maxTries = 4, maxWaitMs = 300_000, clock = systemClock } = options
  const { sleep = systemSleep, random = Math.random } = options
  let requests = 0
  let pausedUntilMs = 0
  const downUntilMs = new Map<string, number>()
  const nowMs = () => clock.now().getTime()
  const pauseFor = (ms: number) => {
    pausedUntilMs = Math.max(pausedUntilMs, nowMs() + ms)
  }

  return {
    get requests() {
      return requests
    },
    get pausedUntil() {
      return pausedUntilMs > nowMs() ? new Date(pausedUntilMs) : undefined
    },
    async send(attempt, { signal, lane = 'small', organization, target = '', what }) {
      const shares = organization === undefined ? [] : [{ key: organization, most: concurrency }]
      let waitedMs = 0
      const wait = async (ms: number) => {
        waitedMs += ms
        await sleep(ms, signal)
      }
      const place = async () => {
        for (;;) {
          const release = await slots.acquire(lane, signal, shares)
          const pauseMs = pausedUntilMs - nowMs()
          if (pauseMs <= 0) return release
          release()
          if (waitedMs + pauseMs > maxWaitMs) throw rateLimited(what, new Date(pausedUntilMs))
          await wait(pauseMs)
        }
      }
      for (let tries = 1; ; tries++) {
        const release = await place()
        requests++
        const delayMs = backoffMs(tries, BACKOFF, random)
        const mayRetry = (ms: number) =>
          tries < maxTries && nowMs() >= (downUntilMs.get(target) ?? 0) && waitedMs + ms <= maxWaitMs
        const giveUp = () => {
          downUntilMs.delete(target)
          downUntilMs.set(target, nowMs() + DOWN_MS)
          const [oldest] = downUntilMs.keys()
          if (downUntilMs.size > MAX_TARGETS && oldest !== undefined) downUntilMs.delete(oldest)
        }
        let response: HttpResponse
        try {
          response = await attempt(release)
        } catch (error) {
          release()
          if (isCancelled(error) || !isPassing(error)) throw error
          if (!mayRetry(delayMs)) {
            giveUp()
            throw error
          }
          await wait(delayMs)
          continue
        }
        const spentMs = spentQuotaMs(response.headers, nowMs())
        if (spentMs !== undefined) pauseFor(spentMs)
        if (!RETRIED.has(response.status)) {
          downUntilMs.delete(target)
          return response
        }
        const retryMs = retryAfterMs(response.headers, nowMs()) ?? delayMs
        if (PAUSING.has(response.status)) pauseFor(retryMs)
        if (!mayRetry(retryMs)) {
          if (DOWN.has(response.status)) giveUp()
          return response
        }
        await discard(response)
        if (!PAUSING.has(response.status)) await wait(retryMs)
      }
    },
  }
}

function rateLimited(what: string, retryAt: Date): AppError {
  return new AppError(
    'UPSTREAM_RATE_LIMITED',
    `${what}: the registry asked for no requests before ${retryAt.toISOString()}`,
    { detail: { retryAt: retryAt.toISOString() } },
  )
}
