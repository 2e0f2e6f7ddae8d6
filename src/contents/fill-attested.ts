/** Reads of manifests that were here before it was written down what they are to what they hang on. Portion by portion, beside all else. */
import { listUnread, readManifestBytes, writeAttested } from '../db/content/attested-reads.ts'
import { isAppError } from '../errors.ts'
import { assertFence } from '../jobs/fence.ts'
import { createTurns } from '../lib/turns.ts'
import { type AttestedBits, attestedBy } from '../oci/attested.ts'
import type { Digest } from '../oci/digest.ts'
import { referencesOf } from '../oci/manifest.ts'
import type { ReadDeps } from './read-contents.ts'

/** Of one portion, and of one transaction. */
const MANIFESTS = 500
const BYTES = 2 * 1024 * 1024

/** @returns whether there may be more. @throws AppError CONFLICT when another server reads now */
export async function fillAttested({ db, fence }: Pick<ReadDeps, 'db' | 'fence'>): Promise<boolean> {
  const unread = await listUnread(db.read, MANIFESTS)
  if (unread.length === 0) return false
  const found = new Map<Digest, AttestedBits>()
  const turns = createTurns()
  let bytes = 0
  for (const { digest, sizeBytes } of unread) {
    if (found.size > 0 && bytes + sizeBytes > BYTES) break
    bytes += sizeBytes
    found.set(digest, bitsIn(await readManifestBytes(db.read, digest)))
    const turn = turns()
    if (turn !== undefined) await turn
  }
  await db.stage(async (tx) => {
    await assertFence(tx, fence)
    await writeAttested(tx, found)
  })
  return true
}

/** What cannot be read says nothing. */
function bitsIn(bytes: Uint8Array | undefined): AttestedBits {
  if (bytes === undefined) return 0
  try {
    return attestedBy(referencesOf(bytes))
  } catch (error) {
    if (isAppError(error)) return 0
    throw error
  }
}
