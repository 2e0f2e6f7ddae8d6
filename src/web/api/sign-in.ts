/** Signing in by those who vouch for somebody. */
import { useQuery } from '@tanstack/react-query'
import type { OwnIdentity, SignInProvider } from '../../api/sign-in.ts'
import { request, requestAll } from './request.ts'

/** Those of the instance; for who is signed in, those of their organizations too. */
export function useSignInProviders() {
  return useQuery({
    queryKey: ['sign-in-providers'],
    staleTime: 60_000,
    queryFn: async ({ signal }) =>
      (await requestAll<SignInProvider>('/sign-in/providers', 'providers', { signal })).items,
  })
}

/** Where the browser goes to sign in; it comes back to the address of the page that it is at, without what stands behind `#`. */
export function signInAddress({ signIn }: SignInProvider): string {
  return `${signIn}?${new URLSearchParams({ next: location.pathname + location.search })}`
}

export function useOwnIdentities() {
  return useQuery({
    queryKey: ['own-identities'],
    queryFn: async ({ signal }) => (await requestAll<OwnIdentity>('/user/identities', 'identities', { signal })).items,
  })
}

/** Leaves the page, and comes back to it linked. @throws ApiError */
export async function linkByProvider({ id }: SignInProvider): Promise<void> {
  const body = { provider: id, next: location.pathname }
  location.assign((await request<{ url: string }>('POST', '/user/identities/start', { body })).url)
}

const PROBLEM = 'kagami_problem'

/** What went wrong at a provider before the browser came back here: told once. No other site can write it. */
function takeProblem(): string | undefined {
  const cookie = document.cookie.split('; ').find((one) => one.startsWith(`${PROBLEM}=`))
  if (cookie === undefined) return undefined
  // biome-ignore lint/suspicious/noDocumentCookie: the other way is not in every browser
  document.cookie = `${PROBLEM}=; path=/; max-age=0`
  return decodeURIComponent(cookie.slice(PROBLEM.length + 1))
}

export const signInProblem = takeProblem()
