/** Which images are to be read: what came, or whose attestations changed. Rows go once it was done; whoever dies in between leaves them. */
import type { Digest } from '../../oci/digest.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { ImageReadRow } from '../schema.ts'

export interface WantedRead {
  readonly organizationId: string
  readonly repositoryId: string
  readonly digest: Digest
}

/**
 * Puts them in line; one that is there already is looked at once more after whoever reads it now. Repositories that are gone are left out.
 * @param o.isNew false: nothing has come up, so that one that is there stays as it is, with its tries
 */
export async function wantReads(
  tx: Transaction,
  wanted: readonly WantedRead[],
  at: string,
  o: { readonly isNew: boolean } = { isNew: true },
): Promise<void> {
  const present = new Set<string>()
  for (const chunk of inChunks([...new Set(wanted.map(({ repositoryId }) => repositoryId))])) {
    const rows = await tx.selectFrom('repositories').select('id').where('id', 'in', chunk).execute()
    for (const { id } of rows) present.add(id)
  }
  const rows = [...new Map(wanted.map((one) => [`${one.repositoryId} ${one.digest}`, one])).values()]
    .filter(({ repositoryId }) => present.has(repositoryId))
    .map(({ organizationId, repositoryId, digest }) => ({
      repository_id: repositoryId,
      digest,
      organization_id: organizationId,
      due_at: at,
      generation: 0,
      tries: 0,
    }))
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('image_reads')
      .values(chunk)
      .onConflict((conflict) => {
        const there = conflict.columns(['repository_id', 'digest'])
        if (!o.isNew) return there.doNothing()
        return there.doUpdateSet((eb) => ({
          generation: eb('image_reads.generation', '+', 1),
          tries: 0,
          due_at: eb.ref('excluded.due_at'),
        }))
      })
      .execute()
  }
}

/** The next one that is due: of the organization after the one that had its turn last, so that nobody's many keep others waiting. */
export async function findNextRead(db: Queries, o: { now: string; after: string }): Promise<ImageReadRow | undefined> {
  const due = db.selectFrom('image_reads').selectAll().where('due_at', '<=', o.now)
  const ordered = due.orderBy('organization_id').orderBy('due_at').limit(1)
  return (await ordered.where('organization_id', '>', o.after).executeTakeFirst()) ?? (await ordered.executeTakeFirst())
}

/** It was read; what has come up since stays in line. */
export async function endRead(tx: Transaction, row: ImageReadRow): Promise<void> {
  await tx
    .deleteFrom('image_reads')
    .where('repository_id', '=', row.repository_id)
    .where('digest', '=', row.digest)
    .where('generation', '=', row.generation)
    .execute()
}

/** It is read now: written before, so that whoever is killed by it counts too. Until `dueAt` nobody tries it again. */
export async function beginRead(tx: Transaction, row: ImageReadRow, dueAt: string): Promise<void> {
  await tx
    .updateTable('image_reads')
    .set({ due_at: dueAt, tries: row.tries + 1 })
    .where('repository_id', '=', row.repository_id)
    .where('digest', '=', row.digest)
    .where('generation', '=', row.generation)
    .execute()
}

/** Whoever began was told to stop: it is as it was. */
export async function unbeginRead(tx: Transaction, row: ImageReadRow): Promise<void> {
  await tx
    .updateTable('image_reads')
    .set({ due_at: row.due_at, tries: row.tries })
    .where('repository_id', '=', row.repository_id)
    .where('digest', '=', row.digest)
    .where('generation', '=', row.generation)
    .execute()
}

/** Whether any of the manifests is in line. */
export async function isReadWanted(db: Queries, repositoryId: string, digests: readonly Digest[]): Promise<boolean> {
  for (const chunk of inChunks(digests)) {
    const row = await db
      .selectFrom('image_reads')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .limit(1)
      .executeTakeFirst()
    if (row !== undefined) return true
  }
  return false
}
