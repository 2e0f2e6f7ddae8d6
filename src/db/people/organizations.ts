import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MembersPull, OrganizationRow, Role } from '../schema.ts'
import { managesMirrors } from './team-rights.ts'

export async function findOrganization(db: Queries, name: string): Promise<OrganizationRow | undefined> {
  return db
    .selectFrom('organizations')
    .selectAll()
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function findOrganizationById(db: Queries, id: string): Promise<OrganizationRow | undefined> {
  return db
    .selectFrom('organizations')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/**
 * Makes the organization unless the name is taken; `isNew` tells which. Its owner is made with `addMember`.
 * @param organization.reuseName take the name of one that was deleted: what still names images of that one gets those of the new one
 * @throws AppError CONFLICT when the name was of one that was deleted
 */
export async function createOrganization(
  tx: Transaction,
  organization: { readonly name: string; readonly at: string; readonly reuseName?: boolean },
): Promise<{ row: OrganizationRow; isNew: boolean }> {
  const { name, at } = organization
  await freeName(tx, name, organization.reuseName === true)
  const row: OrganizationRow = {
    id: newId(),
    name,
    quota_bytes: null,
    members_pull: 'all',
    display_name: '',
    created_at: at,
  }
  const made = await tx
    .insertInto('organizations')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst()
  if (made !== undefined) return { row: made, isNew: true }
  const present = tx.selectFrom('organizations').selectAll().where('name', '=', organization.name)
  return { row: await present.executeTakeFirstOrThrow(), isNew: false }
}

/** @throws AppError CONFLICT while one that was deleted has the name, and keeps it */
async function freeName(tx: Transaction, name: string, isReused: boolean): Promise<void> {
  const row = await findDeletedOrganization(tx, name)
  if (row === undefined) return
  const { deleted_at: deletedAt, emptied_at: emptiedAt } = row
  if (!isReused) {
    throw new AppError(
      'CONFLICT',
      `${name} was the name of an organization that was deleted at ${deletedAt}: what still names its images would get those of the new one; say reuseName (--reuse-name) to take the name all the same`,
      { detail: { deletedAt } },
    )
  }
  if (emptiedAt === null) {
    throw new AppError(
      'CONFLICT',
      `the organization ${name} that was deleted at ${deletedAt} is still being removed: try again later`,
    )
  }
  await tx
    .updateTable('organizations')
    .set({ name: `${name}~${deletedAt}` })
    .where('id', '=', row.id)
    .execute()
}

/** One that is there for nobody any more, by the name that it had; with `~` and when it was deleted where another has taken that since. */
export async function findDeletedOrganization(db: Queries, name: string) {
  return db
    .selectFrom('organizations')
    .select(['id', 'deleted_at', 'emptied_at'])
    .where('name', '=', name)
    .where('deleted_at', 'is not', null)
    .executeTakeFirst()
}

/** Bytes that it may store; null: no limit. */
export async function setOrganizationQuota(tx: Transaction, id: string, quotaBytes: number | null): Promise<void> {
  await tx.updateTable('organizations').set({ quota_bytes: quotaBytes }).where('id', '=', id).execute()
}

/** What people call it; empty: its name. */
export async function setDisplayName(tx: Transaction, id: string, displayName: string): Promise<void> {
  await tx.updateTable('organizations').set({ display_name: displayName }).where('id', '=', id).execute()
}

/** The next request is decided by it. */
export async function setMembersPull(tx: Transaction, id: string, membersPull: MembersPull): Promise<void> {
  await tx.updateTable('organizations').set({ members_pull: membersPull }).where('id', '=', id).execute()
}

export interface Page {
  /** The key of the last row that was seen; undefined: from the start. */
  readonly after?: string | undefined
  readonly limit: number
}

/** All organizations, by name; for operators. */
export async function listOrganizations(db: Queries, page: Page): Promise<OrganizationRow[]> {
  let query = db
    .selectFrom('organizations')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('name', '>', page.after)
  return query.execute()
}

/** The organizations that a user is a member of, by name, with the role there and whether a team of theirs manages mirrors. */
export async function listOrganizationsOf(
  db: Queries,
  userId: string,
  page: Page,
): Promise<(OrganizationRow & { role: Role; managesMirrors: boolean })[]> {
  let query = db
    .selectFrom('members')
    .innerJoin('organizations', 'organizations.id', 'members.organization_id')
    .selectAll('organizations')
    .select(['members.role', managesMirrors.as('manages_mirrors')])
    .where('members.user_id', '=', userId)
    .where('organizations.deleted_at', 'is', null)
    .orderBy('organizations.name')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('organizations.name', '>', page.after)
  const rows = await query.execute()
  return rows.map(({ manages_mirrors, ...row }) => ({ ...row, managesMirrors: manages_mirrors === 1 }))
}
