/** What the page reads, by noun; each under a key that begins with its noun. */
import { QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { CatalogEntry } from '../../api/catalog.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { Organization, Role } from '../../api/organizations.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import type { Tag } from '../../api/tags.ts'
import type { Upstream } from '../../api/upstreams.ts'
import type { Profile } from '../../api/users.ts'
import type { Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { ApiError, request, requestAll } from './request.ts'

export type ListedRepository = Pick<
  RepositoryDetail,
  'name' | 'visibility' | 'mirror' | 'tags' | 'sizeBytes' | 'updatedAt'
>

/** Again only for what may be better the next time. */
const isWorthAnother = (count: number, error: unknown) =>
  count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500)

export function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: isWorthAnother, staleTime: 10_000 } } })
}

/** `acme/tools/build` as the API's paths have it. */
export function repositoryPath(name: string): string {
  const slash = name.indexOf('/')
  return [name.slice(0, slash), name.slice(slash + 1)].map(encodeURIComponent).join('/')
}

/** The document says whether the browser has a session at all: without one there is nothing to ask. */
let isWorthAsking = document.querySelector<HTMLMetaElement>('meta[name=session]')?.content === 'true'

/** Null: nobody is signed in. */
export function useProfile() {
  return useQuery({
    queryKey: ['profile'],
    queryFn: async ({ signal }) => {
      if (!isWorthAsking) return null
      try {
        return (await request<{ user: Profile }>('GET', '/user', { signal })).user
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      }
    },
  })
}

export function useOrganizations() {
  return useQuery({
    queryKey: ['organizations'],
    queryFn: async ({ signal }) =>
      (await requestAll<Organization>('/organizations', 'organizations', { signal })).items,
  })
}

export interface Member {
  readonly username: string
  readonly role: Role
  readonly createdAt: string
}

export function useMembers(organization: string) {
  return useQuery({
    queryKey: ['members', organization],
    queryFn: async ({ signal }) => {
      const path = `/organizations/${encodeURIComponent(organization)}/members`
      return (await requestAll<Member>(path, 'members', { signal })).items
    },
  })
}

export interface Invitation {
  readonly id: string
  readonly role: Role
  readonly email: string | null
  readonly state: 'open' | 'accepted' | 'revoked' | 'expired' | 'void'
  readonly createdBy: string
  readonly createdAt: string
}

/** For owners alone. */
export function useInvitations(organization: string, isOwner: boolean) {
  return useQuery({
    queryKey: ['invitations', organization],
    enabled: isOwner,
    queryFn: async ({ signal }) => {
      const path = `/organizations/${encodeURIComponent(organization)}/invitations`
      return (await requestAll<Invitation>(path, 'invitations', { signal })).items
    },
  })
}

export function useUpstreams(organization: string) {
  return useQuery({
    queryKey: ['upstreams'],
    queryFn: async ({ signal }) => (await requestAll<Upstream>('/upstreams', 'upstreams', { signal })).items,
    select: (all) => all.filter((one) => one.organization === null || one.organization === organization),
  })
}

export function useCatalog(upstream: string | undefined) {
  return useQuery({
    queryKey: ['catalog', upstream],
    enabled: upstream !== undefined,
    staleTime: 60_000,
    queryFn: ({ signal }) => requestAll<CatalogEntry>('/catalog', 'entries', { query: { upstream }, signal }),
  })
}

export function useMirrors(organization: string) {
  return useQuery({
    queryKey: ['mirrors', organization],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => requestAll<Mirror>('/mirrors', 'mirrors', { query: { organization }, signal }),
  })
}

/** Null: no mirror has ever written there. */
export function useMirror(repository: string) {
  return useQuery({
    queryKey: ['mirror', repository],
    refetchInterval: 15_000,
    queryFn: async ({ signal }) => {
      try {
        return (await request<{ mirror: Mirror }>('GET', `/mirrors/${repositoryPath(repository)}`, { signal })).mirror
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
  })
}

export function useRepositories(organization: string) {
  return useQuery({
    queryKey: ['repositories', organization],
    queryFn: ({ signal }) =>
      requestAll<ListedRepository>('/repositories', 'repositories', { query: { organization }, signal }),
  })
}

export function useRepository(name: string) {
  return useQuery({
    queryKey: ['repository', name],
    queryFn: async ({ signal }) =>
      (await request<{ repository: RepositoryDetail }>('GET', `/repositories/${repositoryPath(name)}`, { signal }))
        .repository,
  })
}

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

export function useTags(name: string) {
  return useQuery({
    queryKey: ['tags', name],
    queryFn: ({ signal }) => requestAll<Tag>(`/repositories/${repositoryPath(name)}/tags`, 'tags', { signal }),
  })
}

/** By name, password and the code of a second factor. @throws ApiError */
export async function signIn(credentials: Credentials): Promise<void> {
  await request('POST', '/user/sessions/browser', { body: credentials })
  isWorthAsking = true
}

export interface Credentials {
  readonly username: string
  readonly password: string
  readonly code?: string
}

/** What a change may well end: it is not asked for again because of one. */
const ASKED_ONCE: ReadonlySet<unknown> = new Set(['plan', 'invitation', 'effects'])

/** A change; what the page shows of anything is read anew after it. */
export function useChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ predicate: ({ queryKey }) => !ASKED_ONCE.has(queryKey[0]) }),
  })
}
