/** The first start: an owner, who is also the operator, and an organization. Later starts change nothing. */
import { type Database, oneAtATime, type Transaction } from '../db/engine/engine.ts'
import { addMember } from '../db/people/members.ts'
import { createOrganization } from '../db/people/organizations.ts'
import { findUserByName, hasOperator, makeOperator, type User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Secret } from '../lib/secret.ts'
import type { Accounts } from './accounts.ts'
import { makePassword } from './passwords.ts'

export interface FirstOwner {
  readonly username: string
  readonly organization: string
  /** `password` as it was set, or as it was made; shown once and kept nowhere. */
  readonly password: Secret
  readonly isPasswordMade: boolean
}

export interface BootstrapOptions {
  readonly owner: string
  readonly ownerPassword: Secret | undefined
  readonly organization: string
}

/**
 * Makes owner and organization unless the instance has an operator. A start that was killed half-way is finished by the
 * next one, which sets the password anew, as nobody has seen the first. Of servers that start at once, one makes them.
 * @returns what was made, undefined when there was nothing to make
 */
export async function bootstrap(
  db: Database,
  accounts: Accounts,
  clock: Clock,
  o: BootstrapOptions,
): Promise<FirstOwner | undefined> {
  if (await hasOperator(db.read)) return undefined
  return oneAtATime(db, () => makeFirst(db, accounts, clock, o))
}

async function makeFirst(
  db: Database,
  accounts: Accounts,
  clock: Clock,
  { owner, ownerPassword, organization }: BootstrapOptions,
): Promise<FirstOwner | undefined> {
  if (await hasOperator(db.read)) return undefined
  const password = ownerPassword ?? makePassword()
  const present = await findUserByName(db.read, owner)
  const user =
    present === undefined
      ? await accounts.createUser({ username: owner, password })
      : await accounts.resetPassword(owner, password)
  const at = isoTime(clock.now())
  const isFirst = await db.write(async (tx) => {
    // A page may have made one while the password was hashed.
    if (await hasOperator(tx)) return false
    await makeOwnerOf(tx, user, organization, at)
    return true
  })
  if (!isFirst) return undefined
  return { username: user.username, organization, password, isPasswordMade: ownerPassword === undefined }
}

/** The user becomes operator of the instance and owner of its first organization, which is made. */
export async function makeOwnerOf(
  tx: Transaction,
  user: Pick<User, 'id' | 'username'>,
  organization: string,
  at: string,
): Promise<void> {
  const { row, isNew } = await createOrganization(tx, { name: organization, at })
  const change = { organizationId: null, object: organization, before: null }
  if (isNew) await recordAudit(tx, { ...change, action: 'organization.create', after: { owner: user.username } })
  const operator = { ...change, action: 'user.operator', object: `user:${user.username}` }
  await recordAudit(tx, { ...operator, after: { operator: true } })
  await addMember(tx, { organizationId: row.id, userId: user.id, role: 'owner', at })
  // Last, in the same transaction: this is what says that the first start is over.
  await makeOperator(tx, user.id)
}
