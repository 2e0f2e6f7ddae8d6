import type { Stage } from '../blobs/blob-store.ts'
import { algorithmOf, type Digest, type DigestAlgorithm, digestFromHash, newHash } from '../oci/digest.ts'

/** Hashes what arrives, so that a finished upload needs no second reading. */
export interface RunningHash {
  /** Bytes that it has seen, from the first one on. */
  readonly sizeBytes: number
  update(chunk: Uint8Array): void
  /** From here on it has seen nothing; useful only when the content starts here too (`atBytes` 0). */
  restart(atBytes: number): void
  /** The digest in the algorithm of `wanted`; undefined when it has not seen exactly `sizeBytes` in that algorithm. */
  digestOf(wanted: Digest, sizeBytes: number): Digest | undefined
}

/** sha512 only when the client said so beforehand: most uploads never need it. */
export function createRunningHash(algorithm: DigestAlgorithm = 'sha256'): RunningHash {
  let hash = newHash(algorithm)
  let seen = 0
  let isWhole = true
  return {
    get sizeBytes() {
      return isWhole ? seen : 0
    },
    update(chunk) {
      if (!isWhole) return
      hash.update(chunk)
      seen += chunk.byteLength
    },
    restart(atBytes) {
      hash = newHash(algorithm)
      seen = 0
      isWhole = atBytes === 0
    },
    digestOf(wanted, sizeBytes) {
      if (!isWhole || seen !== sizeBytes || algorithmOf(wanted) !== algorithm) return undefined
      return digestFromHash(algorithm, hash.copy())
    },
  }
}

/** Reads a stage again to hash it, letting other work in between its chunks. */
export async function hashStage(stage: Stage, like: Digest): Promise<Digest> {
  const algorithm = algorithmOf(like)
  const hash = newHash(algorithm)
  for await (const chunk of stage.read()) {
    hash.update(chunk)
    // Reading a cached file never waits, so without this pause a large blob would hold up every other request.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return digestFromHash(algorithm, hash)
}
