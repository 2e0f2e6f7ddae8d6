/** Who is signed in. */
import { useQuery } from '@tanstack/react-query'
import type { Profile } from '../../api/users.ts'
import { ApiError, request } from './request.ts'

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
