/** Tags that upstream has named: kept from the moment that this was accepted until a run of them has ended. */
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName, Tag } from '../../oci/reference.ts'
import { allOfChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorHintRow } from '../schema.ts'

/**
 * The mirrors of some repositories of an upstream, whoever has them; stopped ones too. `isOwn` false: they take their referrers from it, and
 * their images from elsewhere.
 */
export async function listMirrorsOfSource(
  db: Queries,
  upstreamId: string,
  repositories: readonly RepositoryName[],
): Promise<{ readonly id: string; readonly isOwn: boolean }[]> {
  const rows = await allOfChunks(repositories, (chunk) =>
    db
      .selectFrom('mirrors as mirror')
      .innerJoin('upstreams as upstream', 'upstream.id', 'mirror.upstream_id')
      .select(['mirror.id', 'mirror.upstream_id'])
      .where((eb) => eb.or([eb('upstream.id', '=', upstreamId), eb('upstream.referrers_from', '=', upstreamId)]))
      .where('mirror.source_repository', 'in', chunk)
      .orderBy('mirror.id')
      .execute(),
  )
  return rows.map((row) => ({ id: row.id, isOwn: row.upstream_id === upstreamId }))
}

/** Tags of a mirror that stand for one of the digests. */
export async function listTagsOf(db: Queries, mirrorId: string, digests: readonly Digest[]): Promise<Tag[]> {
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('mirror_tags')
      .select('tag')
      .where('mirror_id', '=', mirrorId)
      .where('synced_digest', 'in', chunk)
      .orderBy('tag')
      .execute(),
  )
  return rows.map(({ tag }) => tag as Tag)
}

/** A tag that is being looked at already is due again: what was seen of it may be of before. @returns how many wait for the mirror now */
export async function insertHints(
  tx: Transaction,
  mirrorId: string,
  hints: readonly { readonly tag: Tag; readonly isAttached: boolean }[],
  at: string,
): Promise<number> {
  const rows = hints.map(
    ({ tag, isAttached }): MirrorHintRow => ({
      mirror_id: mirrorId,
      tag,
      attached: isAttached ? 1 : 0,
      claim: null,
      due_at: at,
      attempts: 0,
    }),
  )
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('mirror_hints')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'tag']).doUpdateSet((eb) => ({
          attached: eb
            .case()
            .when('mirror_hints.attached', '=', 1)
            .then(1 as const)
            .else(eb.ref('excluded.attached'))
            .end(),
          claim: null,
          due_at: at,
          attempts: 0,
        })),
      )
      .execute()
  }
  const { count } = await tx
    .selectFrom('mirror_hints')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('mirror_id', '=', mirrorId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export async function removeHints(tx: Transaction, mirrorId: string): Promise<void> {
  await tx.deleteFrom('mirror_hints').where('mirror_id', '=', mirrorId).execute()
}

/** Mirrors with hints that are due, the longest waiting first. */
export async function listHintedMirrors(db: Queries, at: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('mirror_hints')
    .select((eb) => ['mirror_id', eb.fn.min('due_at').as('first')])
    .where('due_at', '<=', at)
    .groupBy('mirror_id')
    .orderBy('first')
    .limit(limit)
    .execute()
  return rows.map((row) => row.mirror_id)
}

/** When hints have to be looked at next, of those that are not due at `at`. */
export async function findNextHint(db: Queries, at: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('mirror_hints')
    .select('due_at')
    .where('due_at', '>', at)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/**
 * Takes what is due of a mirror for one run.
 * @param o.until when the claim has to show that it is alive
 * @param o.isRunning a run of the mirror is alive somewhere: what is claimed is left to whoever has it, for as long again
 */
export async function claimHints(
  tx: Transaction,
  mirrorId: string,
  o: { readonly claim: string; readonly at: string; readonly until: string; readonly isRunning: boolean },
): Promise<{ readonly tag: Tag; readonly isAttached: boolean }[]> {
  if (o.isRunning) {
    await tx
      .updateTable('mirror_hints')
      .set({ due_at: o.until })
      .where('mirror_id', '=', mirrorId)
      .where('due_at', '<=', o.at)
      .where('claim', 'is not', null)
      .execute()
  }
  const rows = await tx
    .updateTable('mirror_hints')
    .set({ claim: o.claim, due_at: o.until })
    .where('mirror_id', '=', mirrorId)
    .where('due_at', '<=', o.at)
    .returning(['tag', 'attached'])
    .execute()
  return rows.map(({ tag, attached }) => ({ tag: tag as Tag, isAttached: attached === 1 }))
}

/** The run of a claim has looked. What was named again meanwhile has lost the claim, and stays. */
export async function endClaim(tx: Transaction, claim: string): Promise<void> {
  await tx.deleteFrom('mirror_hints').where('claim', '=', claim).execute()
}

/** The run of a claim did not come to look. @param o.maxAttempts given: this was a failure, and after so many it is left to the schedule */
export async function releaseClaim(
  tx: Transaction,
  claim: string,
  o: { readonly dueAt: string; readonly maxAttempts?: number },
): Promise<void> {
  if (o.maxAttempts !== undefined) {
    await tx
      .deleteFrom('mirror_hints')
      .where('claim', '=', claim)
      .where('attempts', '>=', o.maxAttempts - 1)
      .execute()
  }
  await tx
    .updateTable('mirror_hints')
    .set((eb) => ({
      claim: null,
      due_at: o.dueAt,
      ...(o.maxAttempts === undefined ? {} : { attempts: eb('attempts', '+', 1) }),
    }))
    .where('claim', '=', claim)
    .execute()
}

/** A run of the mirror has died with its process: what it had claimed is due, and what others have claimed they look at in any case. */
export async function releaseClaimsOf(tx: Transaction, mirrorId: string, at: string): Promise<void> {
  await tx
    .updateTable('mirror_hints')
    .set({ claim: null, due_at: at })
    .where('mirror_id', '=', mirrorId)
    .where('claim', 'is not', null)
    .execute()
}

/** For a process that is alone: whoever had claimed something is gone. */
export async function releaseAllClaims(tx: Transaction, at: string): Promise<void> {
  await tx.updateTable('mirror_hints').set({ claim: null, due_at: at }).where('claim', 'is not', null).execute()
}

export async function findAttempts(db: Queries, claim: string): Promise<number> {
  const row = await db
    .selectFrom('mirror_hints')
    .select((eb) => eb.fn.max('attempts').as('most'))
    .where('claim', '=', claim)
    .executeTakeFirst()
  return Number(row?.most ?? 0)
}
