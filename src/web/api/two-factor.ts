/** The second factor of whoever is signed in. */
import { useQuery } from '@tanstack/react-query'
import type { TwoFactor, TwoFactorBegun } from '../../api/two-factor.ts'
import { request } from './request.ts'

const PATH = '/user/two-factor'

export interface Proof {
  readonly password: string
  readonly code: string
}

export function useTwoFactor() {
  return useQuery({
    queryKey: ['two-factor'],
    queryFn: async ({ signal }) => (await request<{ twoFactor: TwoFactor }>('GET', PATH, { signal })).twoFactor,
  })
}

export const beginTwoFactor = (password: string) => request<TwoFactorBegun>('POST', PATH, { body: { password } })

type RecoveryCodes = { readonly recoveryCodes: readonly string[] }

export async function confirmTwoFactor(code: string): Promise<readonly string[]> {
  return (await request<RecoveryCodes>('POST', `${PATH}/confirm`, { body: { code } })).recoveryCodes
}

export async function renewRecoveryCodes(proof: Proof): Promise<readonly string[]> {
  return (await request<RecoveryCodes>('POST', `${PATH}/recovery-codes`, { body: proof })).recoveryCodes
}

export const disableTwoFactor = (proof: Proof) => request<void>('POST', `${PATH}/disable`, { body: proof })
