/** The one place where a password, or what it has opened, is refused to people whose organization wants a provider. */
import type { Queries } from '../../db/engine/engine.ts'
import { findOnlyProvider } from '../../db/people/identity-providers.ts'
import { AppError } from '../../errors.ts'

/** Asked after the password was right: before that nobody learns who belongs to whom. @throws AppError UNAUTHORIZED */
export async function refuseOnlyByProvider(db: Queries, userId: string): Promise<void> {
  const only = await findOnlyProvider(db, userId)
  if (only === undefined) return
  const { organization, name, id } = only
  throw new AppError(
    'UNAUTHORIZED',
    `members of ${organization} sign in by ${name} and by no password: kagami login --identity ${id}; tokens work as before`,
  )
}
