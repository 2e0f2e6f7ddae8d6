/** What a registry's own API does besides `/v2`: for registries whose clients are libraries of their clouds, which the composition root hands over. */
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import type { TargetMemory } from '../oci/target-repository.ts'

export interface RegistryApi {
  /** Makes the repository, private; one that is there is as good. ECR `CreateRepository`. @throws AppError TARGET_* */
  createRepository?(name: RepositoryName, o: Abortable): Promise<void>
  /** Those of at most 100 blobs that are in the repository. ECR `BatchCheckLayerAvailability`. @throws AppError TARGET_* */
  hasBlobs?(name: RepositoryName, blobs: readonly Digest[], o: Abortable): Promise<readonly Digest[]>
}

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html */
const MOST_AT_ONCE = 100

/** Asks for all of them in as few calls as there may be, and notes what is there: it is asked for no more. What is known is not asked. @returns those that are not there */
export async function noteBlobs(
  blobs: readonly Digest[],
  ask: (some: readonly Digest[]) => Promise<readonly Digest[]>,
  memory: TargetMemory,
): Promise<Digest[]> {
  const absent: Digest[] = []
  const unknown = [...new Set(blobs)].filter((digest) => !memory.hasBlob(digest))
  for (let at = 0; at < unknown.length; at += MOST_AT_ONCE) {
    const some = unknown.slice(at, at + MOST_AT_ONCE)
    const asked = new Set(some)
    for (const digest of await ask(some)) if (asked.delete(digest)) memory.noteBlob(digest)
    absent.push(...asked)
  }
  return absent
}
