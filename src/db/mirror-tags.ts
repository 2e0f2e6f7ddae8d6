import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { inChunks } from './chunks.ts'
import type { Queries, Transaction } from './engine.ts'
import type { MirrorTagRow } from './schema.ts'

export async function listMirrorTags(db: Queries, mirrorId: string): Promise<MirrorTagRow[]> {
  return db.selectFrom('mirror_tags').selectAll().where('mirror_id', '=', mirrorId).orderBy('tag').execute()
}

/**
 * What a pass saw of its tags. `synced_digest` is not touched (publishing sets it), and a tag that a person deleted meanwhile
 * stays excluded.
 */
export async function recordTags(tx: Transaction, rows: readonly MirrorTagRow[]): Promise<void> {
  for (const chunk of inChunks(rows, 100)) {
    await tx
      .insertInto('mirror_tags')
      .values([...chunk])
      .onConflict((conflict) =>
        conflict.columns(['mirror_id', 'tag']).doUpdateSet((eb) => ({
          head_digest: eb.ref('excluded.head_digest'),
          upstream_digest: eb.ref('excluded.upstream_digest'),
          state: eb
            .case()
            .when('mirror_tags.state', '=', 'excluded')
            .then('excluded' as const)
            .else(eb.ref('excluded.state'))
            .end(),
          reason: eb
            .case()
            .when('mirror_tags.state', '=', 'excluded')
            .then(eb.ref('mirror_tags.reason'))
            .else(eb.ref('excluded.reason'))
            .end(),
          checked_at: eb.ref('excluded.checked_at'),
        })),
      )
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
  for (const chunk of inChunks(tags, 100)) {
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
        })),
      )
      .execute()
  }
}

export interface TagCounts {
  readonly total: number
  readonly published: number
  readonly failed: number
}

/** Upstream's tags of each mirror: all but those that people excluded, served here at upstream's digest, held back by a failure. */
export async function countMirrorTags(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, TagCounts>> {
  const rows = await db
    .selectFrom('mirror_tags')
    .select((eb) => ['mirror_id', 'state', eb.fn.countAll<number>().as('tags')])
    .where('mirror_id', 'in', ['', ...mirrorIds])
    .where('state', 'not in', ['absent', 'excluded'])
    .groupBy(['mirror_id', 'state'])
    .execute()
  const counts = new Map<string, TagCounts>()
  for (const row of rows) {
    const before = counts.get(row.mirror_id) ?? { total: 0, published: 0, failed: 0 }
    const tags = Number(row.tags)
    counts.set(row.mirror_id, {
      total: before.total + tags,
      published: before.published + (row.state === 'synced' ? tags : 0),
      failed: before.failed + (row.state === 'failed' ? tags : 0),
    })
  }
  return counts
}

/** Digests that people deleted from the mirror's repository. */
export async function listExcludedDigests(db: Queries, mirrorId: string): Promise<Set<Digest>> {
  const rows = await db.selectFrom('mirror_exclusions').select('digest').where('mirror_id', '=', mirrorId).execute()
  return new Set(rows.map((row) => row.digest as Digest))
}
