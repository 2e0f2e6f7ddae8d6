/** Whom somebody lets vouch for them: the links of their own account, and the end of one. */
import type { Transaction } from '../../db/engine/engine.ts'
import { endSessionsOf, findOnlyProvider } from '../../db/people/identity-providers.ts'
import { listLinks, removeLink } from '../../db/people/own-links.ts'
import { readWaysIn } from '../../db/people/sign-ins.ts'
import type { User } from '../../db/people/users.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { AppError } from '../../errors.ts'

/**
 * The link ends, and the sessions that it opened; the account, its memberships and its tokens stay. Whoever comes by the provider after that
 * gets an account of its own, which is no member again.
 * @throws AppError NOT_FOUND, CONFLICT where nothing would be left to sign in by
 */
export async function endLink(tx: Transaction, user: Pick<User, 'id' | 'username'>, id: string): Promise<void> {
  const links = await listLinks(tx, user.id)
  const link = links.find((one) => one.id === id)
  if (link === undefined)
    throw new AppError('NOT_FOUND', `you have no link ${id}`, { about: { reason: 'absent', what: 'link' } })
  await removeLink(tx, user.id, id)
  await endSessionsOf(tx, user.id, link.linkKey)
  if (!(await canSignIn(tx, user.id))) {
    throw new AppError(
      'CONFLICT',
      `there is no other way in to ${user.username} than this link: make another one first`,
      { about: { reason: 'last', what: 'link' } },
    )
  }
  await recordAudit(tx, {
    organizationId: link.organizationId,
    action: 'identity.unlink',
    object: `user:${user.username}`,
    before: { provider: link.provider, issuer: link.issuer, subject: link.subject },
    after: null,
  })
}

async function canSignIn(tx: Transaction, userId: string): Promise<boolean> {
  const { hasPassword } = await readWaysIn(tx, userId)
  if (hasPassword && (await findOnlyProvider(tx, userId)) === undefined) return true
  for (const { providerId } of await listLinks(tx, userId)) {
    if (providerId !== null && (await findOnlyProvider(tx, userId, providerId)) === undefined) return true
  }
  return false
}
