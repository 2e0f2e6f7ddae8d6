/**
 * What becomes public while it is written to gets nothing more: whoever sends for hours asks again, now and then. Once it is public nothing is
 * sent any more, whatever other work is under way.
 */
import { type AppError, isAppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { RepositoryWriter } from '../../oci/repository.ts'

/** How long an answer is believed, in milliseconds. */
const BELIEVED_MS = 60_000

export interface OpenGuard {
  readonly writer: RepositoryWriter
  /** Why nothing is sent any more: TARGET_PUBLIC, once that was found. */
  reason(): AppError | undefined
}

/** @param refuseOpen was answered just now @throws (the writer) TARGET_PUBLIC, and what else `refuseOpen` throws */
export function guardOpen(
  writer: RepositoryWriter,
  o: { readonly clock: Clock; readonly believedMs?: number; refuseOpen(): Promise<void> },
): OpenGuard {
  const believedMs = o.believedMs ?? BELIEVED_MS
  let askedAt = o.clock.now().getTime()
  let asking: Promise<void> | undefined
  let reason: AppError | undefined

  async function ask(): Promise<void> {
    try {
      await o.refuseOpen()
      askedAt = o.clock.now().getTime()
    } catch (error) {
      if (isAppError(error, 'TARGET_PUBLIC')) reason = error
      throw error
    } finally {
      asking = undefined
    }
  }

  async function check(): Promise<void> {
    if (reason !== undefined) throw reason
    if (o.clock.now().getTime() - askedAt < believedMs) return
    asking ??= ask()
    await asking
  }

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    await check()
    return work()
  }
  return {
    reason: () => reason,
    writer: {
      stageBlob: (blob, options) => guarded(() => writer.stageBlob(blob, options)),
      writeManifest: (manifest, options) => guarded(() => writer.writeManifest(manifest, options)),
      publish: (change, read, options) => guarded(() => writer.publish(change, read, options)),
      unlink: (referrers, options) => guarded(() => writer.unlink(referrers, options)),
    },
  }
}
