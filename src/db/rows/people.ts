/** Organizations and people, and the personal tokens of these. */
import type { ColumnType, Generated } from 'kysely'
import type { Flag } from './flag.ts'

export interface OrganizationRow {
  id: string
  name: string
  quota_bytes: number | null
  /** What members may pull without a team. */
  members_pull: MembersPull
  /** What people call it; empty: its name. */
  display_name: string
  created_at: string
}

export interface OrganizationTable extends Omit<OrganizationRow, 'members_pull' | 'display_name'> {
  members_pull: Generated<MembersPull>
  display_name: Generated<string>
  /** From then on it is there for nobody. */
  deleted_at: Generated<string | null>
  /** Nothing of it is left but this row, its audit log and its events. */
  emptied_at: Generated<string | null>
}

export type MembersPull = 'all' | 'none'

export type Role = 'owner' | 'editor' | 'member'

export interface MemberRow {
  organization_id: string
  user_id: string
  role: Role
  created_at: string
}

/** A time in better-auth's tables: PostgreSQL gives a Date, SQLite its text; both take the text. */
type TheirTime = ColumnType<string | Date, string, string>

/** The columns of better-auth's `users` that we know; `is_operator` is ours alone. */
export interface UserRow {
  id: string
  /** What people see. */
  name: string
  email: string
  /** Whether a provider that an operator trusts with addresses has said so; nobody else proves one. */
  email_verified: ColumnType<boolean | number, boolean, boolean>
  username: string | null
  display_username: string | null
  is_operator: Generated<Flag>
  /** Ours too. Null: not disabled. */
  disabled_at: Generated<string | null>
  created_at: TheirTime
  updated_at: TheirTime
}

/** The columns of better-auth's `accounts` that we know: a password is one row of the provider `credential`, somebody of a provider another. */
export interface AccountRow {
  id: string
  user_id: string
  account_id: string
  provider_id: string
  password: string | null
  created_at: TheirTime
  updated_at: TheirTime
}

/** A sign-in, in better-auth's table: `token` holds the hash of what the client keeps, `updated_at` when it was last seen. */
export interface SessionRow {
  id: string
  user_id: string
  token: string
  expires_at: TheirTime
  ip_address: string | null
  user_agent: string | null
  /** The provider that vouched for the user; null: it was opened by a password. */
  provider_id: string | null
  created_at: TheirTime
  updated_at: TheirTime
}

/** A code by which a page makes the first owner; only the keyed hash is here. */
export interface SetupCodeRow {
  hash: string
  created_at: string
  ends_at: string
}

/** A link that opens a page signed in, once. */
export interface SignInLinkRow {
  hash: string
  user_id: string
  created_at: string
  ends_at: string
}

export interface InvitationRow {
  id: string
  organization_id: string
  role: Role
  /** Whom it is for, as its maker says; whoever has the link may use it. */
  email: string | null
  hash: string
  created_by: string
  created_at: string
  expires_at: string
  /** Null: it may still be used. */
  ended_at: string | null
  outcome: 'accepted' | 'revoked' | null
  accepted_by: string | null
}

export interface TwoFactorRow {
  user_id: string
  /** Sealed. */
  secret: string
  created_at: string
  /** Null: begun, and not asked for yet. */
  confirmed_at: string | null
  /** The 30-second step of the last code that was used; no code of it or of an earlier one is taken again. */
  last_step: number | null
}

export interface RecoveryCodeRow {
  user_id: string
  hash: string
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
  /** Of the login that it was made by. */
  address: string | null
  user_agent: string | null
  last_used_at: string | null
}

export interface FailedLoginRow {
  account: string
  network: string
  guess: string
  failures: number
  ends_at: string
}
