/** Somebody's own access tokens. */
import { useQuery } from '@tanstack/react-query'
import type { Token, TokenCreated, TokenScope } from '../../api/tokens.ts'
import { request, requestAll } from './request.ts'

export function useTokens() {
  return useQuery({
    queryKey: ['tokens'],
    queryFn: async ({ signal }) => (await requestAll<Token>('/tokens', 'tokens', { signal })).items,
  })
}

/** The only answer that holds the token. @throws ApiError */
export function createToken(token: {
  readonly label: string
  readonly scope: TokenScope
  readonly expires: string
}): Promise<TokenCreated> {
  return request('POST', '/tokens', { body: token })
}
