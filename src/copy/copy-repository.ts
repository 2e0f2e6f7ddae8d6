/** One copy: the pass of a mirror from one place to another, by ports alone. Nothing of it is kept. */
import type { RunFailure } from '../api/runs.ts'
import { AppError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { createLimiter } from '../lib/concurrency.ts'
import { createHeldBudget } from '../lib/held.ts'
import { withBreaker } from '../mirror/pass/breaker.ts'
import type { Begin } from '../mirror/pass/current.ts'
import { executePlan } from '../mirror/pass/execute.ts'
import { takeInventory } from '../mirror/pass/inventory.ts'
import { countingObserver, type RunMeter } from '../mirror/pass/meter.ts'
import { planSync } from '../mirror/pass/plan.ts'
import { policyOf } from '../mirror/pass/policy.ts'
import type { SyncPlan } from '../mirror/pass/sync-plan.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { RepositoryReader } from '../oci/repository.ts'
import { type CopyCounts, type CopyReport, outcomeOf, type PassResult, reportPass } from './report.ts'
import { NO_TAG, viewReferrers, viewSource } from './source-view.ts'
import { type CopyTarget, createTargetKnown } from './target-known.ts'

export interface CopyRequest {
  readonly source: RepositoryReader
  readonly referrers: RepositoryReader | undefined
  readonly target: CopyTarget
  /** One image, to this tag, or to none; undefined: all tags, or those that `globs` take. */
  readonly single: { readonly from: Reference; readonly to: Tag | undefined } | undefined
  readonly globs: readonly string[] | undefined
  /** Of indexes only these; undefined: all. */
  readonly platforms: readonly string[] | undefined
  readonly hasReferrers: boolean
  readonly isDryRun: boolean
  readonly isPrivateOnly: boolean
  /** Blobs and requests under way at once. */
  readonly transfers: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly meter: RunMeter
  changed(): void
}

type Counts = { -readonly [K in keyof Omit<CopyCounts, 'readBytes' | 'sourceRequests'>]: number }

const POLICY = policyOf('{}', { acceptShrink: true })

/** What targets answer to an index of which they lack a manifest (distribution-spec "Pushing Manifests"). */
const SPARSE_REFUSED: ReadonlySet<string> = new Set(['TARGET_INVALID', 'TARGET_UNSUPPORTED', 'MANIFEST_BLOB_UNKNOWN'])

/**
 * Copies with everything that belongs to it; a tag moves only when all of it is there. Where platforms are chosen, the index stays as it
 * is, and lacks the others; a target that takes no such index gets the manifest of the one platform, and the report says so.
 * @throws AppError what listing the tags of the source throws; TARGET_PUBLIC; CANCELLED. What concerns single tags is in the report
 */
export async function copyRepository(
  o: CopyRequest,
): Promise<Pick<CopyReport, 'outcome' | 'tags' | 'failures' | 'notes'> & { readonly counts: Counts }> {
  const counts: Counts = {
    ...{ tagsMoved: 0, tagsUnchanged: 0, manifests: 0, referrers: 0, blobs: 0, mounted: 0 },
    ...{ sentBytes: 0, targetRequests: 0, failed: 0 },
  }
  if (o.isPrivateOnly) await refusePublic(o)
  let result = await runPass(o, counts, undefined)
  const refused = result.failures.filter(
    ({ tag, code, digest }) => SPARSE_REFUSED.has(code) && digest !== null && result.sparse.has(digest) && tag !== null,
  )
  if (o.platforms?.length === 1 && refused.length > 0 && !o.isDryRun) {
    const tags = new Set(refused.map(({ tag }) => (tag ?? NO_TAG) as Tag))
    const again = await runPass(o, counts, tags)
    result = { ...again, ...merged(result, again, refused) }
  }
  const usage = o.target.usage()
  const { tags, failures, notes } = result
  counts.tagsMoved = tags.filter((one) => one.result === 'moved').length
  counts.tagsUnchanged = tags.filter((one) => one.result === 'unchanged').length
  counts.failed = failures.length
  counts.mounted = usage.mountsDone
  counts.sentBytes = usage.sentBytes
  counts.targetRequests = usage.requests
  return { outcome: outcomeOf(result), tags, failures, notes, counts }
}

/** On doubt nothing is sent. */
async function refusePublic({ target, signal }: CopyRequest): Promise<void> {
  const visibility = await target.findVisibility({ signal })
  if (visibility === 'private') return
  const why =
    visibility === 'public'
      ? 'everybody may read the target'
      : 'whether everybody may read the target could not be found out'
  throw new AppError('TARGET_PUBLIC', `${why}: nothing was sent, as --private-only wants it`)
}

/** What became of the tags whose index was refused is what the second pass says. */
function merged(first: PassResult, again: PassResult, refused: readonly RunFailure[]): PassResult {
  const redone = new Set([...refused, ...again.tags].map(({ tag }) => tag))
  return {
    tags: [...first.tags.filter(({ tag }) => !redone.has(tag)), ...again.tags],
    failures: [...first.failures.filter(({ tag }) => !redone.has(tag)), ...again.failures],
    notes: [...first.notes, ...again.notes],
  }
}

/** @param flattened only these tags, by the manifest of the platform */
async function runPass(
  o: CopyRequest,
  counts: Counts,
  flattened: ReadonlySet<Tag> | undefined,
): Promise<PassResult & { readonly sparse: ReadonlySet<string> }> {
  const { meter, signal, platforms } = o
  const begin: Begin = (what) => {
    const end = meter.current.begin(what)
    o.changed()
    return end
  }
  const source = withBreaker(o.source)
  const target = createTargetKnown({ target: o.target, source, platforms, signal })
  const single = o.single === undefined ? undefined : { from: o.single.from, to: o.single.to ?? NO_TAG }
  const only = flattened ?? (single === undefined ? undefined : new Set([single.to]))
  if (single?.to === NO_TAG) await target.noteUntagged(single.from, NO_TAG)
  const insteadOf = new Map<Tag, Digest>()
  const readers = {
    image: viewSource({
      ...{ reader: source, target, single, hasReferrers: o.hasReferrers },
      ...{ platforms, flattened, insteadOf },
    }),
    referrers: o.referrers && viewReferrers(withBreaker(o.referrers), target),
  }
  const limiter = createLimiter(o.transfers)
  const held = createHeldBudget().open()
  const now = o.clock.now()
  meter.phase = 'listing'
  o.changed()
  const inventory = await takeInventory({
    ...{
      readers,
      known: target.known,
      limiter,
      held,
      isFull: true,
      only,
      now,
      policy: POLICY,
      nextPassMs: 0,
      signal,
      begin,
    },
    selection: selectionOf(o, flattened !== undefined),
    concurrency: o.transfers * 2,
    onTags(total) {
      meter.tagsTotal = (meter.tagsTotal ?? 0) + total
      o.changed()
    },
  })
  const before = new Map([...target.known.tags].map(([tag, { local }]) => [tag, local]))
  const plan = withoutNoTag(planSync(inventory, target.known, { policy: POLICY, now }))
  const { totals } = plan
  meter.manifestsTotal = meter.manifestsDone + (totals.manifests ?? 0) + (totals.referrers ?? 0)
  meter.bytesTotal = meter.bytesDone + (totals.sizeBytes ?? 0)
  meter.tagsDone += plan.tags.filter((tag) => tag.state === 'synced').length
  meter.phase = 'copying'
  o.changed()
  const sparse = new Set(
    [...inventory.unchosen.values()].flatMap(({ kind, parent }) => (kind === 'platform' ? [parent] : [])),
  )
  const found = { inventory, plan, before, insteadOf }
  if (o.isDryRun) {
    counts.manifests += totals.manifests ?? 0
    counts.referrers += totals.referrers ?? 0
    counts.blobs += totals.blobs ?? 0
    counts.sentBytes += totals.sizeBytes ?? 0
    return { ...reportPass({ ...found, executed: undefined }), sparse }
  }
  if (plan.works.some(({ problem }) => problem === undefined)) await o.target.prepare({ signal })
  const executed = await executePlan({
    ...{ plan, inventory, readers, limiter, held, signal, begin },
    writers: { image: o.target.writer, referrers: o.target.writer },
    observer: countingObserver(meter, counts, () => o.changed()),
  })
  return { ...reportPass({ ...found, executed }), sparse }
}

function selectionOf({ globs, platforms }: CopyRequest, isFlattened: boolean) {
  // Its manifests are no indexes any more.
  const chosen = isFlattened ? undefined : platforms
  if (globs === undefined && chosen === undefined) return undefined
  return { ...(globs && { tags: [...globs] }), ...(chosen && { platforms: [...chosen] }) }
}

/** The tag that stands for none moves nowhere; what it names is published all the same. */
function withoutNoTag(plan: SyncPlan): SyncPlan {
  const works = plan.works.map((work) => ({ ...work, moves: work.moves.filter(({ tag }) => tag !== NO_TAG) }))
  return { ...plan, works }
}
