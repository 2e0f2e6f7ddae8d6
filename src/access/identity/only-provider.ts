/** The one place where a password, another provider, or what they have opened, is refused to people whose organization wants its own. */
import type { Queries } from '../../db/engine/engine.ts'
import { findOnlyProvider } from '../../db/people/identity-providers.ts'
import { AppError } from '../../errors.ts'

/**
 * Asked after the password was right, or the provider has vouched: before that nobody learns who belongs to whom.
 * @param providerId by which they signed in; undefined: by a password
 * @throws AppError UNAUTHORIZED
 */
export async function refuseOnlyByProvider(db: Queries, userId: string, providerId?: string): Promise<void> {
  const only = await findOnlyProvider(db, userId, providerId)
  if (only === undefined) return
  const { organization, name, id } = only
  const others = providerId === undefined ? 'no password' : 'no other provider'
  throw new AppError(
    'UNAUTHORIZED',
    `members of ${organization} sign in by ${name} and by ${others}: kagami login --identity ${id}; tokens work as before`,
  )
}
