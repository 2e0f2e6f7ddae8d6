import { type AppError, isAppError } from '../../errors.ts'
import type { RepositoryReader } from '../../oci/repository.ts'

/** Answers in a row that say that upstream is down, before a pass stops asking. */
const TRIES = 20

/**
 * The same reader, but once upstream has been down for many calls in a row the rest fails at once with the same reason: each of
 * thousands of calls would otherwise wait out all its retries. Lives for one pass, like the reader.
 */
export function withBreaker(reader: RepositoryReader): RepositoryReader {
  let failures = 0
  let reason: AppError | undefined

  async function guard<T>(call: () => Promise<T>): Promise<T> {
    if (reason !== undefined && failures >= TRIES) throw reason
    try {
      const answer = await call()
      failures = 0
      return answer
    } catch (error) {
      if (isAppError(error, 'UPSTREAM_UNAVAILABLE') || isAppError(error, 'UPSTREAM_RATE_LIMITED')) {
        failures++
        reason = error
      }
      throw error
    }
  }

  return {
    listTags: (o) => reader.listTags(o),
    resolve: (reference, o) => guard(() => reader.resolve(reference, o)),
    readManifest: (of, o) => guard(() => reader.readManifest(of, o)),
    openBlob: (blob, o) => guard(() => reader.openBlob(blob, o)),
    listReferrers: (subject, o) => guard(() => reader.listReferrers(subject, o)),
  }
}
