import type { Digest } from '../../oci/digest.ts'
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { BlobRow } from '../schema.ts'

/** Which of `digests` this organization has fetched itself from this address and credential, and that are still stored. */
export async function listFetchedBlobs(
  db: Queries,
  organizationId: string,
  sourceKey: string,
  digests: readonly Digest[],
): Promise<Map<Digest, BlobRow>> {
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('fetched_content as fetched')
      .innerJoin('blobs as blob', 'blob.digest', 'fetched.digest')
      .selectAll('blob')
      .where('fetched.organization_id', '=', organizationId)
      .where('fetched.source', '=', sourceKey)
      .where('fetched.digest', 'in', chunk)
      .execute(),
  )
  return new Map(rows.map((row) => [row.digest as Digest, row]))
}

export async function recordFetched(
  tx: Transaction,
  organizationId: string,
  sourceKey: string,
  digests: readonly Digest[],
  at: string,
): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx
      .insertInto('fetched_content')
      .values(chunk.map((digest) => ({ organization_id: organizationId, source: sourceKey, digest, fetched_at: at })))
      .onConflict((conflict) => conflict.columns(['organization_id', 'source', 'digest']).doNothing())
      .execute()
  }
}
