/** Failures of an S3 server. People are told that the store does not answer as it should; the rest, with addresses and names, is the operator's. */
import { AppError } from '../../errors.ts'

/** The parts of an error that say what to do about it. */
export interface S3Refusal {
  readonly status: number
  /** Of S3: `NoSuchBucket`, `AccessDenied` … */
  readonly code: string | undefined
}

/** What exactly happened, where: for logs, and for whoever starts the server. */
class S3Failure extends Error {
  readonly refusal: S3Refusal | undefined
  constructor(what: string, o: { readonly refusal?: S3Refusal | undefined; readonly cause?: unknown }) {
    super(what, { cause: o.cause })
    this.name = 'S3Failure'
    this.refusal = o.refusal
  }
}

/** @param what happened, where */
export function unavailable(
  what: string,
  o: { readonly refusal?: S3Refusal; readonly cause?: unknown } = {},
): AppError {
  return new AppError('STORAGE_UNAVAILABLE', 'the blob store does not answer as it should: try again', {
    cause: new S3Failure(what, o),
  })
}

export function refusalOf(error: unknown): S3Refusal | undefined {
  return error instanceof AppError && error.cause instanceof S3Failure ? error.cause.refusal : undefined
}
