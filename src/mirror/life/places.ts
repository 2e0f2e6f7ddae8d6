/** Where runs wait until there is room for them: a bounded number of places, shared fairly, whoever asked (record 30). */
import type { RunRow, UpstreamRow } from '../../db/schema.ts'
import { createSharedSlots, type Portions, wholePortions } from '../../net/portions.ts'
import type { Priority } from '../../net/priority.ts'

export const RUNS_AT_ONCE = 8

/** Parts of the places that runs from one registry, and of one organization, may hold: the rest finds a free one whatever these do. */
const REGISTRY = 1 / 2
const ORGANIZATION = 3 / 4

export interface PlaceRequest {
  readonly runId: string
  readonly organizationId: string
  /** Origin of the registry that it reads or writes. */
  readonly registry: string
  /** See `urgencyOf`; it may become more urgent while it waits. */
  urgency(): number
}

export interface Places {
  /** Resolves to the function that gives the place back. @throws AppError what `signal` was aborted with */
  take(request: PlaceRequest, signal: AbortSignal): Promise<() => void>
  /** How many runs come before this one; undefined: it does not wait. */
  ahead(runId: string): number | undefined
}

/** Of one upstream or target; it may be gone. */
export function registryOf(upstream: Pick<UpstreamRow, 'url'> | undefined, upstreamId: string): string {
  return URL.parse(upstream?.url ?? '')?.origin ?? upstreamId
}

/**
 * Lower ones first, within an organization: tags that people name, what else somebody waits for, what upstream or our own log tells of, what the clock has
 * begun.
 */
export function urgencyOf(trigger: RunRow['trigger'], isOfTags = false): number {
  if (trigger === 'schedule' || trigger === 'drift') return 2
  if (trigger === 'hint' || trigger === 'change') return 1
  return isOfTags ? -1 : 0
}

/** Of the requests of a run; undefined: nobody waits for it. */
export function priorityOf(trigger: RunRow['trigger']): Priority | undefined {
  if (trigger === 'schedule' || trigger === 'drift') return undefined
  return trigger === 'hint' || trigger === 'change' ? 'hinted' : 'asked'
}

/**
 * A free place goes to the organization that holds fewest, in turn; within it to what was asked for, then in order of asking.
 * @param portions where several processes share the places; each gives of its own no more to one registry or organization
 */
export function createPlaces(total: number, portions: Portions = wholePortions): Places {
  const slots = createSharedSlots(portions, 'runs', { total, bulkOf: (places) => places })
  const most = (part: number) => Math.max(1, Math.floor(slots.total * part))
  return {
    take({ runId, organizationId, registry, urgency }, signal) {
      const shares = [
        {
          key: JSON.stringify([organizationId]),
          get most() {
            return most(ORGANIZATION)
          },
        },
        {
          key: JSON.stringify([null, registry]),
          get most() {
            return most(REGISTRY)
          },
        },
      ]
      return slots.acquire('small', signal, shares, { name: runId, rank: urgency })
    },
    ahead: (runId) => slots.ahead(runId),
  }
}
