/** What a run of a plan asks each upstream for, its own listing included, held against what that says is left. Pure. */
import type { Forecast } from '../../api/rates.ts'
import type { Allowance } from '../engine.ts'
import type { Inventory } from './inventory.ts'
import type { SyncPlan } from './sync-plan.ts'

/** One registry that a run asks. */
export interface AskedRegistry {
  /** Requests that making the plan took: a run asks them again. */
  readonly listing: number
  readonly allowances: readonly Allowance[]
}

interface Copied {
  readonly manifests: number
  readonly blobs: number
}

type Need = Omit<Forecast, 'referrers'>

/** @param o.referrers where attestations come from another upstream: each is asked for what is its own */
export function forecastOf(
  { totals, works, fromReferrers }: Pick<SyncPlan, 'totals' | 'works' | 'fromReferrers'>,
  { nodes }: Pick<Inventory, 'nodes'>,
  o: {
    readonly image: AskedRegistry
    readonly referrers?: (AskedRegistry & { readonly upstream: string }) | undefined
  },
): Forecast {
  const elsewhere = o.referrers === undefined ? { manifests: 0, blobs: 0 } : fromReferrers
  const again = { image: 0, referrers: 0 }
  for (const digest of new Set(works.flatMap(({ stage }) => stage))) {
    const node = nodes.get(digest)
    // More than the inventory holds is read twice.
    if (node?.here !== 'no' || node.bytes !== undefined) continue
    again[o.referrers === undefined ? 'image' : node.origin]++
  }
  const copied = {
    manifests: (totals.manifests ?? 0) + (totals.referrers ?? 0) - elsewhere.manifests,
    blobs: (totals.blobs ?? 0) - elsewhere.blobs,
  }
  const need = needOf(o.image, copied, again.image)
  if (o.referrers === undefined) return { ...need, referrers: null }
  const { upstream } = o.referrers
  return { ...need, referrers: { upstream, ...needOf(o.referrers, elsewhere, again.referrers) } }
}

function needOf({ listing, allowances }: AskedRegistry, { manifests, blobs }: Copied, again: number): Need {
  const all = listing + blobs + again
  const needFor = ({ counts }: Allowance) => (counts === 'manifests' ? manifests + again : all)
  // The one that is nearest to its end.
  const [tightest] = [...allowances].sort((a, b) => a.remaining - needFor(a) - (b.remaining - needFor(b)))
  if (tightest === undefined) return { requests: all, needed: all, kind: null, left: null, until: null }
  const { kind, remaining, until } = tightest
  return { requests: all, needed: needFor(tightest), kind, left: remaining, until }
}
