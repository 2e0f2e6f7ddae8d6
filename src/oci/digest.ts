import { createHash, type Hash } from 'node:crypto'
import { AppError } from '../errors.ts'

/** Algorithms that Kagami stores (OCI image-spec descriptor.md "Registered Algorithms"). */
export type DigestAlgorithm = 'sha256' | 'sha512'

/** `algorithm:encoded`, always lower-case hex of the algorithm's length. */
export type Digest = `${DigestAlgorithm}:${string}`

const ENCODED_LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 }
const DIGEST = /^(sha256|sha512):([a-f0-9]+)$/

/** The digest when `text` is a valid one of a supported algorithm, else undefined. */
export function findDigest(text: string): Digest | undefined {
  const match = DIGEST.exec(text)
  if (match === null) return undefined
  const algorithm = match[1] as DigestAlgorithm
  return match[2]?.length === ENCODED_LENGTH[algorithm] ? (text as Digest) : undefined
}

/** The digest in `text`. @throws AppError DIGEST_INVALID with what was got and what was wanted. */
export function parseDigest(text: string): Digest {
  const digest = findDigest(text)
  if (digest !== undefined) return digest
  throw new AppError(
    'DIGEST_INVALID',
    `digest ${JSON.stringify(text.slice(0, 200))} is not valid: want sha256: with 64 or sha512: with 128 lower-case hex digits`,
  )
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** The hex part. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

export function newHash(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm)
}

/** The digest that a finished hash stands for. */
export function digestFromHash(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest('hex')}`
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return digestFromHash(algorithm, createHash(algorithm).update(bytes))
}

/** @throws AppError DIGEST_INVALID when `bytes` do not hash to `digest` in its own algorithm. */
export function verifyDigest(digest: Digest, bytes: Uint8Array): void {
  const got = digestOf(bytes, algorithmOf(digest))
  if (got !== digest) throw new AppError('DIGEST_INVALID', `content hashes to ${got}, want ${digest}`)
}
