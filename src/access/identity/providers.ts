/** Providers that people sign in by, as owners and operators add and change them. */
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import { linkKeyFor } from '../../db/people/identity-people.ts'
import {
  findProvider,
  insertProvider,
  listProviders,
  MAX_PROVIDERS,
  type ProviderRecord,
  updateProvider,
} from '../../db/people/identity-providers.ts'
import { findRule } from '../../db/people/identity-rules.ts'
import { findProviderGroups, type GroupTeam, setProviderGroups } from '../../db/people/provider-groups.ts'
import { findTeamsNamed } from '../../db/people/teams.ts'
import type { Role } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { certificatesOf } from '../../lib/certificates.ts'
import { isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { createSecret } from '../../lib/secret.ts'
import {
  absent,
  checkedIssuer,
  type IdentityDeps,
  type IdentityOwner,
  type NewIdentity,
  refuseTaken,
  type StoredIdentity,
  tooMany,
  withGroups,
} from './identity.ts'
import type { Issuer } from './issuers.ts'

/** What a sealed client secret was sealed for. */
export const CLIENT_SECRET = 'identity.client_secret'

export interface NewProvider extends NewIdentity {
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

/**
 * Asks the issuer first: what cannot be used is not kept.
 * @throws AppError INVALID_REQUEST, CONFLICT, and what `Issuers` throws
 */
export async function addProvider(deps: IdentityDeps, owner: IdentityOwner, o: NewProvider): Promise<StoredIdentity> {
  const { issuer, ca } = checkedIssuer(o)
  await askIssuer(deps, { url: issuer, ca, organization: owner?.id })
  const row = {
    id: newId(),
    organization_id: owner?.id ?? null,
    name: o.name,
    issuer,
    client_id: o.clientId,
    sealed_client_secret: sealedSecret(deps, o.clientSecret),
    ca,
    role: o.role,
    is_only: flagOf(o.only),
    trusts_email: flagOf(o.trustEmail),
    groups_claim: o.groupsClaim,
    created_by: o.by,
    created_at: isoTime(deps.clock.now()),
    last_used_at: null,
  } as const
  const made = await deps.db.write(async (tx) => {
    await refuseTaken(tx, owner, o.name)
    const limit = MAX_PROVIDERS
    if ((await listProviders(tx, row.organization_id, { limit })).length === limit) throw tooMany(limit, 'providers')
    const keyed = { ...row, link_key: await linkKeyFor(tx, row.organization_id, issuer) }
    await insertProvider(tx, keyed)
    return { row: keyed, groups: await putGroups(tx, keyed, o.groups) }
  })
  return { kind: 'provider', row: { ...made.row, organization: owner?.name ?? null }, groups: made.groups }
}

/** What is left out stays. The issuer does: another one is another provider. */
export interface ProviderChange {
  readonly role?: Role | undefined
  readonly only?: boolean | undefined
  readonly groupsClaim?: string | undefined
  readonly groups?: readonly GroupMapping[] | undefined
  readonly trustEmail?: boolean | undefined
  readonly clientId?: string | undefined
  /** Null: a public client from now on. */
  readonly clientSecret?: string | null | undefined
  /** Null: the system's alone from now on. */
  readonly ca?: string | null | undefined
}

/**
 * People's teams follow at their next sign-in. Asks the issuer first where it is reached or spoken to in another way.
 * @throws AppError NOT_FOUND, INVALID_REQUEST for a rule, and what `Issuers` throws
 */
export async function changeProvider(
  deps: IdentityDeps,
  owner: IdentityOwner,
  name: string,
  change: ProviderChange,
): Promise<StoredIdentity> {
  const { role, only, groupsClaim, groups, trustEmail, clientId, clientSecret } = change
  const before = await getProvider(deps.db.read, owner, name)
  const ca = typeof change.ca === 'string' ? certificatesOf(change.ca, 'ca') : change.ca
  const columns = {
    ...(role === undefined ? {} : { role }),
    ...(only === undefined ? {} : { is_only: flagOf(only) }),
    ...(groupsClaim === undefined ? {} : { groups_claim: groupsClaim }),
    ...(trustEmail === undefined ? {} : { trusts_email: flagOf(trustEmail) }),
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(clientSecret === undefined ? {} : { sealed_client_secret: sealedSecret(deps, clientSecret) }),
    ...(ca === undefined ? {} : { ca }),
  }
  if (clientId !== undefined || clientSecret !== undefined || ca !== undefined) {
    const asked = ca === undefined ? before.ca : ca
    await askIssuer(deps, { url: before.issuer, ca: asked, organization: owner?.id })
  }
  return deps.db.write(async (tx) => {
    const provider = await getProvider(tx, owner, name)
    if (provider.id !== before.id) throw new AppError('CONFLICT', `${name} was replaced at the same time: try again`)
    await updateProvider(tx, provider.id, columns)
    if (groups !== undefined) await putGroups(tx, provider, groups)
    return withGroups(tx, { ...provider, ...columns })
  })
}

/** @throws AppError NOT_FOUND, INVALID_REQUEST */
async function getProvider(db: Queries, owner: IdentityOwner, name: string): Promise<ProviderRecord> {
  const provider = await findProvider(db, owner?.id ?? null, name)
  if (provider !== undefined) return provider
  const rule = owner === null ? undefined : await findRule(db, owner.id, name)
  if (rule === undefined) throw absent(owner, name)
  throw new AppError('INVALID_REQUEST', `${name} is a rule, which is not changed: add another and remove it`)
}

/** @throws AppError INVALID_REQUEST, and what `Issuers` throws */
async function askIssuer({ issuers }: Pick<IdentityDeps, 'issuers'>, issuer: Issuer): Promise<void> {
  const { metadata } = await issuers.describe(issuer)
  for (const endpoint of ['authorization_endpoint', 'token_endpoint'] as const) {
    if (metadata[endpoint] !== undefined) continue
    throw new AppError('INVALID_REQUEST', `${issuer.url} names no ${endpoint}: people cannot sign in by it`)
  }
}

function sealedSecret({ sealer }: Pick<IdentityDeps, 'sealer'>, secret: string | null | undefined): string | null {
  return secret === null || secret === undefined ? null : sealer.seal(createSecret(secret), CLIENT_SECRET)
}

function flagOf(value: boolean): 0 | 1 {
  return value ? 1 : 0
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
