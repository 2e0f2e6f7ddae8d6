import { AppError } from '../errors.ts'

/** What to throw when `signal` ended the work: its reason when that is an AppError, else CANCELLED. */
export function cancelledBy(signal: AbortSignal | undefined): AppError {
  const reason: unknown = signal?.reason
  return reason instanceof AppError ? reason : new AppError('CANCELLED', 'the work was cancelled', { cause: reason })
}

/** The promise, or CANCELLED as soon as `signal` aborts: for work that cannot be stopped but need not be waited for. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const stop = () => reject(cancelledBy(signal))
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    work.catch(() => {})
  }
}
