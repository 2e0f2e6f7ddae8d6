import { AppError } from '../errors.ts'

/** Told to who has proved who they are, and to nobody else. */
export function disabled(): AppError {
  return new AppError('UNAUTHORIZED', 'this account is disabled: ask an operator of this server')
}
