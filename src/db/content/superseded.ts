/**
 * Manifests that something held once and may hold no longer (docs/decisions/0068): noted in the transaction in which they lose a holder. Whether
 * anything else holds them the collector finds out.
 */
import type { Digest } from '../../oci/digest.ts'
import { allOfChunks, type Chunk, inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import { prepareQuery, prepareRows, type Value } from '../engine/prepared.ts'
import type { SupersededManifestRow } from '../schema.ts'

export type SupersededCause = SupersededManifestRow['cause']

/** What is said of manifests that lost a holder. */
export interface Lost {
  /** Since when nothing holds them, if nothing else does; null: the collector notes when it finds that so. */
  readonly since: string | null
  readonly cause: SupersededCause
}

const upsert = prepareRows((db, chunk: Chunk<SupersededManifestRow>) =>
  db
    .insertInto('superseded_manifests')
    .values(chunk)
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'digest'])
        .doUpdateSet((eb) => ({ since: eb.ref('excluded.since'), cause: eb.ref('excluded.cause') })),
    ),
)

/** They lost a holder; those that the repository does not have are left out. */
export async function noteLost(
  tx: Transaction,
  repositoryId: string,
  digests: readonly string[],
  lost: Lost,
): Promise<void> {
  if (digests.length === 0) return
  const here = await allOfChunks([...new Set(digests)], (chunk) =>
    tx
      .selectFrom('repository_manifests')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .execute(),
  )
  await upsert(
    tx,
    here.map(({ digest }) => ({ repository_id: repositoryId, digest, ...lost, touched_at: null })),
  )
}

/** What these manifests of the repository listed, and what hangs on them: they are about to go, and still here. */
export async function noteLostParts(
  tx: Transaction,
  repositoryId: string,
  digests: readonly Digest[],
  lost: Lost,
): Promise<void> {
  for (const chunk of inChunks(digests)) {
    const parts = await tx
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
      .select('part.digest')
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .where('part.kind', '=', 'child')
      .execute()
    const attached = await tx
      .selectFrom('repository_manifests')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', chunk)
      .execute()
    await noteLost(
      tx,
      repositoryId,
      [...parts, ...attached].map(({ digest }) => digest),
      lost,
    )
  }
}

const forget = prepareQuery((db, value: Value<Record<'repositoryId' | 'digest', string>>) =>
  db
    .deleteFrom('superseded_manifests')
    .where('repository_id', '=', value('repositoryId'))
    .where('digest', '=', value('digest')),
)

/** Somebody has pushed or mirrored it anew, or it is gone: nothing of before counts. */
export async function forgetLost(tx: Transaction, repositoryId: string, digest: Digest): Promise<void> {
  await forget(tx, { repositoryId, digest })
}

/**
 * Keeps a doomed manifest: somebody asks for it. @returns false when it went meanwhile
 */
export async function reprieveManifest(
  tx: Transaction,
  repositoryId: string,
  digest: Digest,
  at: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('repository_manifests')
    .set({ doomed_at: null })
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  await tx
    .updateTable('superseded_manifests')
    .set({ touched_at: at })
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  return numUpdatedRows > 0n
}
