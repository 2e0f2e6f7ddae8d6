/** Room in an organization's quota for bytes on their way in: set aside before they are written, whatever the client announced. */
import { findQuotaBytes, reserveStage } from '../db/content/quota.ts'
import type { Database } from '../db/engine/engine.ts'
import { pacedBody } from '../net/paced-body.ts'
import type { Digest } from '../oci/digest.ts'

/** Set aside at once for a body of unknown length, where there is so much room. */
const STEP_BYTES = 4 * 1024 * 1024

export interface Incoming {
  readonly organizationId: string
  readonly stageId: string
  readonly stream: ReadableStream<Uint8Array>
  /** Undefined: unknown. */
  readonly lengthBytes: number | undefined
  /** What it is said to become: content that the organization has already may come again. */
  readonly digest?: Digest | undefined
  readonly now: () => string
}

/**
 * Sets room aside for a body; one of unknown length takes it step by step as it comes. Whoever calls this settles the stage later.
 * @returns the body to read; it fails with DENIED where the quota ends
 * @throws AppError DENIED
 */
export async function takeQuota(db: Database, o: Incoming): Promise<ReadableStream<Uint8Array>> {
  if ((await findQuotaBytes(db.read, o.organizationId)) === undefined) return o.stream
  const reserve = (bytes: number, upToBytes: number) =>
    db.writeSmall((tx) =>
      reserveStage(tx, o.organizationId, o.stageId, { bytes, upToBytes, digest: o.digest, at: o.now() }),
    )
  if (o.lengthBytes !== undefined) {
    await reserve(o.lengthBytes, o.lengthBytes)
    return o.stream
  }
  let come = 0
  let reserved: number | undefined = 0
  return pacedBody(o.stream, async (bytes) => {
    come += bytes
    if (reserved !== undefined && come > reserved) reserved = await reserve(come, come + STEP_BYTES)
  })
}
