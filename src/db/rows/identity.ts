/** Providers that people sign in by, rules for CI jobs, and sign-ins under way. */
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'
import type { Role } from './people.ts'

export interface IdentityProviderRow {
  id: string
  /** Null: of the instance. */
  organization_id: string | null
  name: string
  issuer: string
  client_id: string
  /** Null: a public client. */
  sealed_client_secret: string | null
  ca: string | null
  /** What its people are in the organization when they first come. */
  role: Role
  /** The organization's members sign in by it, and by no password. */
  is_only: Flag
  /** Whom it vouches for by a verified mail address is who has that address here. */
  trusts_email: Flag
  /** Which claim lists the groups of its people. */
  groups_claim: string
  /** What its links are known by: the same for each provider of that owner and issuer, at any time. */
  link_key: string
  created_by: string
  created_at: string
  last_used_at: string | null
}

/** Of an owner and an issuer. */
export interface IdentityLinkKeyRow {
  link_key: string
  /** Null: of the instance. */
  organization_id: string | null
  issuer: string
}

/** Somebody whom an issuer has vouched for at some time. */
export interface IdentityPersonRow {
  link_key: string
  subject: string
  /** The account that was made for them; null: they had one. */
  made_user_id: string | null
  first_at: string
}

export interface IdentityRuleRow {
  id: string
  organization_id: string
  name: string
  issuer: string
  audience: string
  /** A pattern; null: any. */
  subject: string | null
  /** JSON: patterns by claim. */
  claims: string
  /** JSON list. */
  allow: string
  /** JSON list of patterns. */
  repositories: string
  minutes: number
  ca: string | null
  created_by: string
  created_at: string
  last_used_at: string | null
}

export interface IdentityRefusalRow {
  seq: Generated<number>
  organization_id: string
  /** Its issuer had signed it. */
  is_verified: Flag
  at: string
  issuer: string | null
  subject: string | null
  reason: string
  address: string | null
  /** How often it came: of one subject there is one row. */
  attempts: number
  /** It was signed, and for somebody whom a rule means. */
  is_near: Flag
}

export interface IdentityUsedTokenRow {
  organization_id: string
  hash: string
  ends_at: string
}

export interface SignInAttemptRow {
  /** Of the state. */
  hash: string
  provider_id: string
  redirect_uri: string
  /** JSON: where a command line waits; null: it ends in a session of the browser. */
  loopback: string | null
  /** The address of the page that the browser goes back to; null: its start. */
  next: string | null
  /** Who is signed in and wants the person linked to their account; null: it is a sign-in. */
  user_id: string | null
  network: string
  ends_at: string
}

export interface SignInCodeRow {
  hash: string
  provider_id: string
  challenge: string
  /** JSON: whom the provider vouched for. */
  person: string
  ends_at: string
}

export interface DeviceAuthorizationRow {
  device_hash: string
  user_hash: string
  name: string
  address: string
  network: string
  status: 'pending' | 'approved' | 'denied'
  user_id: string | null
  /** What let it in: `token:<id>`, `session:<id>`, or `password`; null: nobody so far. */
  credential: string | null
  interval_seconds: number
  polled_at: string | null
  created_at: string
  ends_at: string
}
