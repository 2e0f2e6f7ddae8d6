/** What owners and operators set up: providers that people sign in by, and rules for CI jobs. One name is one of both. */
import type { Database, Queries, Transaction } from '../../db/engine/engine.ts'
import {
  findProvider,
  insertProvider,
  listProviders,
  MAX_PROVIDERS,
  type ProviderRecord,
  removeProvider,
  updateProvider,
} from '../../db/people/identity-providers.ts'
import { countRules, findRule, insertRule, listRules, MAX_RULES, removeRule } from '../../db/people/identity-rules.ts'
import { findProviderGroups, type GroupTeam, setProviderGroups } from '../../db/people/provider-groups.ts'
import { findTeamsNamed } from '../../db/people/teams.ts'
import type { IdentityRuleRow, OrganizationRow, Role } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { certificatesOf } from '../../lib/certificates.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Sealer } from '../../lib/seal.ts'
import { createSecret } from '../../lib/secret.ts'
import { findIssuerFault, type Issuers } from './issuers.ts'
import { findRuleFault } from './rules.ts'

export interface IdentityDeps {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
  readonly issuers: Issuers
}

export type StoredIdentity =
  | { readonly kind: 'provider'; readonly row: ProviderRecord; readonly groups: readonly GroupTeam[] }
  | { readonly kind: 'rule'; readonly row: IdentityRuleRow; readonly organization: string }

/** Whose it is: an organization, or null for the instance. */
export type IdentityOwner = Pick<OrganizationRow, 'id' | 'name'> | null

/** What a sealed client secret was sealed for. */
export const CLIENT_SECRET = 'identity.client_secret'

interface Common {
  readonly name: string
  readonly issuer: string
  readonly ca?: string | undefined
  /** Who adds it, as events name them. */
  readonly by: string
}

export interface NewProvider extends Common {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly role: Role
  readonly only: boolean
  readonly trustEmail: boolean
  readonly groupsClaim: string
  readonly groups: readonly GroupMapping[]
}

/** By names. */
export interface GroupMapping {
  readonly group: string
  readonly team: string
}

export interface NewRule extends Common {
  readonly audience: string
  readonly subject?: string | undefined
  readonly claims: Readonly<Record<string, string>>
  readonly allow: readonly string[]
  readonly repositories: readonly string[]
  readonly minutes: number
}

/**
 * Asks the issuer first: what cannot be used is not kept.
 * @throws AppError INVALID_REQUEST, CONFLICT, and what `Issuers` throws
 */
export async function addProvider(deps: IdentityDeps, owner: IdentityOwner, o: NewProvider): Promise<StoredIdentity> {
  const { issuer, ca } = checkedIssuer(o)
  const { metadata } = await deps.issuers.describe({ url: issuer, ca, organization: owner?.id })
  for (const endpoint of ['authorization_endpoint', 'token_endpoint'] as const) {
    if (metadata[endpoint] !== undefined) continue
    throw new AppError('INVALID_REQUEST', `${issuer} names no ${endpoint}: people cannot sign in by it`)
  }
  const secret = o.clientSecret
  const row = {
    id: newId(),
    organization_id: owner?.id ?? null,
    name: o.name,
    issuer,
    client_id: o.clientId,
    sealed_client_secret: secret === undefined ? null : deps.sealer.seal(createSecret(secret), CLIENT_SECRET),
    ca,
    role: o.role,
    is_only: o.only ? 1 : 0,
    trusts_email: o.trustEmail ? 1 : 0,
    groups_claim: o.groupsClaim,
    created_by: o.by,
    created_at: isoTime(deps.clock.now()),
    last_used_at: null,
  } as const
  const groups = await deps.db.write(async (tx) => {
    await refuseTaken(tx, owner, o.name)
    const limit = MAX_PROVIDERS
    if ((await listProviders(tx, row.organization_id, { limit })).length === limit) throw tooMany(limit, 'providers')
    await insertProvider(tx, row)
    return putGroups(tx, row, o.groups)
  })
  return { kind: 'provider', row: { ...row, organization: owner?.name ?? null }, groups }
}

/** What can be another without asking the provider: how people come into the organization. What is left out stays. */
export interface ProviderChange {
  readonly role?: Role | undefined
  readonly only?: boolean | undefined
  readonly groupsClaim?: string | undefined
  readonly groups?: readonly GroupMapping[] | undefined
}

/** People's teams follow at their next sign-in. @throws AppError NOT_FOUND, INVALID_REQUEST for a rule */
export async function changeProvider(
  db: Database,
  owner: Pick<OrganizationRow, 'id' | 'name'>,
  name: string,
  change: ProviderChange,
): Promise<StoredIdentity> {
  const { role, only, groupsClaim, groups } = change
  return db.write(async (tx) => {
    const provider = await findProvider(tx, owner.id, name)
    if (provider === undefined) {
      if ((await findRule(tx, owner.id, name)) === undefined) throw absent(owner, name)
      throw new AppError('INVALID_REQUEST', `${name} is a rule, which is not changed: add another and remove it`)
    }
    const columns = {
      ...(role === undefined ? {} : { role }),
      ...(only === undefined ? {} : { is_only: only ? (1 as const) : (0 as const) }),
      ...(groupsClaim === undefined ? {} : { groups_claim: groupsClaim }),
    }
    await updateProvider(tx, provider.id, columns)
    if (groups !== undefined) await putGroups(tx, provider, groups)
    return withGroups(tx, { ...provider, ...columns })
  })
}

async function putGroups(
  tx: Transaction,
  { id, organization_id: organizationId }: Pick<ProviderRecord, 'id' | 'organization_id'>,
  groups: readonly GroupMapping[],
): Promise<readonly GroupTeam[]> {
  if (organizationId === null) return []
  const teams = await findTeamsNamed(
    tx,
    organizationId,
    groups.map(({ team }) => team),
  )
  const ids = new Map(teams.map((team) => [team.name, team.id]))
  const rows = groups.flatMap(({ group, team }) => {
    const teamId = ids.get(team)
    return teamId === undefined ? [] : [{ group, teamId }]
  })
  await setProviderGroups(tx, id, rows)
  return (await findProviderGroups(tx, [id])).get(id) ?? []
}

async function withGroups(db: Queries, row: ProviderRecord): Promise<StoredIdentity> {
  return { kind: 'provider', row, groups: (await findProviderGroups(db, [row.id])).get(row.id) ?? [] }
}

/** @throws AppError INVALID_REQUEST, CONFLICT */
export async function addRule(
  deps: Pick<IdentityDeps, 'db' | 'clock'>,
  owner: Pick<OrganizationRow, 'id' | 'name'>,
  o: NewRule,
): Promise<StoredIdentity> {
  const { issuer, ca } = checkedIssuer(o)
  const fault = findRuleFault({ issuer, audience: o.audience, subject: o.subject, claims: o.claims })
  if (fault !== undefined) throw new AppError('INVALID_REQUEST', fault)
  const row: IdentityRuleRow = {
    id: newId(),
    organization_id: owner.id,
    name: o.name,
    issuer,
    audience: o.audience,
    subject: o.subject ?? null,
    claims: JSON.stringify(o.claims),
    allow: JSON.stringify([...new Set(o.allow)]),
    repositories: JSON.stringify(o.repositories),
    minutes: o.minutes,
    ca,
    created_by: o.by,
    created_at: isoTime(deps.clock.now()),
    last_used_at: null,
  }
  await deps.db.write(async (tx) => {
    await refuseTaken(tx, owner, o.name)
    if ((await countRules(tx, owner.id)) >= MAX_RULES) throw tooMany(MAX_RULES, 'rules')
    await insertRule(tx, row)
  })
  return { kind: 'rule', row, organization: owner.name }
}

/** By name. */
export async function listIdentities(
  db: Database,
  owner: IdentityOwner,
  page: { readonly limit: number; readonly after?: string | undefined },
): Promise<StoredIdentity[]> {
  const providers = await listProviders(db.read, owner?.id ?? null, page)
  const ids = providers.map(({ id }) => id)
  const groups = await findProviderGroups(db.read, ids)
  const found: StoredIdentity[] = providers.map((row) => ({
    kind: 'provider',
    row,
    groups: groups.get(row.id) ?? [],
  }))
  if (owner !== null) {
    const rules = await listRules(db.read, owner.id, page)
    found.push(...rules.map((row) => ({ kind: 'rule', row, organization: owner.name }) as const))
  }
  return found.sort((a, b) => (a.row.name < b.row.name ? -1 : 1)).slice(0, page.limit)
}

/** @throws AppError NOT_FOUND */
export async function getIdentity(db: Database, owner: IdentityOwner, name: string): Promise<StoredIdentity> {
  const provider = await findProvider(db.read, owner?.id ?? null, name)
  if (provider !== undefined) return withGroups(db.read, provider)
  const rule = owner === null ? undefined : await findRule(db.read, owner.id, name)
  if (owner !== null && rule !== undefined) return { kind: 'rule', row: rule, organization: owner.name }
  throw absent(owner, name)
}

/** Tokens that jobs got by a rule end with it; people that a provider brought stay. @throws AppError NOT_FOUND */
export async function removeIdentity(db: Database, owner: IdentityOwner, name: string): Promise<void> {
  const isRemoved = await db.write(
    async (tx) =>
      (await removeProvider(tx, owner?.id ?? null, name)) || (owner !== null && (await removeRule(tx, owner.id, name))),
  )
  if (!isRemoved) throw absent(owner, name)
}

function checkedIssuer({ issuer, ca }: Common): { readonly issuer: string; readonly ca: string | null } {
  const fault = findIssuerFault(issuer)
  if (fault !== undefined) throw new AppError('INVALID_REQUEST', `issuer: ${fault}`)
  return { issuer, ca: ca === undefined ? null : certificatesOf(ca, 'ca') }
}

async function refuseTaken(tx: Transaction, owner: IdentityOwner, name: string): Promise<void> {
  const isTaken =
    (await findProvider(tx, owner?.id ?? null, name)) !== undefined ||
    (owner !== null && (await findRule(tx, owner.id, name)) !== undefined)
  if (isTaken) throw new AppError('CONFLICT', `${ownerName(owner)} has an identity ${name} already`)
}

function tooMany(limit: number, what: string): AppError {
  return new AppError('CONFLICT', `there are ${limit} ${what} already, which is the most`)
}

function absent(owner: IdentityOwner, name: string): AppError {
  return new AppError('NOT_FOUND', `${ownerName(owner)} has no identity ${name}`)
}

function ownerName(owner: IdentityOwner): string {
  return owner === null ? 'this instance' : owner.name
}
