/** One pass over one mirror: list, plan, copy, publish. */
import type { PlanReference } from '../../api/plans.ts'
import type { RunCounts } from '../../api/runs.ts'
import type { Selection } from '../../api/selection.ts'
import type { MirrorBinding } from '../../db/mirrors/mirror-binding.ts'
import { recordHolds } from '../../db/mirrors/mirror-holds.ts'
import { recordTags } from '../../db/mirrors/mirror-tags.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { setRunPlan } from '../../db/mirrors/sync-runs.ts'
import type { MirrorTagRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { createLimiter } from '../../lib/concurrency.ts'
import type { Held, HeldBudget } from '../../lib/held.ts'
import type { Priority } from '../../net/priority.ts'
import type { Tag } from '../../oci/reference.ts'
import type { MirrorEngineOptions } from '../engine.ts'
import { withBreaker } from './breaker.ts'
import type { Begin } from './current.ts'
import { executePlan } from './execute.ts'
import { inStepRows, lookAtHinted, nothingLeft } from './hinted.ts'
import { takeInventory } from './inventory.ts'
import { type Known, loadKnown } from './known.ts'
import { countingObserver, type RunMeter } from './meter.ts'
import { planSync } from './plan.ts'
import { imagesOf, type PlanSubject, planIdOf, refuseOtherPlan } from './plan-images.ts'
import { type Policy, policyOf } from './policy.ts'
import { type RunReport, reportRun } from './run-report.ts'
import { holdRows, tagRows } from './run-rows.ts'
import { openSources, type Sources } from './sources.ts'
import type { SyncPlan } from './sync-plan.ts'

/** States of tags that a run has nothing to do for. */
const UNFOLLOWED: ReadonlySet<MirrorTagRow['state']> = new Set([
  'absent',
  'excluded',
  'unselected',
  'retained',
  'pinned',
])

export interface PassOptions {
  readonly sources: Sources
  readonly known: Known
  readonly isFull: boolean
  /** What the mirror takes; undefined: everything. */
  readonly selection: Selection | undefined
  /** Only these tags; undefined: all. */
  readonly only: ReadonlySet<Tag> | undefined
  readonly now: Date
  readonly policy: Policy
  /** When the next pass is expected, from now. */
  readonly nextPassMs: number
  readonly transfers: number
  readonly held: Held
  readonly signal?: AbortSignal | undefined
}

/** What a pass would do, and what it is made from. @throws AppError UPSTREAM_SHRUNK, and what listing the tags throws */
export async function planPass(o: PassOptions & { onTags?(total: number): void; readonly begin?: Begin | undefined }) {
  const { sources, known, isFull, selection, only, now, policy, nextPassMs, transfers, held } = o
  const limiter = createLimiter(transfers)
  const { image, referrers } = sources
  const readers = {
    image: withBreaker(image.reader),
    referrers: referrers === undefined ? undefined : withBreaker(referrers.reader),
  }
  const inventory = await takeInventory({
    readers,
    known,
    limiter,
    isFull,
    selection,
    only,
    now,
    policy,
    nextPassMs,
    held,
    concurrency: transfers * 4,
    begin: o.begin,
    ...(o.onTags === undefined ? {} : { onTags: o.onTags }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  })
  const end = o.begin?.({ doing: 'planning' })
  const plan: SyncPlan = planSync(inventory, known, { policy, now })
  end?.()
  if (plan.refusal !== undefined) throw new AppError('UPSTREAM_SHRUNK', plan.refusal)
  return { inventory, plan, readers, limiter }
}

export function subjectOf(
  mirror: { readonly repository: string; readonly upstream: string; readonly source_repository: string },
  only: ReadonlySet<Tag> | undefined,
): PlanSubject {
  return {
    repository: mirror.repository,
    source: { upstream: mirror.upstream, repository: mirror.source_repository },
    tags: only === undefined ? null : [...only].sort(),
  }
}

export interface RunOptions {
  readonly engine: Pick<MirrorEngineOptions, 'db' | 'openSource' | 'openWriter'>
  readonly clock: Clock
  readonly transfers: number
  readonly held: HeldBudget
  readonly mirror: MirrorRecord
  readonly binding: Pick<MirrorBinding, 'runId' | 'leaseKey' | 'generation'>
  readonly isFull: boolean
  /** What the mirror takes; undefined: everything. */
  readonly selection: Selection | undefined
  /** Only these tags; undefined: all. */
  readonly only: ReadonlySet<Tag> | undefined
  /** Upstream has named `only`, and nobody here; see `lookAtHinted`. */
  readonly hinted?: { readonly attached: ReadonlySet<Tag> } | undefined
  /** What upstream lists now is right, however much less it is than before. */
  readonly acceptShrink: boolean
  /** When the next pass is expected, from now. */
  readonly nextPassMs: number
  readonly signal: AbortSignal
  /** How much somebody waits for the run; undefined: nobody, so that new content goes before what is looked at again. */
  readonly priority: Priority | undefined
  readonly meter: RunMeter
  /** Nothing but this is to be done. */
  readonly exactly?: PlanReference | undefined
  changed(): void
}

/** @throws whatever ended the pass as a whole; `counts` then tells how far it got */
export async function runPass(
  o: RunOptions,
  counts: { -readonly [K in keyof RunCounts]: RunCounts[K] },
): Promise<RunReport> {
  const { engine, mirror, meter, selection } = o
  const sources = await openSources(engine, mirror, () => o.priority ?? (meter.phase === 'listing' ? 'recheck' : 'new'))
  const known = await loadKnown(engine.db.read, mirror, sources.keys, selection)
  const policy = policyOf(mirror.settings, { acceptShrink: o.acceptShrink })
  const count = () => {
    const [image, referrers] = [sources.image.usage(), sources.referrers?.usage()]
    counts.requests = image.requests + (referrers?.requests ?? 0)
    counts.readBytes = image.readBytes + (referrers?.readBytes ?? 0)
  }
  const held = o.held.open()
  const begin: Begin = (what) => {
    const end = meter.current.begin(what)
    o.changed()
    return end
  }
  try {
    const hinted =
      o.hinted === undefined || o.only === undefined
        ? undefined
        : await lookAtHinted({
            reader: sources.image.reader,
            known,
            only: o.only,
            attached: o.hinted.attached,
            concurrency: o.transfers,
            signal: o.signal,
            begin,
          })
    const inStep = hinted === undefined ? [] : inStepRows(hinted, mirror.id, isoTime(o.clock.now()))
    if (hinted !== undefined && hinted.left.size === 0) {
      counts.tagsUnchanged = inStep.length
      meter.tagsTotal = inStep.length
      meter.tagsDone = inStep.length
      return nothingLeft(inStep)
    }
    const { inventory, plan, readers, limiter } = await planPass({
      sources,
      known,
      isFull: o.isFull,
      selection,
      only: hinted?.left ?? o.only,
      now: o.clock.now(),
      policy,
      nextPassMs: o.nextPassMs,
      transfers: o.transfers,
      held,
      signal: o.signal,
      begin,
      onTags: (total) => {
        meter.tagsTotal = total
        o.changed()
      },
    })
    if (o.exactly !== undefined) {
      const images = imagesOf(inventory, known, plan)
      refuseOtherPlan(o.exactly, { id: planIdOf(subjectOf(mirror, o.only), images), images })
    }
    const { totals } = plan
    counts.tagsUnchanged = (totals.tagsUnchanged ?? 0) + inStep.length
    meter.phase = 'copying'
    meter.tagsTotal = plan.tags.filter((tag) => !UNFOLLOWED.has(tag.state)).length
    meter.leftOut = totals.tagsSkipped ?? 0
    meter.tagsDone = plan.tags.filter((tag) => tag.state === 'synced').length
    meter.manifestsTotal = (totals.manifests ?? 0) + (totals.referrers ?? 0)
    meter.bytesTotal = totals.sizeBytes ?? 0
    o.changed()
    // So that people see from the start how much there is to come.
    if (plan.works.length > 0) {
      const rows = tagRows(plan.tags, mirror.id, isoTime(o.clock.now()))
      const holds = holdRows(plan, mirror.id)
      await engine.db.write(async (tx) => {
        await setRunPlan(tx, o.binding.runId, JSON.stringify(totals))
        await recordTags(tx, rows)
        await recordHolds(tx, mirror.id, holds, { isAll: false })
      })
    }

    const bind = (key: string) =>
      engine.openWriter({
        ...o.binding,
        organizationId: mirror.organization_id,
        organization: mirror.organization,
        repositoryId: mirror.repository_id,
        mirrorId: mirror.id,
        actor: `mirror:${mirror.id}`,
        sourceKey: key,
        isAbsentUpstream: (digest) => inventory.absent.has(digest) || inventory.unchosen.has(digest),
      })
    const counting = countingObserver(meter, counts, () => o.changed())
    const executed = await executePlan({
      plan,
      inventory,
      readers,
      writers: { image: bind(sources.keys.image), referrers: bind(sources.keys.referrers) },
      limiter,
      held,
      signal: o.signal,
      begin,
      observer: {
        ...counting,
        onPublished(work, tagsMoved) {
          counts.tagsMoved += tagsMoved
          counting.onPublished(work, tagsMoved)
        },
        onUntagged(tags) {
          counts.tagsUntagged += tags
        },
        onUnlinked(referrers) {
          counts.referrersUnlinked += referrers
        },
      },
    })
    // Upstream may name what is not selected: nobody here asked for it.
    const told = (whole: SyncPlan): SyncPlan =>
      hinted === undefined ? whole : { ...whole, unmet: whole.unmet.filter(({ why }) => why !== 'unselected') }
    const now = isoTime(o.clock.now())
    const report = reportRun(
      { inventory, plan: told(plan), executed },
      {
        mirrorId: mirror.id,
        repository: mirror.repository,
        keys: sources.keys,
        known,
        isFull: o.isFull,
        policy,
        now,
      },
    )
    counts.failed = report.failedTags
    counts.tagsExcluded = report.excludedTags
    counts.tagsDiverged = report.divergedTags
    counts.tagsPinned = report.pinnedTags
    counts.tagsHeld = report.heldTags
    meter.leftOut = report.excludedTags + report.divergedTags + report.pinnedTags
    return { ...report, tags: [...inStep, ...report.tags] }
  } finally {
    held.end()
    count()
  }
}
