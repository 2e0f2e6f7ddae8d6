/** What the audit log shows of teams, of tokens of organizations, and of whom is vouched for by others. No secret is among it. */
import { createHash } from 'node:crypto'
import { isPattern } from '../../oci/access-patterns.ts'
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import type { OrganizationTokenRow } from '../schema.ts'
import { findProvider } from './identity-providers.ts'
import { findRule, partsOf } from './identity-rules.ts'
import { tokenLists } from './organization-tokens.ts'
import { findProviderGroups } from './provider-groups.ts'
import { findTeam } from './teams.ts'

type Read = Promise<Snapshot | undefined>

export async function teamState(db: Queries, organizationId: string, name: string): Read {
  const row = await findTeam(db, organizationId, name)
  return row && { key: row.id, state: { description: row.description, manageMirrors: row.manages_mirrors === 1 } }
}

export async function teamMemberState(db: Queries, teamId: string, username: string): Read {
  const row = await db
    .selectFrom('team_members')
    .innerJoin('users', 'users.id', 'team_members.user_id')
    .select(['users.id', 'users.username'])
    .where('team_members.team_id', '=', teamId)
    .where('users.username', '=', username.toLowerCase())
    .executeTakeFirst()
  return row && { key: row.id, state: { user: row.username } }
}

/** @param repository full name or pattern */
export async function teamGrantState(
  db: Queries,
  team: { readonly id: string; readonly name: string },
  repository: string,
): Read {
  const row = await db
    .selectFrom('team_grants')
    .select('permission')
    .where('team_id', '=', team.id)
    .where('is_pattern', '=', isPattern(repository) ? 1 : 0)
    .where('repository', '=', repository)
    .executeTakeFirst()
  return row && { state: { team: team.name, permission: row.permission } }
}

export async function organizationTokenState(db: Queries, organizationId: string, id: string): Read {
  const row = await db
    .selectFrom('organization_tokens')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && { state: stateOfToken(row) }
}

export function stateOfToken(row: OrganizationTokenRow) {
  return { label: row.label, ...tokenLists(row), expiresAt: row.expires_at, active: row.is_active === 1 }
}

/** A provider, or a rule for CI jobs. @param organizationId null: of the instance */
export async function identityState(db: Queries, organizationId: string | null, name: string): Read {
  const provider = await findProvider(db, organizationId, name)
  if (provider !== undefined) {
    const groups = (await findProviderGroups(db, [provider.id])).get(provider.id) ?? []
    const state = {
      kind: 'provider',
      issuer: provider.issuer,
      ca: fingerprintOf(provider.ca),
      clientId: provider.client_id,
      clientSecret: provider.sealed_client_secret === null ? null : 'set',
      role: provider.role,
      only: provider.is_only === 1,
      trustEmail: provider.trusts_email === 1,
      groupsClaim: provider.groups_claim,
      groups: groups.map(({ group, team }) => `${group}=${team}`),
    }
    return { key: provider.id, state, hidden: provider.sealed_client_secret }
  }
  const rule = organizationId === null ? undefined : await findRule(db, organizationId, name)
  if (rule === undefined) return undefined
  const { id, issuer, audience, subject, minutes } = rule
  return {
    key: id,
    state: { kind: 'rule', issuer, ca: fingerprintOf(rule.ca), audience, subject, ...partsOf(rule), minutes },
  }
}

function fingerprintOf(ca: string | null): string | null {
  return ca === null ? null : `sha256:${createHash('sha256').update(ca).digest('hex')}`
}
