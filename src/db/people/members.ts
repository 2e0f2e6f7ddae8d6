import { AppError } from '../../errors.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { Role } from '../schema.ts'
import type { Page } from './organizations.ts'

export interface Member {
  readonly userId: string
  readonly username: string
  readonly role: Role
  readonly createdAt: string
}

/**
 * Makes the user a member, or gives the member another role.
 * @throws AppError CONFLICT when it would leave the organization without an owner
 */
export async function addMember(
  tx: Transaction,
  member: { readonly organizationId: string; readonly userId: string; readonly role: Role; readonly at: string },
): Promise<void> {
  if (member.role !== 'owner') await keepAnOwner(tx, member.organizationId, member.userId)
  await tx
    .insertInto('members')
    .values({
      organization_id: member.organizationId,
      user_id: member.userId,
      role: member.role,
      created_at: member.at,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'user_id']).doUpdateSet({ role: member.role }))
    .execute()
}

/**
 * Takes the user's membership away; the next request is decided without it.
 * @returns false when the user is not a member
 * @throws AppError CONFLICT when it would leave the organization without an owner
 */
export async function removeMember(tx: Transaction, organizationId: string, userId: string): Promise<boolean> {
  await keepAnOwner(tx, organizationId, userId)
  const { numDeletedRows } = await tx
    .deleteFrom('members')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

async function keepAnOwner(tx: Transaction, organizationId: string, userId: string): Promise<void> {
  const owners = await tx
    .selectFrom('members')
    .select('user_id')
    .where('organization_id', '=', organizationId)
    .where('role', '=', 'owner')
    .limit(2)
    .execute()
  if (owners.length === 1 && owners[0]?.user_id === userId) {
    throw new AppError('CONFLICT', 'an organization needs an owner: make somebody else an owner first', {
      about: { reason: 'last', what: 'owner' },
    })
  }
}

export async function findMember(
  db: Queries,
  organizationId: string,
  userId: string,
): Promise<Pick<Member, 'role' | 'createdAt'> | undefined> {
  return db
    .selectFrom('members')
    .select(['role', 'created_at as createdAt'])
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

export async function findMemberByName(
  db: Queries,
  organizationId: string,
  username: string,
): Promise<{ readonly userId: string } | undefined> {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select('users.id as userId')
    .where('members.organization_id', '=', organizationId)
    .where('users.username', '=', username.toLowerCase())
    .executeTakeFirst()
}

/** By user name. */
export async function listMembers(
  db: Queries,
  organizationId: string,
  page: Page,
): Promise<(Member & { readonly displayName: string })[]> {
  let query = db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['users.id as userId', 'users.name as displayName', 'members.role', 'members.created_at as createdAt'])
    .select((eb) => eb.fn.coalesce('users.username', 'users.id').as('username'))
    .where('members.organization_id', '=', organizationId)
    .orderBy('username')
    .limit(page.limit)
  if (page.after !== undefined)
    query = query.where((eb) => eb.fn.coalesce('users.username', 'users.id'), '>', page.after)
  return query.execute()
}
