/** What providers and rules have in common: whose they are, names, issuers. */
import type { Database, Queries } from '../../db/engine/engine.ts'
import { findProvider, type ProviderRecord } from '../../db/people/identity-providers.ts'
import { findRule } from '../../db/people/identity-rules.ts'
import { findProviderGroups, type GroupTeam } from '../../db/people/provider-groups.ts'
import type { IdentityRuleRow, OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { certificatesOf } from '../../lib/certificates.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Sealer } from '../../lib/seal.ts'
import { findIssuerFault, type Issuers } from './issuers.ts'

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

export interface NewIdentity {
  readonly name: string
  readonly issuer: string
  readonly ca?: string | undefined
  /** Who adds it, as events name them. */
  readonly by: string
}

export async function withGroups(db: Queries, row: ProviderRecord): Promise<StoredIdentity> {
  return { kind: 'provider', row, groups: (await findProviderGroups(db, [row.id])).get(row.id) ?? [] }
}

/** @throws AppError INVALID_REQUEST */
export function checkedIssuer({ issuer, ca }: NewIdentity): { readonly issuer: string; readonly ca: string | null } {
  const fault = findIssuerFault(issuer)
  if (fault !== undefined)
    throw new AppError('INVALID_REQUEST', `issuer: ${fault}`, { about: { reason: 'invalid', where: 'issuer' } })
  return { issuer, ca: ca === undefined ? null : certificatesOf(ca, 'ca') }
}

/** @throws AppError CONFLICT */
export async function refuseTaken(tx: Queries, owner: IdentityOwner, name: string): Promise<void> {
  const isTaken =
    (await findProvider(tx, owner?.id ?? null, name)) !== undefined ||
    (owner !== null && (await findRule(tx, owner.id, name)) !== undefined)
  if (isTaken)
    throw new AppError('CONFLICT', `${ownerName(owner)} has an identity ${name} already`, {
      about: { reason: 'taken', what: 'identity', name },
    })
}

export function tooMany(limit: number, what: string): AppError {
  return new AppError('CONFLICT', `there are ${limit} ${what} already, which is the most`, {
    about: { reason: 'full', what: 'identity', most: limit },
  })
}

export function absent(owner: IdentityOwner, name: string): AppError {
  return new AppError('NOT_FOUND', `${ownerName(owner)} has no identity ${name}`, {
    about: { reason: 'absent', what: 'identity', name },
  })
}

function ownerName(owner: IdentityOwner): string {
  return owner === null ? 'this instance' : owner.name
}
