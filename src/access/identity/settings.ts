/** What owners and operators set up: providers that people sign in by, and rules for CI jobs. One name is one of both. */
import type { Database } from '../../db/engine/engine.ts'
import { findProvider, listProviders, removeProvider } from '../../db/people/identity-providers.ts'
import { countRules, findRule, insertRule, listRules, MAX_RULES, removeRule } from '../../db/people/identity-rules.ts'
import { findProviderGroups } from '../../db/people/provider-groups.ts'
import type { IdentityRuleRow, OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
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
import { findRuleFault } from './rules.ts'

export interface NewRule extends NewIdentity {
  readonly audience: string
  readonly subject?: string | undefined
  readonly claims: Readonly<Record<string, string>>
  readonly allow: readonly string[]
  readonly repositories: readonly string[]
  readonly minutes: number
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
