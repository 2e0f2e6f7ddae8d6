import { useQuery } from '@tanstack/react-query'
import type { Subscription, SubscriptionEntry } from '../../api/subscriptions.ts'
import { request, requestAll } from './request.ts'

/** What others change comes by itself where `live.ts` tells of it; this is for the rest. */
const SELDOM_MS = 60_000

export function useSubscriptions(organization: string) {
  return useQuery({
    queryKey: ['subscriptions', organization],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) =>
      (await requestAll<Subscription>('/subscriptions', 'subscriptions', { query: { organization }, signal })).items,
  })
}

export function subscriptionPath(organization: string, id: string, rest = ''): string {
  return `/subscriptions/${encodeURIComponent(organization)}/${encodeURIComponent(id)}${rest}`
}

export function useSubscription(organization: string, id: string) {
  return useQuery({
    queryKey: ['subscriptions', organization, id],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) =>
      (await request<{ subscription: Subscription }>('GET', subscriptionPath(organization, id), { signal }))
        .subscription,
  })
}

/** @param state undefined: all of them */
export function useSubscriptionEntries(organization: string, id: string, state: string | undefined) {
  return useQuery({
    queryKey: ['subscriptions', organization, id, 'entries', state],
    queryFn: ({ signal }) =>
      requestAll<SubscriptionEntry>(subscriptionPath(organization, id, '/entries'), 'entries', {
        query: { state },
        signal,
      }),
  })
}
