/** Who is signed in. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import type { Session } from '../../api/sessions.ts'
import type { Profile } from '../../api/users.ts'
import { ApiError, request } from './request.ts'

function isTold(name: string): boolean {
  return document.querySelector<HTMLMetaElement>(`meta[name=${name}]`)?.content === 'true'
}

/** Whether the instance has no owner yet: somebody has to make one first, by the printed code. */
export const isSetupWanted = isTold('setup')

/** The document says whether the browser has a session at all: without one there is nothing to ask. */
export const hasSession = isTold('session')
let isWorthAsking = hasSession

/** Null: nobody is signed in. */
export const profileQuery = queryOptions({
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

export function useProfile() {
  return useQuery(profileQuery)
}

/** By name, password and the code of a second factor. @throws ApiError */
export async function signIn({ username, password, code }: Credentials): Promise<void> {
  await request('POST', '/user/sessions/browser', { body: { username, password, code } })
  isWorthAsking = true
}

export interface Credentials {
  readonly username: string
  readonly password: string
  readonly code?: string
}

/** By the secret of a link that the server has printed. @throws ApiError */
export async function enterByLink(secret: string): Promise<null> {
  await request('POST', '/user/sessions/link', { body: { secret } })
  isWorthAsking = true
  return null
}

export interface FirstAccount {
  readonly code: string
  readonly organization: string
  readonly username: string
  readonly displayName?: string
  readonly password: string
}

/** Makes the first owner, and signs in. @throws ApiError */
export async function setUp(account: FirstAccount): Promise<void> {
  await request('POST', '/setup', { body: account })
  await signIn(account)
}

/** Ends the session; what this page knows goes with it. @throws ApiError */
export async function signOut(): Promise<void> {
  const { sessions } = await request<{ sessions: readonly Session[] }>('GET', '/user/sessions', {
    query: { limit: 1000 },
  })
  const current = sessions.find((one) => one.current)
  if (current !== undefined) await request('DELETE', `/user/sessions/${current.id}`)
  location.assign('/')
}
