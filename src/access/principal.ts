import type { OrganizationRow, TokenScope } from '../db/schema.ts'

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
      /** The session that the request came in. */
      readonly session?: { readonly id: string } | undefined
    }
  | {
      /** An organization's token, which stands for nobody. */
      readonly kind: 'organization-token'
      readonly tokenId: string
      readonly label: string
      readonly organization: Pick<OrganizationRow, 'id' | 'name'>
    }

export type UserPrincipal = Extract<Principal, { kind: 'user' }>
export type TokenPrincipal = Extract<Principal, { kind: 'organization-token' }>

/** Where a request comes from. */
export interface From {
  /** The client's IP address, by which failed logins are counted. */
  readonly address?: string | undefined
  /** What the client calls itself; anything. */
  readonly userAgent?: string | undefined
}

const MAX_USER_AGENT_LENGTH = 200

/** As it is kept: for its owner to recognise, no longer than that takes. */
export function userAgentOf(from: From | undefined): string | undefined {
  return from?.userAgent?.slice(0, MAX_USER_AGENT_LENGTH)
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

/** Whom credentials name, before the database has said who that is now: enough to ask it, and to be judged by what it says. */
export interface Claimed {
  readonly principal:
    | { readonly kind: 'anonymous' }
    | { readonly kind: 'user'; readonly userId: string; readonly token?: { readonly id: string } | undefined }
    | { readonly kind: 'organization-token'; readonly tokenId: string }
  readonly access?: readonly Access[] | undefined
}

export const ANONYMOUS: Authenticated = { principal: { kind: 'anonymous' } }

/** Whose limits a request counts against: unlike `actorOf`, of no two organizations' tokens the same. */
export function accountOf({ principal }: Authenticated): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'user':
      return `user:${principal.userId}`
    case 'organization-token':
      return `token:${principal.tokenId}`
  }
}

/** Who did it, as events and history name them. */
export function actorOf({ principal }: Authenticated): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'user':
      return `user:${principal.username}`
    case 'organization-token':
      return `token:${principal.label}`
  }
}
