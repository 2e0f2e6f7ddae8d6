/** What a run of a plan asks upstream for, its own listing included, held against what upstream says is left. Pure. */
import type { Forecast } from '../../api/rates.ts'
import type { Allowance } from '../engine.ts'
import type { Inventory } from './inventory.ts'
import type { SyncPlan } from './sync-plan.ts'

/** @param listing requests that making the plan took: a run asks them again */
export function forecastOf(
  { totals, works }: Pick<SyncPlan, 'totals' | 'works'>,
  { nodes }: Pick<Inventory, 'nodes'>,
  { listing, allowances }: { readonly listing: number; readonly allowances: readonly Allowance[] },
): Forecast {
  const again = new Set(works.flatMap(({ stage }) => stage).filter((digest) => isReadAgain(nodes.get(digest))))
  const all = listing + (totals.blobs ?? 0) + again.size
  const manifests = (totals.manifests ?? 0) + (totals.referrers ?? 0) + again.size
  const needOf = ({ counts }: Allowance) => (counts === 'manifests' ? manifests : all)
  // The one that is nearest to its end.
  const [tightest] = [...allowances].sort((a, b) => a.remaining - needOf(a) - (b.remaining - needOf(b)))
  if (tightest === undefined) return { requests: all, needed: all, kind: null, left: null, until: null }
  const { kind, remaining, until } = tightest
  return { requests: all, needed: needOf(tightest), kind, left: remaining, until }
}

/** More than the inventory holds is read twice. */
function isReadAgain(node: { readonly here: string; readonly bytes?: unknown } | undefined): boolean {
  return node !== undefined && node.here === 'no' && node.bytes === undefined
}
