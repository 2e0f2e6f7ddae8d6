/** Brings tags to the target with all that belongs to them: the pass of a mirror, the other way. */
import type { RunCounts } from '../../api/runs.ts'
import type { Selection } from '../../api/selection.ts'
import { createLimiter } from '../../lib/concurrency.ts'
import { NOTHING_HELD } from '../../lib/held.ts'
import { withWriteBreaker } from '../../mirror/pass/breaker.ts'
import type { Begin } from '../../mirror/pass/current.ts'
import { executePlan, type TagResult } from '../../mirror/pass/execute.ts'
import { type Inventory, takeInventory } from '../../mirror/pass/inventory.ts'
import { countingObserver, type RunMeter } from '../../mirror/pass/meter.ts'
import { planSync } from '../../mirror/pass/plan.ts'
import { DEFAULT_POLICY } from '../../mirror/pass/policy.ts'
import type { Problem } from '../../mirror/pass/problem.ts'
import type { RootWork, SyncPlan } from '../../mirror/pass/sync-plan.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryReader, RepositoryWriter } from '../../oci/repository.ts'
import { decideTarget, type TargetDecision } from './decide-target.ts'
import type { LocalGraph } from './graph.ts'
import { knownThere } from './known-there.ts'
import type { RepositoryLedger } from './ledgers.ts'
import { withBelongings } from './look.ts'
import { mostSharedFirst } from './most-shared.ts'

/** What our own list says is right, and what of it is to be asked for is a question to ourselves. */
const POLICY = { ...DEFAULT_POLICY, isShrinkAccepted: true, recheckMs: 0 }

export interface SendOptions {
  readonly graph: LocalGraph
  /** Of the graph (`graphReader`). */
  readonly reader: RepositoryReader
  readonly writer: RepositoryWriter
  readonly ledger: RepositoryLedger
  readonly selection: Selection | undefined
  readonly decisions: ReadonlyMap<Tag, TargetDecision>
  readonly only: ReadonlySet<Tag>
  readonly transfers: number
  readonly now: Date
  readonly signal: AbortSignal
  readonly begin: Begin
}

/** What is to be sent, and why; nothing is. */
export async function planSend(
  o: Omit<SendOptions, 'writer'>,
  only: ReadonlySet<Tag> = o.only,
): Promise<{ readonly inventory: Inventory; readonly plan: SyncPlan; readonly known: ReturnType<typeof knownThere> }> {
  const roots = [...only].flatMap((tag) => o.graph.tags.get(tag) ?? [])
  const known = knownThere(o.graph, withBelongings(o.graph, roots), o.ledger.memory)
  const inventory = await takeInventory({
    readers: { image: o.reader },
    known,
    limiter: createLimiter(o.transfers),
    held: NOTHING_HELD,
    isFull: false,
    selection: o.selection,
    only,
    now: o.now,
    policy: POLICY,
    nextPassMs: 0,
    concurrency: o.transfers,
    begin: o.begin,
    signal: o.signal,
    decide: (digest, tag) =>
      o.decisions.get(tag) ?? decideTarget(digest, undefined, { asked: true, digest: undefined }, 'report'),
  })
  const plan = planSync(inventory, known, { policy: POLICY, now: o.now })
  return { inventory, known, plan: { ...plan, works: mostSharedFirst(plan.works, inventory) } }
}

export interface Sent {
  readonly inventory: Inventory
  readonly plan: SyncPlan
  readonly tags: ReadonlyMap<Tag, TagResult>
  readonly failed: readonly { readonly work: RootWork; readonly problem: Problem & { readonly digest: Digest } }[]
}

/** @param o.onPlan before anything is sent @throws AppError CANCELLED */
export async function send(
  o: SendOptions & {
    readonly counts: { -readonly [K in keyof RunCounts]: RunCounts[K] }
    readonly meter: RunMeter
    changed(): void
    onPlan(plan: SyncPlan): Promise<void>
  },
): Promise<Sent> {
  const first = await round(o, o.only, true)
  // What the target turned out not to have is sent again, once.
  const again = first.failed.filter(({ work }) =>
    [...withBelongings(o.graph, [work.root.digest])].some((digest) => o.ledger.missed.has(digest)),
  )
  if (again.length === 0) return first
  for (const { work } of again) o.ledger.forgetAll(withBelongings(o.graph, [work.root.digest]))
  const tags = new Set(again.flatMap(({ work }) => work.tags))
  o.meter.failed -= tags.size
  const second = await round(o, tags, false)
  return {
    inventory: first.inventory,
    plan: first.plan,
    tags: new Map([...first.tags, ...second.tags]),
    failed: [...first.failed.filter((one) => !again.includes(one)), ...second.failed],
  }
}

async function round(o: Parameters<typeof send>[0], only: ReadonlySet<Tag>, isFirst: boolean): Promise<Sent> {
  const { counts, meter } = o
  const { inventory, plan } = await planSend(o, only)
  const { totals } = plan
  if (isFirst) {
    meter.phase = 'copying'
    meter.manifestsTotal = (totals.manifests ?? 0) + (totals.referrers ?? 0)
    meter.bytesTotal = totals.sizeBytes ?? 0
    o.changed()
    await o.onPlan(plan)
  }
  const writer = withWriteBreaker(o.writer)
  const counting = countingObserver(meter, counts, () => o.changed())
  const { tags, failed } = await executePlan({
    plan,
    inventory,
    readers: { image: o.reader },
    writers: { image: writer, referrers: writer },
    limiter: createLimiter(o.transfers),
    held: NOTHING_HELD,
    source: 'this server',
    signal: o.signal,
    begin: o.begin,
    observer: {
      ...counting,
      onBytes(bytes) {
        counts.readBytes += bytes
        counting.onBytes(bytes)
      },
      onPublished(work, moved) {
        counts.tagsMoved += moved
        counting.onPublished(work, moved)
      },
    },
  })
  return { inventory, plan, tags, failed }
}
