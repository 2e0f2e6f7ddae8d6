/**
 * One writer of backups at a time below a prefix, by objects alone: who wants to write leaves an object, then looks for those of others. S3 shows
 * what was written to whoever lists after it, so of two that come at once at least one finds the other. Times are the bucket's own.
 */
import type { S3Objects } from '../blobs/s3/objects.ts'
import { AppError } from '../errors.ts'
import { randomHex } from '../lib/ids.ts'

const FOLDER = 'locks/'
const RENEW_MS = 60_000
/** Of one that was killed. */
const STALE_MS = 10 * 60_000

export interface BucketLock {
  /** @throws AppError CONFLICT when another has taken it over, since this one was not heard of for so long */
  require(): Promise<void>
  release(): Promise<void>
}

export const isLock = (key: string): boolean => key.startsWith(FOLDER)

/** @throws AppError CONFLICT: another process writes there, or was killed within the last ten minutes */
export async function takeBucketLock(objects: S3Objects, title: string): Promise<BucketLock> {
  const own = `${FOLDER}${randomHex(8)}`
  const write = () => objects.put(own, new TextEncoder().encode('kagami backup\n'))
  await write()
  let renewedAt = performance.now()
  const locks = await Array.fromAsync(objects.list(FOLDER))
  const now = locks.find(({ key }) => key === own)?.modifiedAt.getTime() ?? Number.NaN
  const others = locks.filter(({ key }) => key !== own)
  const isLive = ({ modifiedAt }: { readonly modifiedAt: Date }) => !(modifiedAt.getTime() < now - STALE_MS)
  if (others.some(isLive)) {
    await objects.delete(own)
    throw new AppError(
      'CONFLICT',
      `${title}: another process is writing a backup there, or was killed within the last ten minutes`,
    )
  }
  for (const { key } of others) await objects.delete(key)

  const isHeld = async () => performance.now() - renewedAt < STALE_MS && (await objects.sizeOf(own)) !== undefined
  const renew = async () => {
    // One that is gone was taken over: it must not come back.
    if (!(await isHeld())) {
      clearInterval(timer)
      return
    }
    const startedAt = performance.now()
    await write()
    renewedAt = startedAt
  }
  let renewing = Promise.resolve()
  const timer = setInterval(() => {
    renewing = renew().catch(() => {})
  }, RENEW_MS)
  timer.unref()
  return {
    async require() {
      if (await isHeld()) return
      throw new AppError('CONFLICT', `${title}: another process has begun to write a backup there meanwhile`)
    },
    async release() {
      clearInterval(timer)
      // One under way would bring it back.
      await renewing
      // What is left of it ends by itself.
      await objects.delete(own).catch(() => {})
    },
  }
}
