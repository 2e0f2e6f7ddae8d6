/** The links of one account to whom issuers vouch for, whether a provider of theirs is there now or not. */
import { sql } from 'kysely'
import type { Queries, Transaction } from '../engine/engine.ts'
import { LINK_PREFIX } from './identity-people.ts'

export interface OwnLink {
  readonly id: string
  readonly linkKey: string
  readonly issuer: string
  readonly subject: string
  readonly organizationId: string | null
  /** Null: of the instance. */
  readonly organization: string | null
  /** Null: it was removed, and the link waits for it. Of several of one issuer the first, by name. */
  readonly provider: string | null
  readonly providerId: string | null
  readonly linkedAt: string
}

/** By id. */
export async function listLinks(db: Queries, userId: string): Promise<OwnLink[]> {
  const rows = await db
    .selectFrom('accounts as link')
    .innerJoin('identity_link_keys as key', (join) =>
      join.on('link.provider_id', '=', sql<string>`${sql.lit(LINK_PREFIX)} || key.link_key`),
    )
    .leftJoin('organizations as organization', 'organization.id', 'key.organization_id')
    .leftJoin('identity_providers as provider', 'provider.link_key', 'key.link_key')
    .select(['link.id', 'link.account_id as subject', 'link.created_at', 'key.link_key as linkKey', 'key.issuer'])
    .select(['key.organization_id as organizationId', 'organization.name as organization'])
    .select(['provider.name as provider', 'provider.id as providerId'])
    .where('link.user_id', '=', userId)
    .orderBy('link.id')
    .orderBy('provider.name')
    .execute()
  const links = rows.map(({ created_at: at, ...row }) => ({ ...row, linkedAt: new Date(at).toISOString() }))
  return links.filter(({ id }, index) => links[index - 1]?.id !== id)
}

export async function removeLink(tx: Transaction, userId: string, id: string): Promise<void> {
  await tx.deleteFrom('accounts').where('user_id', '=', userId).where('id', '=', id).execute()
}
