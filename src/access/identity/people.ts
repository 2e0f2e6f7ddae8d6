/**
 * Who a person is here, whom a provider has vouched for. Deny by default (decision record 39): a link is made by somebody who is signed
 * in, by a verified address where an operator trusts the provider with that, or for an account that is made now.
 */
import type { Transaction } from '../../db/engine/engine.ts'
import { insertAccount, isTaken } from '../../db/people/accounts.ts'
import type { ProviderRecord } from '../../db/people/identity-providers.ts'
import { addMember, findMember } from '../../db/people/members.ts'
import {
  findLinkedUser,
  findUserByEmail,
  isMemberElsewhere,
  linkUser,
  type VouchedPerson,
} from '../../db/people/sign-ins.ts'
import type { User } from '../../db/people/users.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { AppError } from '../../errors.ts'
import { actingAs } from '../../lib/request-context.ts'
import { MAX_ACCOUNT_NAME_LENGTH } from '../../oci/account-names.ts'
import { followGroups } from './groups.ts'

/** Names that are tried before we give up: there are that many of the same name. */
const MAX_NAMESAKES = 1000

/** The user of a sign-in; one is made at the first. @throws AppError DENIED */
export async function signInPerson(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  at: string,
): Promise<User> {
  const known = await findLinkedUser(tx, provider.id, person.subject)
  if (known !== undefined) {
    refuseOperators(provider, known)
    await actingAs(`user:${known.username}`, () => followGroups(tx, provider, person, known, at))
    return known
  }
  const user = (await findByEmail(tx, provider, person)) ?? (await makeUser(tx, provider, person, at))
  await actingAs(`user:${user.username}`, () => link(tx, provider, person, user, at))
  return user
}

/** The person is `user`, who is signed in, from now on. @throws AppError CONFLICT, DENIED */
export async function linkPerson(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  user: User,
  at: string,
): Promise<void> {
  const known = await findLinkedUser(tx, provider.id, person.subject)
  if (known?.id === user.id) return followGroups(tx, provider, person, user, at)
  if (known !== undefined) throw new AppError('CONFLICT', `whom ${provider.name} vouches for has another account here`)
  refuseOperators(provider, user)
  const { organization_id: organizationId } = provider
  if (organizationId !== null && (await isMemberElsewhere(tx, user.id, organizationId))) {
    throw new AppError(
      'DENIED',
      `${provider.organization} decides whom ${provider.name} vouches for, and ${user.username} belongs to other organizations too: sign in by ${provider.name} without a link, for an account of its own`,
    )
  }
  await link(tx, provider, person, user, at)
}

/** What owners of an organization set up must not speak for who may do everything here. */
function refuseOperators({ organization_id, name }: ProviderRecord, user: User): void {
  if (organization_id === null || !user.isOperator) return
  throw new AppError('DENIED', `${name} is an organization's own: an operator does not sign in by it`)
}

async function findByEmail(tx: Transaction, provider: ProviderRecord, { email }: VouchedPerson) {
  if (provider.trusts_email !== 1 || email === null) return undefined
  const { verified } = await findUserByEmail(tx, email)
  // Operators link themselves.
  return verified?.isOperator === true ? undefined : verified
}

async function link(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  user: User,
  at: string,
): Promise<void> {
  await join(tx, provider, person, user, at)
  await followGroups(tx, provider, person, user, at)
}

async function join(
  tx: Transaction,
  provider: ProviderRecord,
  { subject }: VouchedPerson,
  user: User,
  at: string,
): Promise<void> {
  await linkUser(tx, { userId: user.id, providerId: provider.id, subject, at })
  const { organization_id: organizationId, role } = provider
  const object = `user:${user.username}`
  const linked = { organizationId, action: 'identity.link', object }
  await recordAudit(tx, { ...linked, before: null, after: { provider: provider.name, subject } })
  // At the first sign-in only: whom owners have removed later stays removed.
  if (organizationId === null || (await findMember(tx, organizationId, user.id)) !== undefined) return
  await addMember(tx, { organizationId, userId: user.id, role, at })
  await recordAudit(tx, { organizationId, action: 'member.put', object, before: null, after: { role } })
}

async function makeUser(tx: Transaction, provider: ProviderRecord, person: VouchedPerson, at: string): Promise<User> {
  const isTrusted = provider.trusts_email === 1 && person.email !== null
  const email = isTrusted && !(await findUserByEmail(tx, person.email ?? '')).isTaken ? person.email : null
  for (let number = 1; number <= MAX_NAMESAKES; number++) {
    const username = usernameFor(person.name, provider.organization, number)
    if (await isTaken(tx, { username })) continue
    const account = { username, displayName: username, email: email ?? undefined, isVerified: email !== null, at }
    const id = await insertAccount(tx, { ...account, passwordHash: undefined })
    const made = { organizationId: null, action: 'user.create', object: `user:${username}` }
    const after = { username, displayName: username, email }
    await actingAs(made.object, () => recordAudit(tx, { ...made, before: null, after }))
    return { id, username, isOperator: false }
  }
  throw new AppError('CONFLICT', `there are ${MAX_NAMESAKES} people of that name already`)
}

/**
 * A name of ours for what somebody is called elsewhere. People of an organization's provider carry its name, `alice.acme`: the names of
 * others are not told by what is taken, and nobody is mistaken for somebody else.
 * @param number of the namesake, from 1
 */
export function usernameFor(name: string, organization: string | null, number: number): string {
  const end = `${organization === null ? '' : `.${organization}`}${number === 1 ? '' : `-${number}`}`
  const plain = name
    .normalize('NFKD')
    .replace(/@.*$/s, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, Math.max(1, MAX_ACCOUNT_NAME_LENGTH - end.length))
    .replace(/^[._-]+|[._-]+$/g, '')
  const whole = `${plain === '' ? 'user' : plain}${end}`
  return whole.length <= MAX_ACCOUNT_NAME_LENGTH
    ? whole
    : `u${end}`.slice(-MAX_ACCOUNT_NAME_LENGTH).replace(/^[._-]+/, '')
}
