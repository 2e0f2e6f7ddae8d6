/**
 * Whose turn it is: one start for each organization after the other, and within it for each of its webhooks, so that nobody's lines are
 * longer than anybody else's. Places are shared so that whoever has none gets one at once, whatever the others' receivers do.
 */
import { type Endpoint, type Start, takeNext } from './endpoint.ts'

/** Attempts of all webhooks at once, and of one organization's. */
export const MAX_FLIGHTS = 256
export const MAX_ORGANIZATION_FLIGHTS = 128
/** The last of all places are for organizations that have less than their share. */
export const RESERVED_FLIGHTS = 64
/** An organization without any attempt under way begins one even beyond all that, up to here. */
export const MOST_FLIGHTS = 1024

export interface Turns {
  get(webhookId: string): Endpoint | undefined
  add(endpoint: Endpoint): void
  remove(webhookId: string): void
  all(): Iterable<Endpoint>
  ids(): string[]
  /** Takes out what is next, and counts it as under way; undefined: nothing may begin now. */
  next(): (Start & { readonly endpoint: Endpoint }) | undefined
  /** What `next` gave is over. */
  over(endpoint: Endpoint, isDue: boolean): void
  /** Attempts under way. */
  flights(): number
}

interface Organization {
  readonly id: string
  /** Whoever began something last is last. */
  readonly endpoints: Map<string, Endpoint>
  flights: number
}

/** @param look is called with each webhook whose turn it might be: it may need more of its line */
export function createTurns(look: (endpoint: Endpoint) => void): Turns {
  const endpoints = new Map<string, Endpoint>()
  const organizations = new Map<string, Organization>()
  let flights = 0

  function mayBegin({ flights: own }: Organization): boolean {
    if (own === 0) return flights < MOST_FLIGHTS
    if (own >= MAX_ORGANIZATION_FLIGHTS) return false
    if (flights < MAX_FLIGHTS - RESERVED_FLIGHTS) return true
    return flights < MAX_FLIGHTS && own < MAX_FLIGHTS / (organizations.size + 1)
  }

  function takeFrom(organization: Organization): ReturnType<Turns['next']> {
    for (const [id, endpoint] of organization.endpoints) {
      const start = endpoint.line.length + endpoint.due.length === 0 ? undefined : takeNext(endpoint)
      look(endpoint)
      if (start === undefined) continue
      toEnd(organization.endpoints, id, endpoint)
      return { ...start, endpoint }
    }
    return undefined
  }

  function count({ webhook }: Endpoint, by: 1 | -1): void {
    const organization = organizations.get(webhook.organization_id)
    if (organization === undefined) return
    flights += by
    organization.flights += by
  }

  return {
    get: (webhookId) => endpoints.get(webhookId),
    add(endpoint) {
      const { id, organization_id: organizationId } = endpoint.webhook
      endpoints.set(id, endpoint)
      const organization = organizations.get(organizationId) ?? { id: organizationId, endpoints: new Map(), flights: 0 }
      organization.endpoints.set(id, endpoint)
      organizations.set(organizationId, organization)
    },
    remove(webhookId) {
      const endpoint = endpoints.get(webhookId)
      if (endpoint === undefined) return
      endpoints.delete(webhookId)
      const organization = organizations.get(endpoint.webhook.organization_id)
      organization?.endpoints.delete(webhookId)
      if (organization?.endpoints.size === 0) organizations.delete(organization.id)
    },
    all: () => endpoints.values(),
    ids: () => [...endpoints.keys()],
    next() {
      for (const [id, organization] of organizations) {
        if (!mayBegin(organization)) continue
        const taken = takeFrom(organization)
        if (taken === undefined) continue
        toEnd(organizations, id, organization)
        taken.endpoint.flights++
        if (taken.isDue) taken.endpoint.dueFlights++
        count(taken.endpoint, 1)
        return taken
      }
      return undefined
    },
    over(endpoint, isDue) {
      endpoint.flights--
      if (isDue) endpoint.dueFlights--
      count(endpoint, -1)
    },
    flights: () => flights,
  }
}

function toEnd<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key)
  map.set(key, value)
}
