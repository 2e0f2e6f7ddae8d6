import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Redactor } from '../lib/redact.ts'
import type { HttpClient } from '../net/guarded-fetch.ts'
import type { Priority } from '../net/priority.ts'
import type { Rates } from '../net/request-budget.ts'
import { createRequestBudgets, type RequestBudgets } from '../net/request-budgets.ts'
import type { Challenge } from './challenge.ts'
import { createTokenCache, type TokenCache } from './tokens.ts'

/** How a registry wants one account to authenticate, as it last said. */
export interface KnownChallenge {
  readonly challenge: Challenge
  /** See `HttpResponse`. */
  readonly ledBy: string
}

/** What all sessions of one process share: connections, budgets, tokens and what was learned of each registry. Nothing of it is kept. */
export interface RegistryNetwork {
  readonly http: HttpClient
  /** Id of the organization that the requests are for; they count in its share. */
  readonly organization?: string | undefined
  readonly budgets: RequestBudgets
  /** How much somebody waits for the requests at the moment. */
  readonly priority?: (() => Priority) | undefined
  /** Limits that people set for the upstream. */
  readonly rates?: Rates | undefined
  /** The repository that is read, for those who look who waits. */
  readonly about?: string | undefined
  readonly tokens: TokenCache
  readonly clock: Clock
  /** By account (see accountKey). */
  readonly challenges: LRUCache<string, KnownChallenge>
  /** By account: its password, and the tokens that it got. */
  readonly redactors: LRUCache<string, Redactor>
  /** The scope that a registry asked for in place of ours, by account and our scope. */
  readonly scopes: LRUCache<string, string>
  /** Account and repository, for some minutes: no referrers API there. */
  readonly withoutReferrersApi: LRUCache<string, true>
  /** Account: a PUT by digest sets no tags there. */
  readonly withoutTagParameter: LRUCache<string, true>
}

/** Long enough to spare each pass the question, short enough to notice when a registry learns the API. */
const CAPABILITY_TTL_MS = 10 * 60 * 1000
/** Each question is a PUT of what is there. */
const TAG_PARAMETER_TTL_MS = 24 * 60 * 60 * 1000

export function createRegistryNetwork(options: {
  readonly http: HttpClient
  readonly budgets?: RequestBudgets
  readonly clock?: Clock
}): RegistryNetwork {
  const clock = options.clock ?? systemClock
  return {
    http: options.http,
    budgets: options.budgets ?? createRequestBudgets({ clock }),
    tokens: createTokenCache(clock),
    clock,
    challenges: new LRUCache({ max: 1000 }),
    redactors: new LRUCache({ max: 200 }),
    scopes: new LRUCache({ max: 1000 }),
    withoutReferrersApi: new LRUCache({ max: 10_000, ttl: CAPABILITY_TTL_MS }),
    withoutTagParameter: new LRUCache({ max: 1000, ttl: TAG_PARAMETER_TTL_MS }),
  }
}
