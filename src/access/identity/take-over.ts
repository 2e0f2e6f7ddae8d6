/**
 * Somebody who has an account here came by a provider once without a link, which made them another one. Signed in to theirs, they take the
 * link over. Only from an account that is nothing but that: what somebody has made of it since must not be lost, nor taken.
 */
import type { Transaction } from '../../db/engine/engine.ts'
import { changeProfile } from '../../db/people/accounts.ts'
import { findPerson, forgetMadeAccount } from '../../db/people/identity-people.ts'
import type { ProviderRecord } from '../../db/people/identity-providers.ts'
import { addMember, findMember, removeMember } from '../../db/people/members.ts'
import { endPasswordLogins } from '../../db/people/sessions.ts'
import { isMemberElsewhere, moveLink, readWaysIn, type VouchedPerson } from '../../db/people/sign-ins.ts'
import type { User } from '../../db/people/users.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { AppError } from '../../errors.ts'

interface TakeOver {
  /** Whose link it is. */
  readonly known: User
  /** Whose it is to be. */
  readonly user: User
  readonly at: string
  /** Whether that is what was asked for. */
  readonly takeOver: boolean
}

/** After `refuseMoreThanMade`. What `known` was in the provider's organization, `user` is from then on. @throws AppError CONFLICT */
export async function takeOver(
  tx: Transaction,
  provider: ProviderRecord,
  { subject }: VouchedPerson,
  o: TakeOver,
): Promise<void> {
  const { known, user, at } = o
  if (!o.takeOver) {
    const named = provider.organization === null ? provider.name : provider.id
    const way = `kagami login --identity ${named} --link --take-over (takeOver in the API)`
    const has = hasAnother(provider, known)
    throw new AppError('CONFLICT', `${has}, which ${provider.name} has made: to leave that one and link yours, ${way}`)
  }
  const { organization_id: organizationId, link_key: linkKey } = provider
  await moveLink(tx, { linkKey, subject, userId: user.id, at })
  await forgetMadeAccount(tx, known.id)
  await endPasswordLogins(tx, known.id)
  // It is nobody's address any more, so that its owner can have it.
  await changeProfile(tx, known, { email: null, at })
  const [object, left] = [`user:${user.username}`, `user:${known.username}`]
  const change = { organizationId, action: 'identity.link', object }
  await recordAudit(tx, { ...change, before: { user: left }, after: { provider: provider.name, subject } })
  const member = organizationId === null ? undefined : await findMember(tx, organizationId, known.id)
  if (organizationId === null || member === undefined) return
  const { role } = member
  if ((await findMember(tx, organizationId, user.id)) === undefined) {
    await addMember(tx, { organizationId, userId: user.id, role, at })
    await recordAudit(tx, { organizationId, action: 'member.put', object, before: null, after: { role } })
  }
  await removeMember(tx, organizationId, known.id)
  await recordAudit(tx, { organizationId, action: 'member.remove', object: left, before: { role }, after: null })
}

/** @throws AppError CONFLICT where `known` is more than what the provider has made */
export async function refuseMoreThanMade(
  tx: Transaction,
  provider: ProviderRecord,
  { subject }: VouchedPerson,
  known: User,
): Promise<void> {
  const fault = await findFault(tx, provider, subject, known)
  if (fault !== undefined) throw new AppError('CONFLICT', `${hasAnother(provider, known)}, which ${fault}`)
}

function hasAnother({ name }: ProviderRecord, known: User): string {
  return `whom ${name} vouches for has another account here, ${known.username}`
}

async function findFault(
  tx: Transaction,
  provider: ProviderRecord,
  subject: string,
  known: User,
): Promise<string | undefined> {
  const person = await findPerson(tx, provider.link_key, subject)
  if (person?.madeUserId !== known.id || known.isOperator) return `${provider.name} has not made`
  const { hasPassword, links, tokens } = await readWaysIn(tx, known.id)
  if (hasPassword) return 'has a password: sign in to it'
  if (links > 1) return 'has other links: end them first (kagami user unlink)'
  if (tokens > 0)
    return `has tokens of its own: sign in to it, and revoke them first (kagami logout, kagami token revoke)`
  if (await isMemberElsewhere(tx, known.id, provider.organization_id ?? '')) {
    return 'belongs to other organizations, whose owners have to let it go first'
  }
  return undefined
}
