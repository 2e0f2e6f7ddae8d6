import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { PlacedWebhook, Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { organizationPath, repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

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
    refetchInterval: 15_000,
    queryFn: ({ signal }) => requestAll<PlacedWebhook>('/webhooks', 'webhooks', { query: { organization }, signal }),
  })
}

const DELIVERIES_PAGE = 25
const LOOK_AGAIN_MS = 3000

/** What was and is to be delivered by one, newest first. */
export function useDeliveries(place: WebhookPlace, webhook: string, status?: WebhookDelivery['status']) {
  return useInfiniteQuery({
    queryKey: ['deliveries', place, webhook, status],
    refetchInterval: LOOK_AGAIN_MS,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ deliveries: WebhookDelivery[]; next: string | null }>(
        'GET',
        webhookPath(place, webhook, '/deliveries'),
        {
          query: { limit: DELIVERIES_PAGE, after: pageParam, status },
          signal,
        },
      ),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

export function useDelivery(place: WebhookPlace, webhook: string, id: string) {
  return useQuery({
    queryKey: ['delivery', place, webhook, id],
    refetchInterval: LOOK_AGAIN_MS,
    queryFn: async ({ signal }) => {
      const path = webhookPath(place, webhook, `/deliveries/${encodeURIComponent(id)}`)
      return (await request<{ delivery: WebhookDelivery }>('GET', path, { signal })).delivery
    },
  })
}
