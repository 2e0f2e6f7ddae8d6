/**
 * Who a person is here, whom a provider has vouched for. Deny by default (decision record 39): a link is made by somebody who is signed
 * in, by a verified address where an operator trusts the provider with that, or for an account that is made now.
 */
import type { Transaction } from '../../db/engine/engine.ts'
import { insertAccount, isTaken } from '../../db/people/accounts.ts'
import { countPeople, findPerson, insertPerson, noteMadeAccount } from '../../db/people/identity-people.ts'
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
import { isoTime } from '../../lib/clock.ts'
import { actingAs } from '../../lib/request-context.ts'
import { MAX_ACCOUNT_NAME_LENGTH } from '../../oci/account-names.ts'
import { refuseDisabled } from '../disabled.ts'
import { followGroups } from './groups.ts'
import { refuseOnlyByProvider } from './only-provider.ts'
import { refuseMoreThanMade, takeOver } from './take-over.ts'

/** Names that are tried before we give up: there are that many of the same name. */
const MAX_NAMESAKES = 1000
const DAY_MS = 24 * 60 * 60 * 1000
/** Whoever runs a provider vouches for as many as they like: so many of an organization's come for the first time within a day, */
export const MAX_NEW_PEOPLE_A_DAY = 300
/** and so many by all that the organization ever had. */
export const MAX_PEOPLE = 10_000

/**
 * The user of a sign-in; one is made at the first.
 * @throws AppError DENIED, UNAUTHORIZED where they are disabled or an organization of theirs wants another provider, TOOMANYREQUESTS, CONFLICT
 */
export async function signInPerson(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  at: string,
): Promise<User> {
  const known = await findLinkedUser(tx, provider.link_key, person.subject)
  if (known !== undefined) {
    await refuseDisabled(tx, known.id)
    refuseOperators(provider, known)
    await refuseOnlyByProvider(tx, known.id, provider.id)
    await actingAs(`user:${known.username}`, () => followGroups(tx, provider, person, known, at))
    return known
  }
  const isNew = await comesAnew(tx, provider, person, at)
  const found = await findByEmail(tx, provider, person)
  if (found !== undefined) await refuseDisabled(tx, found.id)
  const user = found ?? (await makeUser(tx, provider, person, at))
  await notePerson(tx, provider, person, { isNew, made: found === undefined ? user : undefined, at })
  await actingAs(`user:${user.username}`, () => link(tx, provider, person, user, { at, isNew }))
  await refuseOnlyByProvider(tx, user.id, provider.id)
  return user
}

/**
 * The person is `user`, who is signed in, from now on.
 * @param o.takeOver also where the provider has made another account for that person, which is left
 * @throws AppError CONFLICT, DENIED, TOOMANYREQUESTS
 */
export async function linkPerson(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  user: User,
  o: { readonly at: string; readonly takeOver: boolean },
): Promise<void> {
  const { at } = o
  const known = await findLinkedUser(tx, provider.link_key, person.subject)
  if (known?.id === user.id) return followGroups(tx, provider, person, user, at)
  if (known !== undefined) await refuseMoreThanMade(tx, provider, person, known)
  refuseOperators(provider, user)
  const { organization_id: organizationId } = provider
  if (organizationId !== null && (await isMemberElsewhere(tx, user.id, organizationId))) {
    throw new AppError(
      'DENIED',
      `${provider.organization} decides whom ${provider.name} vouches for, and ${user.username} belongs to other organizations too: sign in by ${provider.name} without a link, for an account of its own`,
    )
  }
  if (known !== undefined) {
    await takeOver(tx, provider, person, { known, user, ...o })
    return followGroups(tx, provider, person, user, at)
  }
  const isNew = await comesAnew(tx, provider, person, at)
  await notePerson(tx, provider, person, { isNew, made: undefined, at })
  await link(tx, provider, person, user, { at, isNew })
}

/** Whether it is the first time that the issuer vouches for them here, with or without a link that has ended since. */
async function comesAnew(tx: Transaction, provider: ProviderRecord, { subject }: VouchedPerson, at: string) {
  if ((await findPerson(tx, provider.link_key, subject)) !== undefined) return false
  await refuseTooMany(tx, provider, at)
  return true
}

async function notePerson(
  tx: Transaction,
  { link_key: linkKey }: ProviderRecord,
  { subject }: VouchedPerson,
  { isNew, made, at }: { readonly isNew: boolean; readonly made: User | undefined; readonly at: string },
): Promise<void> {
  const person = { linkKey, subject, madeUserId: made?.id ?? null }
  if (isNew) await insertPerson(tx, { ...person, at })
  else await noteMadeAccount(tx, person)
}

/** @throws AppError TOOMANYREQUESTS, CONFLICT */
async function refuseTooMany(tx: Transaction, provider: ProviderRecord, at: string): Promise<void> {
  const { organization_id: organizationId, organization, name, link_key: linkKey } = provider
  // What operators set up is not bounded by us.
  if (organizationId === null) return
  const since = isoTime(new Date(Date.parse(at) - DAY_MS))
  const { recent, all } = await countPeople(tx, { linkKey, organizationId, since })
  if (all >= MAX_PEOPLE) {
    throw new AppError(
      'CONFLICT',
      `${MAX_PEOPLE} people have come by the providers of ${organization}, which is the most: nobody new comes by ${name}`,
    )
  }
  if (recent < MAX_NEW_PEOPLE_A_DAY) return
  throw new AppError(
    'TOOMANYREQUESTS',
    `${recent} people have come by ${name} for the first time within a day, which is the most: try again tomorrow`,
    { detail: { retryAfterSeconds: 60 * 60 } },
  )
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

/** @param o.isNew they come for the first time, and so become a member: whom owners have removed later stays removed */
async function link(
  tx: Transaction,
  provider: ProviderRecord,
  person: VouchedPerson,
  user: User,
  { at, isNew }: { readonly at: string; readonly isNew: boolean },
): Promise<void> {
  const { organization_id: organizationId, role, link_key: linkKey } = provider
  const { subject } = person
  await linkUser(tx, { userId: user.id, linkKey, subject, at })
  const object = `user:${user.username}`
  const linked = { organizationId, action: 'identity.link', object }
  await recordAudit(tx, { ...linked, before: null, after: { provider: provider.name, subject } })
  if (isNew && organizationId !== null && (await findMember(tx, organizationId, user.id)) === undefined) {
    await addMember(tx, { organizationId, userId: user.id, role, at })
    await recordAudit(tx, { organizationId, action: 'member.put', object, before: null, after: { role } })
  }
  await followGroups(tx, provider, person, user, at)
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
