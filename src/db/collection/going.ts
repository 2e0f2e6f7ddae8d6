/** The steps by which content of a repository goes: noted, doomed, unlinked. Conditions are checked by the caller, in the same transaction. */
import type { Digest } from '../../oci/digest.ts'
import { unlinkBlob } from '../content/blobs.ts'
import { unlinkManifest } from '../content/manifests.ts'
import type { Lost } from '../content/superseded.ts'
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

/** What a collection needs to know of a repository. */
export interface CollectedRepository {
  readonly id: string
  readonly name: string
  readonly keepNewest: number | null
  readonly keepDays: number | null
  readonly keepDaysAfterPull: number | null
  /** When the run of its mirror began that is under way. */
  readonly runningSince: string | undefined
  /** A mirror that is not stopped feeds it. */
  readonly isMirrored: boolean
}

/** The next repositories by id. @param o.id this one alone */
export async function listCollected(
  db: Queries,
  o: { readonly after: string; readonly limit: number; readonly id?: string | undefined },
): Promise<CollectedRepository[]> {
  let query = db
    .selectFrom('repositories as repository')
    .select(['repository.id', 'repository.name', 'repository.keep_superseded_newest'])
    .select(['repository.keep_superseded_days', 'repository.keep_superseded_days_after_pull'])
    .select((eb) => [
      eb
        .selectFrom('mirrors')
        .select('mirrors.id')
        .whereRef('mirrors.repository_id', '=', 'repository.id')
        .where('mirrors.state', '!=', 'stopped')
        .limit(1)
        .as('mirror'),
      eb
        .selectFrom('sync_runs as run')
        .innerJoin('mirrors', 'mirrors.id', 'run.mirror_id')
        .select((of) => of.fn.min('run.started_at').as('since'))
        .whereRef('mirrors.repository_id', '=', 'repository.id')
        .where('run.outcome', '=', 'running')
        .as('run'),
    ])
    .where('repository.id', '>', o.after)
    .orderBy('repository.id')
    .limit(o.limit)
  if (o.id !== undefined) query = query.where('repository.id', '=', o.id)
  const rows = await query.execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    keepNewest: row.keep_superseded_newest,
    keepDays: row.keep_superseded_days,
    keepDaysAfterPull: row.keep_superseded_days_after_pull,
    runningSince: row.run ?? undefined,
    isMirrored: row.mirror !== null,
  }))
}

/** Nothing holds these any more, as of now. */
export async function noteUnheld(
  tx: Transaction,
  repositoryId: string,
  digests: readonly string[],
  at: string,
): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx
      .insertInto('superseded_manifests')
      .columns(['repository_id', 'digest', 'since', 'cause', 'touched_at'])
      .expression((eb) =>
        eb
          .selectFrom('repository_manifests as link')
          .select((of) => [
            'link.repository_id',
            'link.digest',
            of.val(at).as('since'),
            of.val(null).as('cause'),
            of.val(null).as('touched_at'),
          ])
          .where('link.repository_id', '=', repositoryId)
          .where('link.digest', 'in', chunk),
      )
      .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet({ since: at }))
      .execute()
  }
}

/** Something holds these again: that something held them before stays known. */
export async function noteHeld(tx: Transaction, repositoryId: string, digests: readonly string[]): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx
      .updateTable('superseded_manifests')
      .set({ since: null, cause: null })
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .execute()
    await doomThem(tx, 'repository_manifests', repositoryId, chunk, null)
  }
}

type Links = 'repository_manifests' | 'repository_blobs'

/** They are to go, unless somebody asks for them. @param at null: they stay */
export async function doomThem(
  tx: Transaction,
  table: Links,
  repositoryId: string,
  digests: readonly string[],
  at: string | null,
): Promise<void> {
  const of = table as 'repository_blobs'
  await allOfChunks(digests, async (chunk) => {
    await tx
      .updateTable(of)
      .set({ doomed_at: at })
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .execute()
    return []
  })
}

/** Takes a manifest out of the repository, with what mirrors knew of it. @returns whether it was there */
export async function collectManifest(
  tx: Transaction,
  repositoryId: string,
  digest: string,
  lost: Lost,
): Promise<boolean> {
  const gone = await unlinkManifest(tx, repositoryId, digest as Digest, lost)
  if (!gone) return false
  const mirrors = await tx.selectFrom('mirrors').select('id').where('repository_id', '=', repositoryId).execute()
  for (const { id } of mirrors) {
    // Should it come back, its referrers are asked for as if it were new.
    await tx.deleteFrom('mirror_subjects').where('mirror_id', '=', id).where('subject_digest', '=', digest).execute()
    await tx.deleteFrom('mirror_unlisted').where('mirror_id', '=', id).where('digest', '=', digest).execute()
  }
  return true
}

/** Takes a blob out of the repository. @returns whether it was there */
export function collectBlob(tx: Transaction, repositoryId: string, digest: string): Promise<boolean> {
  return unlinkBlob(tx, repositoryId, digest as Digest)
}
