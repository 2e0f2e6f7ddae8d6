/** Upstreams, what came from them, and what they said of their limits. */
import type { Flag } from './flag.ts'

export interface UpstreamRow {
  id: string
  /** Null: shared by the operator with every organization. */
  organization_id: string | null
  name: string
  url: string
  username: string | null
  /** Sealed by `lib/seal.ts`. */
  sealed_password: string | null
  ca: string | null
  plain_http: Flag
  referrers_from: string | null
  /** Before the names of its repositories in the default names of mirrors; empty for none. */
  prefix: string
  /** JSON list of the rates that its requests keep to (`api/rates.ts`). */
  max_rate: string
  /** People have set `max_rate`, be it to nothing; otherwise what the registry documents holds. */
  has_own_rate: Flag
  created_at: string
}

/** The secret address of an upstream. */
export interface UpstreamHookRow {
  upstream_id: string
  hash: string
  created_at: string
  /** When the present minute began, and how much came since. */
  counted_from: string
  counted: number
}

/** What an organization has fetched, and from which address and credential (invariant 2). */
export interface FetchedContentRow {
  organization_id: string
  source: string
  digest: string
  fetched_at: string
}

/** What a registry said of how often one account may ask it. */
export interface LearnedBudgetRow {
  /** A keyed hash. */
  account: string
  /** JSON of `net/learned-budget.ts`. */
  learned: string
  learned_at: string
}
