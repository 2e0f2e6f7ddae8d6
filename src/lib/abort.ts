import { AppError } from '../errors.ts'

/** What to throw when `signal` ended the work: its reason when that is an AppError, else CANCELLED. */
export function cancelledBy(signal: AbortSignal | undefined): AppError {
  const reason: unknown = signal?.reason
  return reason instanceof AppError ? reason : new AppError('CANCELLED', 'the work was cancelled', { cause: reason })
}
