import { useQuery } from '@tanstack/react-query'
import type { InstanceHealth, InstanceSetting } from '../../api/operator.ts'
import type { UserAccount } from '../../api/users.ts'
import { request, requestAll } from './request.ts'

/** What others change comes by itself where `live.ts` tells of it; this is for the rest. */
const SELDOM_MS = 60_000

export function useInstanceHealth() {
  return useQuery({
    queryKey: ['operator', 'health'],
    refetchInterval: SELDOM_MS,
    queryFn: async ({ signal }) =>
      (await request<{ health: InstanceHealth }>('GET', '/operator/health', { signal })).health,
  })
}

export function useInstanceSettings() {
  return useQuery({
    queryKey: ['operator', 'settings'],
    queryFn: async ({ signal }) =>
      (await request<{ settings: InstanceSetting[] }>('GET', '/operator/settings', { signal })).settings,
  })
}

export function useUsers() {
  return useQuery({
    queryKey: ['operator', 'users'],
    queryFn: ({ signal }) => requestAll<UserAccount>('/users', 'users', { signal }),
  })
}

export function userPath(username: string, rest = ''): string {
  return `/users/${encodeURIComponent(username)}${rest}`
}
