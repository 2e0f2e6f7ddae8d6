import { AppError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestFromHash, newHash } from '../oci/digest.ts'

/** Hashes a blob while it is sent, whatever of it is sent twice. */
export interface BlobHash {
  /** From byte 0 on: what has been given to be sent. */
  readonly bytes: number
  /** Bytes at a place, not behind what came before. @throws AppError DIGEST_INVALID for the last, before it is sent, when it is another blob */
  check(at: number, chunk: Uint8Array): void
  /** The same, once all has come. */
  refuseOther(): void
}

/** @param what names the blob in the error */
export function createBlobHash({ digest, size }: Descriptor, what: string): BlobHash {
  const algorithm = algorithmOf(digest)
  const hash = newHash(algorithm)
  let hashed = 0
  let got: Digest | undefined
  const refuseOther = () => {
    if (hashed < size) throw new AppError('SIZE_INVALID', `${what}: ${hashed} bytes came, want ${size}`)
    got ??= digestFromHash(algorithm, hash)
    if (got !== digest) {
      throw new AppError('DIGEST_INVALID', `${what}: what is to be sent hashes to ${got}, want ${digest}`)
    }
  }
  return {
    get bytes() {
      return hashed
    },
    refuseOther,
    check(at, chunk) {
      const end = at + chunk.byteLength
      if (at <= hashed && end > hashed) {
        hash.update(chunk.subarray(hashed - at))
        hashed = end
      }
      if (end === size) refuseOther()
    },
  }
}
