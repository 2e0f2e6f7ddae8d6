import { AppError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'

/** Answers that a blob is granted whatever they bring; beyond these they have to bring LEAST_BYTES each, on the average. */
const GRANTED_BODIES = 100
const LEAST_BYTES = 1024

/**
 * For each answer that ended before what it was asked for, whether it broke off or says that this was all.
 * @throws `cause`, or AppError UPSTREAM_UNAVAILABLE, when the answers for a blob bring so little that they would go on for ever
 */
export function refuseCrumbs(
  blob: Descriptor,
  { bodies, bytes, cause }: { readonly bodies: number; readonly bytes: number; readonly cause?: unknown },
): void {
  if (bodies < GRANTED_BODIES + bytes / LEAST_BYTES) return
  throw (
    cause ??
    new AppError(
      'UPSTREAM_UNAVAILABLE',
      `upstream's blob ${blob.digest} came to ${bytes} bytes in ${bodies} answers, want ${LEAST_BYTES} each at least`,
    )
  )
}
