/** What a pass would do, as people and programs get it: the same planning as of a run, and nothing is sent. */
import type { ReplicationPlan } from '../../api/replications.ts'
import type { ReplicationRecord } from '../../db/replication/replications.ts'
import type { TargetRow } from '../../db/schema.ts'
import type { Clock } from '../../lib/clock.ts'
import type { KeyedTurns } from '../../lib/held-turns.ts'
import { registryOf } from '../../mirror/life/places.ts'
import { createPlanPlaces } from '../../mirror/life/plan-places.ts'
import { renderPlan } from '../../mirror/life/render-plan.ts'
import { forecastOf } from '../../mirror/pass/forecast.ts'
import { imagesOf } from '../../mirror/pass/plan-images.ts'
import type { RepositoryName, Tag } from '../../oci/reference.ts'
import type { ReplicationStart, ReplicationsOptions } from '../engine.ts'
import { type PassOptions, planPass, refuseOpen } from '../pass/pass.ts'
import { fullSettings } from './settings.ts'
import type { StartOf } from './start.ts'

/** A repository of a target, and who sends there. */
export interface ToTarget {
  readonly target: TargetRow
  readonly repository: RepositoryName
  readonly organizationId: string
}

export interface PlansOptions extends Pick<ReplicationsOptions, 'db' | 'openLocal'> {
  readonly clock: Clock
  readonly transfers: number
  readonly turns: KeyedTurns
  withTarget<T>(
    of: ToTarget,
    priority: undefined,
    work: (opened: Pick<PassOptions, 'target' | 'ledger'>) => Promise<T>,
  ): Promise<T>
}

/** @throws AppError TARGET_*; TOOMANYREQUESTS when too many plans of the organization are being made already */
export function createPlans(o: PlansOptions): (
  replication: ReplicationRecord,
  of: ToTarget,
  asked: {
    readonly signal?: AbortSignal | undefined
    readonly full?: boolean | undefined
    readonly only?: ReadonlySet<Tag> | undefined
  },
) => Promise<ReplicationPlan> {
  const places = createPlanPlaces('plans')
  const { db, clock, transfers, turns } = o
  return (replication, of, { signal = new AbortController().signal, full = replication.full_due === 1, only }) => {
    const { organizationId } = of
    return places.run({ organizationId, registry: registryOf(of.target, of.target.id), signal }, () =>
      o.withTarget(of, undefined, async ({ target, ledger }) => {
        await refuseOpen(target, replication, signal)
        const planned = await planPass({
          ...{ db, clock, replication, target, ledger, turns, transfers, only, signal },
          settings: fullSettings(replication),
          reader: o.openLocal(replication.repository_id),
          ...{ isFull: full, isAsking: true, isDriftDue: false, isProbing: false },
          begin: () => () => {},
        })
        const { inventory, plan, known } = planned
        const to = { target: replication.target, repository: replication.target_repository }
        const {
          source: _,
          acceptShrink: __,
          ...rendered
        } = renderPlan({
          subject: {
            repository: replication.repository,
            source: { upstream: to.target, repository: to.repository },
            tags: only === undefined ? null : [...only].sort(),
          },
          images: imagesOf(inventory, known, plan),
          ...{ items: plan.items, totals: plan.totals, full, acceptShrink: false },
          forecast: forecastOf(plan, inventory, { image: { listing: target.usage().requests, allowances: [] } }),
        })
        return { ...rendered, target: to }
      }),
    )
  }
}

/** One that is not there yet, as far as a plan goes by it. */
export function unmade(of: StartOf, request: ReplicationStart, at: string): ReplicationRecord {
  const { organization, repository, target } = of
  return {
    ...{ id: '', organization_id: organization.id, repository_id: repository.id, target_id: target.id },
    ...{ target_repository: request.targetRepository, rule_id: null, state: 'initial', reason: null, since: at },
    ...{ settings: '{}', created_at: at, next_run_at: null, full_due: 0, changed_since: null, looked_at: null },
    ...{
      succeeded_at: null,
      drift_checked_at: null,
      privacy_checked_at: null,
      drifted: 0,
      organization: organization.name,
    },
    ...{ repository: request.repository, target: target.name, target_url: target.url },
    target_organization_id: target.organization_id,
  }
}
