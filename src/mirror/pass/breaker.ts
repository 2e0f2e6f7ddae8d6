import { type AppError, type ErrorCode, isAppError } from '../../errors.ts'
import type { RepositoryReader, RepositoryWriter } from '../../oci/repository.ts'

/** Answers in a row that say that upstream is down, before a pass stops asking. */
const TRIES = 20

/** @returns what stops to call a registry that has been down for many calls in a row */
function createGuard(down: readonly ErrorCode[]): <T>(call: () => Promise<T>) => Promise<T> {
  let failures = 0
  let reason: AppError | undefined
  return async (call) => {
    if (reason !== undefined && failures >= TRIES) throw reason
    try {
      const answer = await call()
      failures = 0
      return answer
    } catch (error) {
      if (down.some((code) => isAppError(error, code))) {
        failures++
        reason = error as AppError
      }
      throw error
    }
  }
}

/**
 * The same reader, but once upstream has been down for many calls in a row the rest fails at once with the same reason: each of
 * thousands of calls would otherwise wait out all its retries. Lives for one pass, like the reader.
 */
export function withBreaker(reader: RepositoryReader): RepositoryReader {
  const guard = createGuard(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_RATE_LIMITED'])
  return {
    listTags: (o) => reader.listTags(o),
    resolve: (reference, o) => guard(() => reader.resolve(reference, o)),
    readManifest: (of, o) => guard(() => reader.readManifest(of, o)),
    openBlob: (blob, o) => guard(() => reader.openBlob(blob, o)),
    listReferrers: (subject, o) => guard(() => reader.listReferrers(subject, o)),
  }
}

/** The same of a writer, whose registry is a target. */
export function withWriteBreaker(writer: RepositoryWriter): RepositoryWriter {
  const guard = createGuard(['TARGET_UNAVAILABLE', 'TARGET_RATE_LIMITED'])
  return {
    stageBlob: (blob, o) => guard(() => writer.stageBlob(blob, o)),
    writeManifest: (manifest, o) => guard(() => writer.writeManifest(manifest, o)),
    publish: (change, read, o) => guard(() => writer.publish(change, read, o)),
    unlink: (referrers, o) => guard(() => writer.unlink(referrers, o)),
  }
}
