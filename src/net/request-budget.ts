import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Rate } from '../lib/rate.ts'

import { type Sleep, systemSleep } from '../lib/retry.ts'

import type { HttpResponse, RequestEnd } from './guarded-fetch.ts'
import { createBudgetMemory, type Learned, type LearnedStore } from './learned-budget.ts'
import { pacedBody } from './paced-body.ts'
import { createSharedSlots, type Portions, wholePortions } from './portions.ts'
import { type Priority, rankOf } from './priority.ts'
import { createOwnLedger, createRateGate, type RateGate, type RateLedger } from './rate-gate.ts'
import { ALL, type RequestKind, windowOf } from './registry-windows.ts'
import { createDownTargets, createPatience, isTried, sendWithTries, type TriesOptions } from './request-tries.ts'
import { createRequestWindows } from './request-windows.ts'
import { bulkOf, type Lane, type Share } from './slots.ts'

/** What the windows of all kinds of one account may have under way together (`KAGAMI_UPSTREAM_REQUESTS`). */
export const MOST_REQUESTS = 64

export interface BudgetOptions {
  /** Requests of one key in flight at once at most, bodies included, of all kinds together; 64 when left out. */
  readonly concurrency?: number
  readonly maxTries?: number
  /** The most that one request may wait in all, in pauses and between tries. */
  readonly maxWaitMs?: number
  /** Keeps what registries said over restarts. */
  readonly store?: LearnedStore | undefined
  /** The places of requests under way, where several processes share them. */
  readonly portions?: Portions | undefined
  /** What has been given out of limits that people set, where several processes share them. */
  readonly ledger?: RateLedger | undefined
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
  readonly kind?: RequestKind
  readonly priority?: Priority | undefined
  /** Limits that people set; those of the same `owner` share one count of each. */
  readonly rates?: Rates | undefined
  /** The repository that it is about, for those who look who waits. */
  readonly about?: string | undefined
  /** Takes secrets out of what is kept of the answer's headers. */
  readonly redact?: (text: string) => string
  /**
   * What is not idempotent. `never`: it is sent once, and what becomes of it is the caller's to see (a body that is read as it is sent).
   * Else it is asked before each further try, when the pause before it is over; false: the last answer or failure stands.
   */
  readonly again?: 'never' | (() => Promise<boolean>) | undefined
}

/** A rate of some kinds of requests; of all where none is named. */
export interface Limit extends Rate {
  readonly kinds?: readonly RequestKind[]
}

/** Waits until so many bytes may pass. */
export type Spend = (bytes: number) => Promise<void>

export interface Rates {
  readonly owner: string
  readonly list: readonly Limit[]
}

/** Requests that wait for their turn, counted by who asks and why. */
export interface WaitingRequests {
  readonly organization: string | undefined
  readonly about: string | undefined
  readonly priority: Priority
  readonly requests: number
}

export interface WindowView {
  readonly kind: RequestKind
  /** Of all processes together. */
  readonly requests: number
  /** Of the last answers. */
  readonly answerMs: number | undefined
}

/** What one (registry host, credential) is asked for: upstreams, referrer sources and targets share it. */
export interface RequestBudget {
  /**
   * Sends a request, an idempotent one unless `again` says otherwise: waits for a place and for the end of a pause, tries again after 408, 429, 5xx and broken
   * connections; once a request has given up, the others try once until one gets an answer, so that a run against a dead registry
   * ends after the tries of one request and not of thousands. `attempt` hands `onEnd` and `onBegin` to the HTTP client, and calls `spend` for the
   * bytes of a body that it sends, where those are limited. Resolves to the last answer, whatever its status.
   * @throws AppError UPSTREAM_RATE_LIMITED (`detail.retryAt`) when the pause outlasts `maxWaitMs`, and what `attempt` throws
   */
  send(
    attempt: (
      onEnd: (end?: RequestEnd) => void,
      onBegin: () => void,
      spend: Spend | undefined,
    ) => Promise<HttpResponse>,
    options: SendOptions,
  ): Promise<HttpResponse>
  /** All requests so far, tries included. */
  readonly requests: number
  readonly inFlight: number
  /** Of these organizations alone. */
  askedBy(organizations: readonly string[]): { readonly requests: number; readonly inFlight: number }
  readonly mostInFlight: number
  /** How many of these this process may have under way at the moment: the others are of other processes, or nobody's. */
  readonly share: number
  /** What each kind of request may have under way of these, as far as there were any. */
  windows(): readonly WindowView[]
  readonly pausedUntil: Date | undefined
  /** What the registry said, this process and those before it. */
  learned(): Promise<Learned>
  waiting(): readonly WaitingRequests[]
  /** The registry has answered this login past the budget, and asked for no silence: what it has asked for before is over. */
  endPause(): Promise<void>
}

/** Limits of one owner at one registry and login that are counted: each list has four at most. */
const MAX_GATES = 40
const NO_RATES: Rates = { owner: '', list: [] }

/** @param key begins with the registry's origin (`accountKey`) */
export function createRequestBudget(options: BudgetOptions = {}, key = ''): RequestBudget {
  const host = URL.parse(key.split(' ')[0] ?? '')?.hostname ?? ''
  const concurrency = options.concurrency ?? MOST_REQUESTS
  const slots = createSharedSlots(options.portions ?? wholePortions, key, { total: concurrency, bulkOf })
  const { maxTries = 4, maxWaitMs = 300_000, clock = systemClock } = options
  const { sleep = systemSleep, random = Math.random } = options
  let requests = 0
  const requestsOf = new Map<string, number>()
  const waiting = new Set<Omit<WaitingRequests, 'requests'>>()
  /** By owner: what one changes pushes out nobody else's count. */
  const gates = new Map<string, LRUCache<string, RateGate>>()
  const nowMs = () => clock.now().getTime()
  const memory = createBudgetMemory(key, { nowMs, store: options.store })
  const windows = createRequestWindows({ host, most: concurrency, nowMs, memory })
  /** A window is of all processes: this one has the part of it that it has of the places. */
  const partOf = (requests: number) => Math.max(1, Math.round((requests * slots.total) / concurrency))
  const shared: TriesOptions = {
    ...{ maxTries, nowMs, random, windows, memory },
    down: createDownTargets(nowMs),
    isFull: (kind) => slots.inUseOf(`kind ${kind}`) >= partOf(windows.of(kind).size),
    grant: () => slots.grant(),
  }
  const shareOf = (kind: RequestKind): Share => {
    const window = windows.of(kind)
    const most = () => partOf(window.size)
    return {
      key: `kind ${kind}`,
      get most() {
        return most()
      },
      get bulk() {
        return most()
      },
    }
  }
  const gatesOf = ({ owner, list }: Rates, of: Rate['of'], kind: RequestKind) => {
    if (list.length === 0) return []
    const own = gates.get(owner) ?? new LRUCache<string, RateGate>({ max: MAX_GATES })
    gates.set(owner, own)
    return list
      .filter((rate) => rate.of === of && (rate.kinds?.includes(kind) ?? true))
      .map((rate) => {
        const name = JSON.stringify(rate)
        const ledger = options.ledger ?? createOwnLedger()
        const shared = JSON.stringify([key, owner, rate])
        const gate = own.get(name) ?? createRateGate(rate, { clock, sleep, ledger, name: shared })
        own.set(name, gate)
        return gate
      })
  }

  return {
    get requests() {
      return requests
    },
    get inFlight() {
      return slots.inUse
    },
    askedBy: (organizations) => ({
      requests: organizations.reduce((sum, one) => sum + (requestsOf.get(one) ?? 0), 0),
      inFlight: organizations.reduce((sum, one) => sum + slots.inUseOf(one), 0),
    }),
    mostInFlight: concurrency,
    get share() {
      return slots.total
    },
    windows: () =>
      [...windows.used].map(([kind, { size, answerMs }]) => ({
        kind,
        requests: size,
        answerMs,
      })),
    get pausedUntil() {
      const untilMs = memory.pausedUntilMs([ALL])
      return untilMs > nowMs() ? new Date(untilMs) : undefined
    },
    async learned() {
      await memory.ready()
      return memory.present()
    },
    waiting: () => countWaiting(waiting),
    async endPause() {
      // Otherwise what was kept would come back with the next request.
      await memory.ready()
      // What is counted apart was not asked for: nothing is known of that.
      memory.endPause(ALL)
    },
    async send(attempt, o) {
      const { signal, lane = 'small', organization, what, kind = 'other' } = o
      const { priority = 'asked', rates = NO_RATES, redact = (text: string) => text } = o
      await memory.ready()
      const counted = windowOf(host, kind)
      const countedIn = counted === ALL ? [ALL] : [ALL, counted]
      const among = o.about === undefined ? undefined : `about ${JSON.stringify([organization, o.about])}`
      const standing = { rank: rankOf(priority), among }
      const me = { organization, about: o.about, priority }
      const shares = organization === undefined ? [] : [{ key: organization, most: concurrency }]
      const mirror = among === undefined ? [] : [{ key: among, most: Number.POSITIVE_INFINITY }]
      // The first is the one that fairness is between.
      const places: Share[] = [{ key: organization ?? '', most: concurrency }, ...mirror, shareOf(kind)]
      const patience = createPatience(maxWaitMs, (ms) => sleep(ms, signal))
      const takePlace = async () => {
        waiting.add(me)
        try {
          for (const gate of gatesOf(rates, 'requests', kind)) await gate.pass(shares, standing, signal)
          for (;;) {
            const release = await slots.acquire(lane, signal, places, standing)
            // It may have waited for long: other processes may have been told something meanwhile.
            await memory.ready()
            const pausedUntilMs = memory.pausedUntilMs(countedIn)
            const pauseMs = pausedUntilMs - nowMs()
            if (pauseMs <= 0) return release
            release()
            if (!patience.has(pauseMs)) throw rateLimited(what, new Date(pausedUntilMs))
            await patience.wait(pauseMs)
          }
        } finally {
          waiting.delete(me)
        }
      }
      const place = async () => {
        const release = await takePlace()
        requests++
        if (organization !== undefined) requestsOf.set(organization, 1 + (requestsOf.get(organization) ?? 0))
        return release
      }
      const { target = '', again } = o
      const paces = gatesOf(rates, 'bytes', kind)
      const spend = async (bytes: number) => {
        for (const gate of paces) await gate.spend(bytes, signal)
      }
      const response = await sendWithTries(shared, {
        ...{ place, patience, target, kind, counted, redact, again },
        attempt: (onEnd, onBegin) => attempt(onEnd, onBegin, paces.length === 0 ? undefined : spend),
      })
      if (paces.length === 0 || isTried(response)) return response
      return { ...response, body: pacedBody(response.body, spend) }
    },
  }
}

function countWaiting(waiting: Iterable<Omit<WaitingRequests, 'requests'>>): WaitingRequests[] {
  const counted = new Map<string, WaitingRequests>()
  for (const { organization, about, priority } of waiting) {
    const key = JSON.stringify([organization, about, priority])
    const requests = 1 + (counted.get(key)?.requests ?? 0)
    counted.set(key, { organization, about, priority, requests })
  }
  return [...counted.values()]
}

function rateLimited(what: string, retryAt: Date): AppError {
  return new AppError(
    'UPSTREAM_RATE_LIMITED',
    `${what}: the registry asked for no requests before ${retryAt.toISOString()}`,
    { detail: { retryAt: retryAt.toISOString() } },
  )
}
