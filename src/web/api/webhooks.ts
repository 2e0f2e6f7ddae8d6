import { type InfiniteData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { PlacedWebhook, Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { organizationPath, repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

/** `live.ts` says when to look again; this is for where nothing tells. */
const SELDOM_MS = 60_000
const PENDING_MS = 3000

/** What has webhooks: a repository by its whole name, or an organization by its own. */
export type WebhookPlace = string

function placePath(place: WebhookPlace): string {
  return place.includes('/') ? `/repositories/${repositoryPath(place)}` : organizationPath(place)
}

/** @param rest `/deliveries`, encoded already */
export function webhookPath(place: WebhookPlace, webhook?: string, rest = ''): string {
  return `${placePath(place)}/webhooks${webhook === undefined ? '' : `/${encodeURIComponent(webhook)}`}${rest}`
}

export function useWebhooks(place: WebhookPlace) {
  return useQuery({
    queryKey: ['webhooks', place],
    queryFn: async ({ signal }) => (await requestAll<Webhook>(webhookPath(place), 'webhooks', { signal })).items,
  })
}

/** Of all repositories of an organization that one sees, and of itself. */
export function useAllWebhooks(organization: string) {
  return useQuery({
    queryKey: ['webhooks', 'all', organization],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) => requestAll<PlacedWebhook>('/webhooks', 'webhooks', { query: { organization }, signal }),
  })
}

const DELIVERIES_PAGE = 25

interface DeliveryPage {
  readonly deliveries: readonly WebhookDelivery[]
  readonly next: string | null
}

/** Often only while something is on its way. */
function lookAgainMs(deliveries: readonly WebhookDelivery[]): number {
  return deliveries.some(({ status }) => status === 'pending') ? PENDING_MS : SELDOM_MS
}

/** What was and is to be delivered by one, newest first. */
export function useDeliveries(place: WebhookPlace, webhook: string, status?: WebhookDelivery['status']) {
  return useInfiniteQuery({
    queryKey: ['deliveries', place, webhook, status],
    refetchInterval: ({
      state: { data },
    }: {
      readonly state: { readonly data?: InfiniteData<DeliveryPage> | undefined }
    }) => lookAgainMs(data?.pages.flatMap((page) => page.deliveries) ?? []),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<DeliveryPage>('GET', webhookPath(place, webhook, '/deliveries'), {
        query: { limit: DELIVERIES_PAGE, after: pageParam, status },
        signal,
      }),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

export function useDelivery(place: WebhookPlace, webhook: string, id: string) {
  return useQuery({
    queryKey: ['delivery', place, webhook, id],
    refetchInterval: ({ state: { data } }: { readonly state: { readonly data?: WebhookDelivery | undefined } }) =>
      lookAgainMs(data === undefined ? [] : [data]),
    queryFn: async ({ signal }) => {
      const path = webhookPath(place, webhook, `/deliveries/${encodeURIComponent(id)}`)
      return (await request<{ delivery: WebhookDelivery }>('GET', path, { signal })).delivery
    },
  })
}
