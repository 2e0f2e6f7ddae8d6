import { useQuery } from '@tanstack/react-query'
import type { Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

export function useWebhooks(repository: string) {
  return useQuery({
    queryKey: ['webhooks', repository],
    queryFn: async ({ signal }) =>
      (await requestAll<Webhook>(`/repositories/${repositoryPath(repository)}/webhooks`, 'webhooks', { signal })).items,
  })
}

/** The newest of one webhook. */
export function useDeliveries(repository: string, webhook: string) {
  return useQuery({
    queryKey: ['deliveries', repository, webhook],
    refetchInterval: 3000,
    queryFn: async ({ signal }) => {
      const path = `/repositories/${repositoryPath(repository)}/webhooks/${encodeURIComponent(webhook)}/deliveries`
      return (await request<{ deliveries: WebhookDelivery[] }>('GET', path, { query: { limit: 20 }, signal }))
        .deliveries
    },
  })
}
