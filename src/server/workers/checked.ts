/** What a check of a password gave, on its way from the main process to a worker. */
import { z } from 'zod'
import type { PasswordAnswer, PasswordCheck, PasswordTry } from '../../access/password-check.ts'
import { DatabaseUnavailable } from '../../db/engine/unavailable.ts'
import { AppError, type ErrorAbout, type ErrorCode } from '../../errors.ts'
import type { Logger } from '../../lib/logger.ts'

export const checkedSchema = z.discriminatedUnion('is', [
  z.object({
    is: z.literal('answered'),
    userId: z.string().optional(),
    user: z.object({ id: z.string(), username: z.string(), isOperator: z.boolean() }).optional(),
  }),
  z.object({
    is: z.literal('refused'),
    userId: z.string().optional(),
    // Of the same program at the other end.
    code: z.custom<ErrorCode>((code) => typeof code === 'string'),
    message: z.string(),
    detail: z.unknown(),
    about: z.custom<ErrorAbout>().optional(),
  }),
  /** The database does not answer now. */
  z.object({ is: z.literal('away'), why: z.string() }),
  /** Logged where it happened. */
  z.object({ is: z.literal('failed') }),
])
export type Checked = z.infer<typeof checkedSchema>

/** Never rejects: whoever asks from another process is answered in any case. */
export async function checkedBy(check: PasswordCheck, tried: PasswordTry, logger: Logger): Promise<Checked> {
  try {
    const { userId, user, refused } = await check(tried)
    if (refused === undefined) return { is: 'answered', userId, user }
    const { code, message, detail, about } = refused
    return { is: 'refused', userId, code, message, detail, about }
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return { is: 'away', why: error.message }
    logger.error({ err: error }, 'a password could not be checked for a worker')
    return { is: 'failed' }
  }
}

/** @throws DatabaseUnavailable; Error when the check has failed */
export function passwordAnswerOf(checked: Checked): PasswordAnswer {
  switch (checked.is) {
    case 'answered':
      return { userId: checked.userId, user: checked.user }
    case 'refused': {
      const { userId, code, message, detail, about } = checked
      return { userId, refused: new AppError(code, message, { detail, about }) }
    }
    case 'away':
      throw new DatabaseUnavailable(checked.why, undefined)
    case 'failed':
      throw new Error('the main process could not check a password: see its log')
  }
}
