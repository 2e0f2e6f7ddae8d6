/** Where a subscription stands, as data: each cause with the state that it brings and the line that ends it. No I/O. */
import type { SubscriptionCause, SubscriptionRow, SubscriptionState } from '../../db/schema.ts'
import { isAppError } from '../../errors.ts'

interface Cause {
  readonly state: SubscriptionState
  /** `ID`, `ORG` and `UPSTREAM` stand for the names. */
  readonly remedy: string
}

export const CAUSES: Readonly<Record<SubscriptionCause, Cause>> = {
  hand: { state: 'paused', remedy: 'subscription resume ID' },
  credentials: { state: 'paused', remedy: 'upstream change UPSTREAM --org ORG --username USER --password-stdin' },
  catalog: { state: 'paused', remedy: 'subscription change ID --repositories A,B,C' },
  unreachable: { state: 'degraded', remedy: 'subscription sync ID' },
  shrink: { state: 'degraded', remedy: 'subscription sync ID --accept-shrink' },
}

/** What a failed read of the catalog means. */
export function causeOf(error: unknown): { readonly cause: SubscriptionCause; readonly problem: string } {
  // What nobody expected is in the log.
  const problem = isAppError(error) ? error.message : 'the catalog could not be read'
  if (isAppError(error, 'UPSTREAM_DENIED')) return { cause: 'credentials', problem }
  if (isAppError(error, 'UPSTREAM_UNSUPPORTED')) return { cause: 'catalog', problem }
  return { cause: 'unreachable', problem }
}

export type Standing = Pick<SubscriptionRow, 'state' | 'reason'>

/** State and reason; an entry without its mirror degrades, and is no cause: it is mended one by one. */
export function standingOf(
  row: Pick<SubscriptionRow, 'state' | 'cause' | 'problem'>,
  entries: { readonly failed: number; readonly total: number; readonly first: string | undefined },
): Standing {
  if (row.state === 'stopped') return { state: 'stopped', reason: null }
  if (row.cause !== null) return { state: CAUSES[row.cause].state, reason: row.problem }
  if (entries.failed === 0) return { state: 'active', reason: null }
  const first = entries.first === undefined ? '' : `, ${entries.first}`
  return { state: 'degraded', reason: `${entries.failed} of ${entries.total} repositories have no mirror${first}` }
}

/** The line of the command line that ends the state; null when there is nothing to end. */
export function remedyOf(row: {
  readonly id: string
  readonly state: SubscriptionState
  readonly cause: SubscriptionCause | null
  readonly organization: string
  readonly upstream: string
}): string | null {
  if (row.state === 'active') return null
  const line =
    row.state === 'stopped'
      ? 'mirror start UPSTREAM --all --org ORG'
      : row.cause === null
        ? 'subscription show ID --entries failed'
        : CAUSES[row.cause].remedy
  const names = { ID: row.id, ORG: row.organization, UPSTREAM: row.upstream }
  return line.replace(/\b(ID|ORG|UPSTREAM)\b/g, (name) => names[name as keyof typeof names])
}
