/** Invitations into an organization; only the hashes of their secrets are here. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { InvitationRow, OrganizationRow, Role } from '../schema.ts'
import { findInvitationTeams } from './invitation-teams.ts'
import type { Page } from './organizations.ts'

/** Adds the row; those of the organization that ended before `forgetBefore` go. */
export async function insertInvitation(tx: Transaction, row: InvitationRow, forgetBefore: string): Promise<void> {
  await tx
    .deleteFrom('invitations')
    .where('organization_id', '=', row.organization_id)
    .where((eb) => eb.or([eb('expires_at', '<', forgetBefore), eb('ended_at', '<', forgetBefore)]))
    .execute()
  await tx.insertInto('invitations').values(row).execute()
}

/** How many can be used at `at`, and how many were made since `since`. */
export async function countInvitations(
  db: Queries,
  organizationId: string,
  o: { readonly at: string; readonly since: string },
): Promise<{ readonly open: number; readonly recent: number }> {
  const count = (
    await db
      .selectFrom('invitations')
      .select((eb) => [
        eb.fn
          .countAll<number | string>()
          .filterWhere((one) => one.and([one('ended_at', 'is', null), one('expires_at', '>', o.at)]))
          .as('open'),
        eb.fn.countAll<number | string>().filterWhere('created_at', '>', o.since).as('recent'),
      ])
      .where('organization_id', '=', organizationId)
      .execute()
  )[0]
  return { open: Number(count?.open ?? 0), recent: Number(count?.recent ?? 0) }
}

export interface OpenInvitation {
  readonly id: string
  readonly organization: Pick<OrganizationRow, 'id' | 'name'>
  readonly role: Role
  /** By name. */
  readonly teams: readonly string[]
  readonly email: string | null
  readonly expiresAt: string
  /** What its maker is there now; undefined: no member any more. */
  readonly makersRole: Role | undefined
  readonly isMakerOperator: boolean
}

/** The invitation of that hash when it can be used at `at`, with what its maker may still do. */
export async function findOpenInvitation(db: Queries, hash: string, at: string): Promise<OpenInvitation | undefined> {
  const row = await db
    .selectFrom('invitations')
    .innerJoin('organizations', 'organizations.id', 'invitations.organization_id')
    .innerJoin('users as maker', 'maker.id', 'invitations.created_by')
    .leftJoin('members', (join) =>
      join
        .onRef('members.organization_id', '=', 'invitations.organization_id')
        .onRef('members.user_id', '=', 'invitations.created_by'),
    )
    .select(['invitations.id', 'invitations.role', 'invitations.email', 'invitations.expires_at'])
    .select(['organizations.id as organizationId', 'organizations.name', 'maker.is_operator', 'maker.disabled_at'])
    .select('members.role as makersRole')
    .where('invitations.hash', '=', hash)
    .where('organizations.deleted_at', 'is', null)
    .where('invitations.ended_at', 'is', null)
    .where('invitations.expires_at', '>', at)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    id: row.id,
    organization: { id: row.organizationId, name: row.name },
    role: row.role,
    teams: teamsOf(row.id, await findInvitationTeams(db, [row.id])),
    email: row.email,
    expiresAt: row.expires_at,
    ...standingOf(row),
  }
}

/** What the maker may still do by it: nothing, where the maker is disabled. */
function standingOf(row: {
  readonly makersRole: Role | null
  readonly is_operator: number
  readonly disabled_at: string | null
}): { readonly makersRole: Role | undefined; readonly isMakerOperator: boolean } {
  if (row.disabled_at !== null) return { makersRole: undefined, isMakerOperator: false }
  return { makersRole: row.makersRole ?? undefined, isMakerOperator: row.is_operator === 1 }
}

/** Ends one that has not ended. @returns false when it has, or is not the organization's */
export async function endInvitation(
  tx: Transaction,
  id: string,
  o: {
    readonly organizationId: string
    readonly at: string
    readonly outcome: 'accepted' | 'revoked'
    readonly acceptedBy?: string
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('invitations')
    .set({ ended_at: o.at, outcome: o.outcome, accepted_by: o.acceptedBy ?? null })
    .where('id', '=', id)
    .where('organization_id', '=', o.organizationId)
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

export interface ListedInvitation {
  readonly row: InvitationRow
  /** By name. */
  readonly teams: readonly string[]
  readonly createdBy: string
  readonly acceptedBy: string | null
  readonly makersRole: Role | undefined
  readonly isMakerOperator: boolean
}

/** By id. */
export async function listInvitations(db: Queries, organizationId: string, page: Page): Promise<ListedInvitation[]> {
  let query = db
    .selectFrom('invitations')
    .innerJoin('users as maker', 'maker.id', 'invitations.created_by')
    .leftJoin('users as guest', 'guest.id', 'invitations.accepted_by')
    .leftJoin('members', (join) =>
      join
        .onRef('members.organization_id', '=', 'invitations.organization_id')
        .onRef('members.user_id', '=', 'invitations.created_by'),
    )
    .selectAll('invitations')
    .select(['members.role as makersRole', 'maker.is_operator', 'maker.disabled_at'])
    .select((eb) => eb.fn.coalesce('maker.username', 'maker.id').as('createdBy'))
    .select((eb) => eb.fn.coalesce('guest.username', 'guest.id').as('acceptedBy'))
    .where('invitations.organization_id', '=', organizationId)
    .orderBy('invitations.id')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('invitations.id', '>', page.after)
  const rows = await query.execute()
  const teams = await findInvitationTeams(
    db,
    rows.map(({ id }) => id),
  )
  return rows.map(({ makersRole, is_operator, disabled_at, createdBy, acceptedBy, ...row }) => ({
    row,
    teams: teamsOf(row.id, teams),
    createdBy,
    acceptedBy,
    ...standingOf({ makersRole, is_operator, disabled_at }),
  }))
}

function teamsOf(id: string, found: Awaited<ReturnType<typeof findInvitationTeams>>): readonly string[] {
  return (found.get(id) ?? []).map(({ name }) => name)
}
