/** Referrers that upstream no longer lists: since when, and taking them out of the repository where people want that. */
import type { Digest } from '../../oci/digest.ts'
import { hideImages } from '../content/images.ts'
import { dischargeLinks } from '../content/quota.ts'
import { forgetLost, noteLostParts } from '../content/superseded.ts'
import { type Chunk, inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { appendEvents } from '../platform/events.ts'
import type { MirrorUnlistedRow } from '../schema.ts'
import type { MirrorBinding } from './mirror-binding.ts'
import { getWritableRepository } from './publish.ts'

export async function listUnlisted(db: Queries, mirrorId: string): Promise<MirrorUnlistedRow[]> {
  return db.selectFrom('mirror_unlisted').selectAll().where('mirror_id', '=', mirrorId).execute()
}

/**
 * @param o.rows what is not listed: since when is kept where it is known already
 * @param o.listed what is listed again, or not here any more
 */
export async function recordUnlisted(
  tx: Transaction,
  mirrorId: string,
  o: { readonly rows: readonly MirrorUnlistedRow[]; readonly listed: readonly Digest[] },
): Promise<void> {
  for (const chunk of inChunks(o.listed)) {
    await tx.deleteFrom('mirror_unlisted').where('mirror_id', '=', mirrorId).where('digest', 'in', chunk).execute()
  }
  for (const chunk of rowChunks(o.rows)) {
    await tx
      .insertInto('mirror_unlisted')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'digest']).doUpdateSet((eb) => ({ accepted: eb.ref('excluded.accepted') })),
      )
      .execute()
  }
}

/**
 * Takes referrers out of the repository, with the event that says so. What people pushed, tagged, built upon or hung something on
 * meanwhile stays, and so does what the history of tags names.
 * @param change.referrers with all that hangs on them
 * @returns those that are gone. @throws AppError CONFLICT when the run may not write any more
 */
export async function unlinkReferrers(
  tx: Transaction,
  binding: MirrorBinding,
  change: { readonly referrers: readonly Digest[]; readonly at: string },
): Promise<readonly Digest[]> {
  const repository = await getWritableRepository(tx, binding)
  const subjects = await findRemovable(tx, binding.repositoryId, change.referrers)
  const gone = [...subjects.keys()]
  if (gone.length === 0) return []
  await noteLostParts(tx, repository.id, gone, { since: change.at, cause: 'parent' })
  for (const chunk of inChunks(gone)) {
    await tx
      .deleteFrom('repository_manifests')
      .where('repository_id', '=', repository.id)
      .where('digest', 'in', chunk)
      .execute()
    await tx
      .deleteFrom('manifest_pulls')
      .where('repository_id', '=', repository.id)
      .where('digest', 'in', chunk)
      .execute()
    // Should one come back, its own referrers are asked for as if it were new.
    await tx
      .deleteFrom('mirror_subjects')
      .where('mirror_id', '=', binding.mirrorId)
      .where('subject_digest', 'in', chunk)
      .execute()
  }
  for (const digest of gone) await forgetLost(tx, repository.id, digest)
  await hideImages(tx, repository.id, gone)
  await dischargeLinks(tx, repository.id, 'manifest', gone)
  await recordUnlisted(tx, binding.mirrorId, { rows: [], listed: gone })
  const { actor, organizationId, runId } = binding
  await tx.updateTable('repositories').set({ updated_at: change.at }).where('id', '=', repository.id).execute()
  const about = {
    kind: 'referrers.removed',
    organizationId,
    repositoryId: repository.id,
    actor,
    at: change.at,
  } as const
  // However much upstream has dropped at once, no event is larger than its readers can hold.
  const parts = [...inChunks([...subjects].map(([digest, subject]) => ({ digest, subject })))]
  await appendEvents(
    tx,
    parts.map((referrers) => ({ ...about, payload: { repository: repository.name, referrers, runId } })),
  )
  return gone
}

/** Each with its subject. */
async function findRemovable(
  tx: Transaction,
  repositoryId: string,
  wanted: readonly Digest[],
): Promise<Map<Digest, string>> {
  const found = new Map<Digest, string>()
  const hanging: { readonly digest: Digest; readonly subject: Digest }[] = []
  for (const chunk of inChunks(wanted)) {
    const links = () => tx.selectFrom('repository_manifests').where('repository_id', '=', repositoryId)
    const own = await links()
      .select(['digest', 'subject_digest'])
      .where('digest', 'in', chunk)
      .where('subject_digest', 'is not', null)
      .where('mirrored_at', 'is not', null)
      .where('pushed_at', 'is', null)
      .execute()
    const kept = await findNamed(tx, repositoryId, chunk)
    for (const { digest, subject_digest } of own) {
      if (!kept.has(digest)) found.set(digest as Digest, subject_digest ?? '')
    }
    const below = await links().select(['digest', 'subject_digest']).where('subject_digest', 'in', chunk).execute()
    for (const { digest, subject_digest } of below) {
      hanging.push({ digest: digest as Digest, subject: subject_digest as Digest })
    }
  }
  // What stays keeps what it hangs on, and what hangs on it.
  const all = new Set<string>(wanted)
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const { digest, subject } of hanging) if (!found.has(digest)) found.delete(subject)
    for (const [digest, subject] of found) {
      if (all.has(subject) && !found.has(subject as Digest)) found.delete(digest)
    }
  }
  return found
}

/** Those that tags point at, or pointed at within the retention, and those that are part of another manifest. */
async function findNamed(tx: Transaction, repositoryId: string, chunk: Chunk<Digest>): Promise<Set<string>> {
  const tagged = await tx
    .selectFrom('tags')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', chunk)
    .execute()
  const past = await tx
    .selectFrom('tag_history')
    .select('to_digest as digest')
    .distinct()
    .where('repository_id', '=', repositoryId)
    .where('to_digest', 'in', chunk)
    .execute()
  const parts = await tx
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
    .select('part.digest')
    .distinct()
    .where('part.digest', 'in', chunk)
    .where('part.kind', '!=', 'subject')
    .where('link.repository_id', '=', repositoryId)
    .execute()
  return new Set([...tagged, ...past, ...parts].flatMap(({ digest }) => digest ?? []))
}
