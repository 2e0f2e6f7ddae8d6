/** Links of manifests from before it was written down what they are to what they hang on; and links of servers that do not write it yet. */
import type { AttestedBits } from '../../oci/attested.ts'
import type { Digest } from '../../oci/digest.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

/** Some of them with their sizes; each once, however many repositories have it. */
export async function listUnread(
  db: Queries,
  limit: number,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }[]> {
  const rows = await db
    .selectFrom('repository_manifests')
    .select(['digest', 'size_bytes'])
    .where('attested', 'is', null)
    .orderBy('digest')
    .limit(limit)
    .execute()
  const sizes = new Map(rows.map((row) => [row.digest as Digest, row.size_bytes]))
  return [...sizes].map(([digest, sizeBytes]) => ({ digest, sizeBytes }))
}

export async function readManifestBytes(db: Queries, digest: Digest): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
    .select('manifest.bytes')
    .where('link.digest', '=', digest)
    .limit(1)
    .executeTakeFirst()
  return row?.bytes
}

export async function writeAttested(tx: Transaction, found: ReadonlyMap<Digest, AttestedBits>): Promise<void> {
  for (const [bits, some] of Map.groupBy(found, ([, one]) => one)) {
    for (const chunk of inChunks(some.map(([digest]) => digest))) {
      await tx
        .updateTable('repository_manifests')
        .set({ attested: bits })
        .where('digest', 'in', chunk)
        .where('attested', 'is', null)
        .execute()
    }
  }
}
