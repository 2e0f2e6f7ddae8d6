import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { MirrorTagRow, StoredMirrorTagRow } from '../schema.ts'

export async function listMirrorTags(db: Queries, mirrorId: string): Promise<MirrorTagRow[]> {
  return db.selectFrom('mirror_tags').selectAll().where('mirror_id', '=', mirrorId).orderBy('tag').execute()
}

const BEHIND: ReadonlySet<MirrorTagRow['state']> = new Set(['pending', 'held', 'failed'])

/** A tag that waits, is held or fails is behind; what people keep for themselves, and what upstream lost, is not. */
function withBehind(row: MirrorTagRow): StoredMirrorTagRow {
  const isBehind = BEHIND.has(row.state) && row.upstream_digest !== null
  return { ...row, behind_since: isBehind ? row.checked_at : null }
}

/** What a pass saw of its tags. `synced_digest` is not touched: publishing sets it. `behind_since` keeps the first time. */
export async function recordTags(tx: Transaction, rows: readonly MirrorTagRow[]): Promise<void> {
  for (const chunk of rowChunks(rows.map(withBehind))) {
    await tx
      .insertInto('mirror_tags')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'tag']).doUpdateSet((eb) => ({
          head_digest: eb.ref('excluded.head_digest'),
          upstream_digest: eb.ref('excluded.upstream_digest'),
          state: eb.ref('excluded.state'),
          reason: eb.ref('excluded.reason'),
          checked_at: eb.ref('excluded.checked_at'),
          absent_since: eb.ref('excluded.absent_since'),
          absent_accepted: eb.ref('excluded.absent_accepted'),
          // Upstream did not say what it has there: what was known stays so.
          behind_since: eb
            .case()
            .when(eb.and([eb('excluded.state', '=', 'failed'), eb('excluded.upstream_digest', 'is', null)]))
            .then(eb.ref('mirror_tags.behind_since'))
            .when('excluded.behind_since', 'is', null)
            .then(null)
            .else(eb.fn.coalesce('mirror_tags.behind_since', 'excluded.behind_since'))
            .end(),
        })),
      )
      .execute()
  }
}

/** Tags that upstream no longer has and the mirror never took: there is nothing to say of them. */
export async function forgetTags(tx: Transaction, mirrorId: string, tags: readonly Tag[]): Promise<void> {
  for (const chunk of inChunks(tags)) {
    await tx
      .deleteFrom('mirror_tags')
      .where('mirror_id', '=', mirrorId)
      .where('tag', 'in', chunk)
      .where('state', '=', 'unselected')
      .execute()
  }
}

/** Tags that now point where the mirror put them. A person's deletion of before is over: the publisher has re-checked. */
export async function recordSyncedTags(
  tx: Transaction,
  mirrorId: string,
  tags: readonly { readonly tag: Tag; readonly digest: Digest }[],
  at: string,
): Promise<void> {
  for (const chunk of rowChunks(tags, 11)) {
    await tx
      .insertInto('mirror_tags')
      .values(
        chunk.map(({ tag, digest }) => ({
          mirror_id: mirrorId,
          tag,
          head_digest: digest,
          upstream_digest: digest,
          synced_digest: digest,
          state: 'synced' as const,
          reason: null,
          checked_at: at,
          absent_since: null,
          absent_accepted: 0 as const,
          behind_since: null,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'tag']).doUpdateSet((eb) => ({
          head_digest: eb.ref('excluded.head_digest'),
          upstream_digest: eb.ref('excluded.upstream_digest'),
          synced_digest: eb.ref('excluded.synced_digest'),
          state: eb.ref('excluded.state'),
          reason: eb.ref('excluded.reason'),
          checked_at: eb.ref('excluded.checked_at'),
          absent_since: eb.ref('excluded.absent_since'),
          absent_accepted: eb.ref('excluded.absent_accepted'),
          behind_since: null,
        })),
      )
      .execute()
  }
}

/** What a mirror has untagged is its own no longer: should upstream list it again, it is new. */
export async function forgetUntagged(tx: Transaction, mirrorId: string, tags: readonly Tag[]): Promise<void> {
  for (const chunk of inChunks(tags)) {
    await tx.deleteFrom('mirror_tags').where('mirror_id', '=', mirrorId).where('tag', 'in', chunk).execute()
  }
}

/** Since when the oldest change of upstream is not visible, by mirror; absent: none is known. Tags that people excluded do not count. */
export async function findBehindSince(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const chunk of inChunks(mirrorIds)) {
    const rows = await seenTags(db)
      .select((eb) => ['mirror_id', eb.fn.min('behind_since').as('since')])
      .where('mirror_id', 'in', chunk)
      .where('behind_since', 'is not', null)
      .groupBy('mirror_id')
      .execute()
    for (const { mirror_id, since } of rows) if (since !== null) found.set(mirror_id, since)
  }
  return found
}

/** `published`: served here at upstream's digest; `failed`: held back by a failure. */
export interface TagCounts {
  /** Upstream's tags that are selected, but those that people excluded. */
  readonly total: number
  readonly published: number
  readonly failed: number
  /** They wait for attestations: for those that may still come, or for a source of them that is down. */
  readonly held: number
  /** Tags that people keep the mirror from, and those whose digest they deleted here. */
  readonly excluded: number
  /** Moved here by people, so that the mirror leaves them. */
  readonly diverged: number
  /** Kept here, though upstream no longer has them. */
  readonly absent: number
  /** Taken back by people; in no other number. */
  readonly pinned: number
  /** Not selected, and never taken. */
  readonly unselected: number
  /** Not selected any more: kept here as they are. */
  readonly retained: number
}

export const NO_TAGS: TagCounts = {
  total: 0,
  published: 0,
  failed: 0,
  held: 0,
  excluded: 0,
  diverged: 0,
  absent: 0,
  unselected: 0,
  retained: 0,
  pinned: 0,
}

/** States of tags that a mirror does not follow. */
const UNCOUNTED: readonly MirrorTagRow['state'][] = ['absent', 'excluded', 'unselected', 'retained', 'pinned']

/** Tags as a mirror last saw them, without those that people excluded or pinned. */
function seenTags(db: Queries) {
  return db
    .selectFrom('mirror_tags')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('mirror_tag_exclusions as exclusion')
            .select('exclusion.tag')
            .whereRef('exclusion.mirror_id', '=', 'mirror_tags.mirror_id')
            .whereRef('exclusion.tag', '=', 'mirror_tags.tag'),
        ),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('tag_pins as pin')
            .select('pin.tag')
            .whereRef('pin.mirror_id', '=', 'mirror_tags.mirror_id')
            .whereRef('pin.tag', '=', 'mirror_tags.tag'),
        ),
      ),
    )
}

export async function countMirrorTags(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, TagCounts>> {
  const counts = new Map<string, TagCounts>()
  for (const chunk of inChunks(mirrorIds)) {
    const seen = await seenTags(db)
      .select((eb) => ['mirror_id', 'state', eb.fn.countAll<number>().as('tags')])
      .where('mirror_id', 'in', chunk)
      .groupBy(['mirror_id', 'state'])
      .execute()
    const excluded = await db
      .selectFrom('mirror_tag_exclusions')
      .select((eb) => ['mirror_id', eb.val('excluded' as const).as('state'), eb.fn.countAll<number>().as('tags')])
      .where('mirror_id', 'in', chunk)
      .groupBy('mirror_id')
      .execute()
    const pinned = await db
      .selectFrom('tag_pins')
      .select((eb) => ['mirror_id', eb.fn.countAll<number>().as('tags')])
      .where('mirror_id', 'in', chunk)
      .groupBy('mirror_id')
      .execute()
    for (const row of pinned) counts.set(row.mirror_id, { ...NO_TAGS, pinned: Number(row.tags) })
    for (const row of [...seen, ...excluded]) {
      const before = counts.get(row.mirror_id) ?? NO_TAGS
      const tags = (state: MirrorTagRow['state']) => (row.state === state ? Number(row.tags) : 0)
      counts.set(row.mirror_id, {
        total: before.total + (UNCOUNTED.includes(row.state) ? 0 : Number(row.tags)),
        published: before.published + tags('synced'),
        failed: before.failed + tags('failed') + tags('immutable'),
        held: before.held + tags('held'),
        excluded: before.excluded + tags('excluded'),
        diverged: before.diverged + tags('diverged'),
        absent: before.absent + tags('absent'),
        pinned: before.pinned,
        unselected: before.unselected + tags('unselected'),
        retained: before.retained + tags('retained'),
      })
    }
  }
  return counts
}

/** Tags in one state, by name, with the reason that the last pass gave. What a rule of the repository holds back has failed. */
export async function listTagsInState(
  db: Queries,
  mirrorId: string,
  state: MirrorTagRow['state'],
  limit: number,
): Promise<{ readonly tag: string; readonly reason: string | null }[]> {
  return seenTags(db)
    .select(['tag', 'reason'])
    .where('mirror_id', '=', mirrorId)
    .where((eb) =>
      state === 'failed' ? eb.or([eb('state', '=', state), eb('state', '=', 'immutable')]) : eb('state', '=', state),
    )
    .orderBy('tag')
    .limit(limit)
    .execute()
}
