import type { Queries } from '../db/engine/engine.ts'
import { isDisabled } from '../db/people/users.ts'
import { AppError } from '../errors.ts'

/** Told to who has proved who they are, and to nobody else. */
export function disabled(): AppError {
  return new AppError('UNAUTHORIZED', 'this account is disabled: ask an operator of this server', {
    about: { reason: 'disabled', what: 'account' },
  })
}

/** Before anything comes to stand for the user: a session, a token, a sign-in. @throws AppError UNAUTHORIZED */
export async function refuseDisabled(db: Queries, userId: string): Promise<void> {
  if (await isDisabled(db, userId)) throw disabled()
}
