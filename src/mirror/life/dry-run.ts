/** What a pass would do, as people and programs get it: the same planning as of a run, and nothing else. */

import type { MirrorSettings } from '../../api/mirror-settings.ts'
import type { Plan } from '../../api/plans.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import type { Clock } from '../../lib/clock.ts'
import type { HeldBudget } from '../../lib/held.ts'
import type { Tag } from '../../oci/reference.ts'
import type { MirrorEngineOptions, Source } from '../engine.ts'
import { forecastOf } from '../pass/forecast.ts'
import { loadKnown, NOTHING_KNOWN } from '../pass/known.ts'
import { imagesOf } from '../pass/plan-images.ts'
import { policyOf } from '../pass/policy.ts'
import { planPass, subjectOf } from '../pass/run.ts'
import { openSources } from '../pass/sources.ts'
import { registryOf } from './places.ts'
import { createPlanPlaces } from './plan-places.ts'
import { renderPlan } from './render-plan.ts'
import { nextPassMs } from './schedule.ts'

export interface DryRunOptions extends Pick<MirrorEngineOptions, 'db' | 'openSource'> {
  readonly clock: Clock
  /** Between two passes of a mirror without a schedule of its own. */
  readonly intervalMs: number
  readonly transfers: number
  readonly held: HeldBudget
}

export interface DryRunRequest {
  readonly full?: boolean | undefined
  /** What upstream lists now is right, however much less it is than before. */
  readonly acceptShrink?: boolean | undefined
  /** Only these tags; undefined: all. */
  readonly only?: ReadonlySet<Tag> | undefined
  readonly signal?: AbortSignal | undefined
  readonly settings: MirrorSettings
}

/** The mirror, or what one would be. */
export interface DryRunSubject {
  readonly upstream_id: string
  readonly upstream: string
  readonly source_repository: string
  readonly organization_id: string
  readonly repository: string
}

export type DryRuns = (
  mirror: DryRunSubject,
  /** Of what is here; undefined: nothing is. */
  id: { readonly id: string; readonly repository_id: string } | undefined,
  request: DryRunRequest,
) => Promise<Plan>

/** The dry runs of one process. @throws AppError TOOMANYREQUESTS when too many of the organization wait already */
export function createDryRuns(o: DryRunOptions): DryRuns {
  const places = createPlanPlaces('plans')
  return async (mirror, id, request) => {
    const { organization_id: organizationId, upstream_id: upstreamId } = mirror
    const registry = registryOf(await findUpstreamById(o.db.read, upstreamId), upstreamId)
    return places.run({ organizationId, registry, signal: request.signal }, () => dryRun(o, mirror, id, request))
  }
}

async function dryRun(
  o: DryRunOptions,
  mirror: DryRunSubject,
  id: { readonly id: string; readonly repository_id: string } | undefined,
  { full = false, acceptShrink = false, only, signal, settings }: DryRunRequest,
): Promise<Plan> {
  const { clock, transfers } = o
  const now = clock.now()
  const { selection } = settings
  const text = JSON.stringify(settings)
  const sources = await openSources(o, mirror)
  const known = id === undefined ? NOTHING_KNOWN : await loadKnown(o.db.read, id, sources.keys, selection)
  const held = o.held.open()
  const planning = planPass({
    sources,
    known,
    isFull: full,
    only,
    now,
    policy: policyOf(text, { acceptShrink }),
    nextPassMs: nextPassMs(text, now, o.intervalMs),
    transfers,
    selection,
    held,
    signal,
  })
  const { inventory, plan } = await planning.finally(held.end)
  const askedOf = async (source: Source) => ({
    listing: source.usage().requests,
    allowances: (await source.allowances?.()) ?? [],
  })
  const { image, referrers } = sources
  const forecast = forecastOf(plan, inventory, {
    image: await askedOf(image),
    referrers: referrers && { ...(await askedOf(referrers)), upstream: referrers.upstream },
  })
  const images = imagesOf(inventory, known, plan)
  const subject = subjectOf(mirror, only)
  const asked = image.usage().requests + (referrers?.usage().requests ?? 0)
  // The run asks what this did once more, and then for the blobs.
  const totals = { ...plan.totals, requests: asked + (plan.totals.blobs ?? 0) }
  return renderPlan({ subject, images, items: plan.items, totals, full, acceptShrink, forecast })
}
