import type { TokenScope } from '../db/schema.ts'

/** Who is asking, as their credentials proved it. What they may do is read from the database at every request. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user'
      readonly userId: string
      readonly username: string
      readonly isOperator: boolean
      /** The personal access token that was used, or that the bearer token was obtained with; absent for a password. */
      readonly token?: { readonly id: string; readonly scope: TokenScope } | undefined
    }

export type AccessAction = 'pull' | 'push' | 'delete' | '*'

/** One entry of a bearer token's `access` claim (Docker Registry token specification, "access"). */
export interface Access {
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly AccessAction[]
}

export interface Authenticated {
  readonly principal: Principal
  /** The cap that a bearer token carries; undefined: no cap, as with Basic or a personal access token. */
  readonly access?: readonly Access[] | undefined
}

export const ANONYMOUS: Authenticated = { principal: { kind: 'anonymous' } }
