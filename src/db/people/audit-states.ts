/** What the audit log shows of what is people's own, before and after a change. No secret is among it, nor the hash of one. */
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { findProfile } from './accounts.ts'
import { findInvitationTeams } from './invitation-teams.ts'
import { findTwoFactor } from './two-factor.ts'

type Read = Promise<Snapshot | undefined>

export async function profileState(db: Queries, userId: string): Read {
  const profile = await findProfile(db, userId)
  return profile && { state: { displayName: profile.displayName, email: profile.email } }
}

/** One of those that only a password opened. */
export async function signInState(db: Queries, userId: string, id: string): Read {
  const session = await db
    .selectFrom('sessions')
    .select(['ip_address as address', 'user_agent as userAgent'])
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (session !== undefined) return { state: { kind: 'session', ...session } }
  const registry = await db
    .selectFrom('refresh_tokens')
    .select(['address', 'user_agent as userAgent'])
    .where('user_id', '=', userId)
    .where('token_id', 'is', null)
    .where('id', '=', id)
    .executeTakeFirst()
  return registry && { state: { kind: 'registry', ...registry } }
}

/** How many there are of them. */
export async function signInsState(db: Queries, userId: string): Read {
  const { sessions } = await db
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number | string>().as('sessions'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  const { registry } = await db
    .selectFrom('refresh_tokens')
    .select((eb) => eb.fn.countAll<number | string>().as('registry'))
    .where('user_id', '=', userId)
    .where('token_id', 'is', null)
    .executeTakeFirstOrThrow()
  return { state: { sessions: Number(sessions) + Number(registry) } }
}

/** Nothing of its codes, which sign-ins and proofs use up. */
export async function twoFactorState(db: Queries, userId: string): Read {
  const row = await findTwoFactor(db, userId)
  return row && { key: row.secret, state: { enabledAt: row.confirmed_at } }
}

export async function invitationState(db: Queries, organizationId: string, id: string): Read {
  const row = await db
    .selectFrom('invitations')
    .select(['role', 'email', 'expires_at as expiresAt', 'outcome'])
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const teams = (await findInvitationTeams(db, [id])).get(id) ?? []
  return { state: { ...row, ...(teams.length === 0 ? {} : { teams: teams.map(({ name }) => name) }) } }
}
