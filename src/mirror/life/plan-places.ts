/** Where what people ask to see waits: plans and reads of catalogs hold as much as runs do, and have places of their own (record 30). */
import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { createPlaces } from './places.ts'

/** Of one kind in one process; shared among organizations and registries as the places of runs are. */
const AT_ONCE = 4
/** Of one organization, those that wait among them: whoever comes beyond these is told to come again. */
const ASKED = 50
const COME_AGAIN_SECONDS = 30

export interface PlanPlaces {
  /**
   * Does the work once it has a place.
   * @throws AppError TOOMANYREQUESTS when too many of the organization wait already; what `signal` was aborted with
   */
  run<T>(
    o: { readonly organizationId: string; readonly registry: string; readonly signal?: AbortSignal | undefined },
    work: () => Promise<T>,
  ): Promise<T>
}

/** @param what `plans`, for people */
export function createPlanPlaces(what: string): PlanPlaces {
  const places = createPlaces(AT_ONCE)
  const asked = new Map<string, number>()
  return {
    async run({ organizationId, registry, signal = new AbortController().signal }, work) {
      const others = asked.get(organizationId) ?? 0
      if (others >= ASKED) {
        throw new AppError(
          'TOOMANYREQUESTS',
          `${others} ${what} of this organization are being made already: try again`,
          {
            detail: { retryAfterSeconds: COME_AGAIN_SECONDS },
          },
        )
      }
      asked.set(organizationId, others + 1)
      try {
        const leave = await places.take({ runId: newId(), organizationId, registry, urgency: () => 0 }, signal)
        try {
          return await work()
        } finally {
          leave()
        }
      } finally {
        const left = (asked.get(organizationId) ?? 1) - 1
        if (left === 0) asked.delete(organizationId)
        else asked.set(organizationId, left)
      }
    },
  }
}
