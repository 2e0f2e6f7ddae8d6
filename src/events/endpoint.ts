/** What one webhook has to send next, as the server that delivers holds it: a few deliveries of its line, and of those that are due. */
import type { WebhookRow } from '../db/schema.ts'
import type { LoadedDelivery } from '../db/webhooks/deliveries.ts'
import { flightsOf } from './schedule.ts'
import type { Opened } from './signing.ts'

export interface Endpoint {
  webhook: WebhookRow
  /** Undefined: they cannot be opened. */
  secrets: Opened | undefined
  line: LoadedDelivery[]
  due: LoadedDelivery[]
  /** The last place in line that was loaded. */
  lineAfter: number
  mayHaveLine: boolean
  mayHaveDue: boolean
  /** The read of them that is under way; undefined: none. What it gives is of before what is over since it began. */
  loading: { readonly over: Set<string> } | undefined
  /** Loaded, under way, or over and not yet written down: not to be loaded again. */
  readonly taken: Set<string>
  /** Tags that an attempt is under way for, by repository: two moves of one tag never are at once. */
  readonly tags: Set<string>
  /** By repository: when the last of its line that was started has left. */
  readonly sent: Map<string | null, Promise<void>>
  flights: number
  dueFlights: number
  failedInRow: number
}

export function newEndpoint(webhook: WebhookRow, secrets: Opened | undefined): Endpoint {
  return {
    webhook,
    secrets,
    line: [],
    due: [],
    lineAfter: 0,
    mayHaveLine: true,
    mayHaveDue: true,
    loading: undefined,
    taken: new Set(),
    tags: new Set(),
    sent: new Map(),
    flights: 0,
    dueFlights: 0,
    failedInRow: 0,
  }
}

export interface Start {
  readonly delivery: LoadedDelivery
  readonly isDue: boolean
}

/**
 * Takes out the delivery whose turn it is, when there is one. Lines are kept in order by repository: none starts before those of its
 * repository that came before it. What is tried again has a quarter of the flights for sure, and all of them while nothing is in line.
 */
export function takeNext(endpoint: Endpoint): Start | undefined {
  const { line, due, flights, dueFlights, failedInRow, secrets, webhook } = endpoint
  const most = flightsOf(failedInRow)
  if (flights >= most || secrets === undefined || webhook.enabled === 0) return undefined
  const isDueTurn = dueFlights < Math.max(1, most / 4)
  const isFree = (one: LoadedDelivery) => !endpoint.tags.has(tagKey(one))
  if (isDueTurn || line.length === 0) {
    const at = due.findIndex(isFree)
    const [delivery] = at === -1 ? [] : due.splice(at, 1)
    if (delivery !== undefined) return { delivery, isDue: true }
  }
  const blocked = new Set<string | null>()
  for (const [at, delivery] of line.entries()) {
    const { repository_id: repository } = delivery
    if (blocked.has(repository)) continue
    if (isFree(delivery)) {
      line.splice(at, 1)
      return { delivery, isDue: false }
    }
    blocked.add(repository)
  }
  return undefined
}

/** Deliveries without a tag are in nobody's way. */
export function tagKey({ id, repository_id: repository, tag }: LoadedDelivery): string {
  return tag === null ? id : `${repository} ${tag}`
}

/** Nothing of it has to be remembered. */
export function isIdle({ line, due, mayHaveLine, mayHaveDue, loading, taken }: Endpoint): boolean {
  return line.length + due.length + taken.size === 0 && !mayHaveLine && !mayHaveDue && loading === undefined
}

/** What became of it is written down: it may be loaded again, but not by a read that began before. */
export function letGo({ taken, loading }: Endpoint, id: string): void {
  taken.delete(id)
  loading?.over.add(id)
}

/** These are over: they are not sent any more. */
export function dropFrom(endpoint: Endpoint, ids: ReadonlySet<string>): void {
  for (const id of ids) endpoint.loading?.over.add(id)
  for (const list of ['line', 'due'] as const) {
    for (const one of endpoint[list]) if (ids.has(one.id)) endpoint.taken.delete(one.id)
    endpoint[list] = endpoint[list].filter((one) => !ids.has(one.id))
  }
}

/** It sends nothing for now; what was loaded is loaded again when it does. */
export function emptyEndpoint(endpoint: Endpoint): void {
  for (const one of [...endpoint.line, ...endpoint.due]) endpoint.taken.delete(one.id)
  endpoint.line = []
  endpoint.due = []
  endpoint.loading = undefined
  endpoint.lineAfter = 0
  endpoint.mayHaveLine = false
  endpoint.mayHaveDue = false
}
