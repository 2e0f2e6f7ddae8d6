/** Organizations, people and their tokens. */
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'

export interface OrganizationRow {
  id: string
  name: string
  quota_bytes: number | null
  created_at: string
}

export type Role = 'owner' | 'editor' | 'member'

export interface MemberRow {
  organization_id: string
  user_id: string
  role: Role
  created_at: string
}

/** The columns of better-auth's `users` that we read; `is_operator` is ours alone. Its times differ by engine: leave them to it. */
export interface UserRow {
  id: string
  name: string
  email: string
  username: string | null
  is_operator: Generated<Flag>
}

/** The columns of better-auth's `accounts` that we read, to tell whether a password has changed. */
export interface AccountRow {
  id: string
  user_id: string
  provider_id: string
  password: string | null
}

/** What we read of better-auth's `sessions`: only enough to end them. */
export interface SessionRow {
  id: string
  user_id: string
}

export type TokenScope = 'read' | 'write' | 'delete' | 'admin'

export interface TokenRow {
  id: string
  user_id: string
  label: string
  scope: TokenScope
  hash: string
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}

export interface RefreshTokenRow {
  id: string
  hash: string
  user_id: string
  /** The personal access token that it was obtained with; null for a password. */
  token_id: string | null
  service: string
  created_at: string
  expires_at: string
}

export interface FailedLoginRow {
  account: string
  network: string
  guess: string
  failures: number
  ends_at: string
}
