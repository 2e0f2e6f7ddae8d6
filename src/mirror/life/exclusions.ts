/** People's word on single tags of a mirror: to do without one, and to take it again. */
import type { RunFailure } from '../../api/runs.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import {
  type Exclusion,
  forgetDeletedTag,
  insertTagExclusion,
  removeDeletedContent,
  removeTagExclusion,
} from '../../db/mirrors/mirror-exclusions.ts'
import { countMirrorTags, listTagsInState } from '../../db/mirrors/mirror-tags.ts'
import { findMirrorOfRepository, type MirrorRecord, setMirrorState } from '../../db/mirrors/mirrors.ts'
import { listRuns } from '../../db/mirrors/sync-runs.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { AppError } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName, Tag } from '../../oci/reference.ts'

interface Change {
  readonly repository: RepositoryName
  /** As events name them. */
  readonly by: string
  readonly at: string
}

/**
 * From now on the mirror leaves the tag as it is here, or away: it asks nothing about it, and neither fails nor alarms for it. Works
 * for tags that upstream does not have yet. A tag that is here becomes people's own.
 * @throws AppError NOT_FOUND when no mirror has ever written to the repository
 */
export async function excludeMirrorTag(
  db: Database,
  o: Change & { readonly tag: Tag; readonly reason?: string | undefined },
): Promise<Exclusion> {
  const { tag, by, at } = o
  return db.write(async (tx) => {
    const mirror = await getMirror(tx, o.repository)
    const reason = o.reason ?? (await reasonOf(tx, mirror.id, tag)) ?? 'not wanted here'
    await insertTagExclusion(
      tx,
      { mirror_id: mirror.id, tag, digest: null, reason, excluded_by: by, excluded_at: at },
      { isGiven: true },
    )
    await endAlarm(tx, mirror, at)
    await appendEvents(tx, [eventOf('tag.excluded', mirror, o, { tag, reason })])
    return { tag, digest: null, reason, by, at }
  })
}

export interface Release {
  readonly wasExcluded: boolean
  /** What the mirror may take again. */
  readonly tags: readonly Tag[]
  readonly digests: readonly Digest[]
}

/**
 * Ends an exclusion: the next pass brings the tag back, or goes on updating it. A tag brings with it the digest that it was deleted
 * by; a digest, the tags that were deleted with it. Fine when nothing was excluded.
 * @throws AppError NOT_FOUND when no mirror has ever written to the repository
 */
export async function releaseMirrorTag(
  db: Database,
  o: Change & { readonly of: { readonly tag: Tag } | { readonly digest: Digest } },
): Promise<Release> {
  return db.write(async (tx) => {
    const mirror = await getMirror(tx, o.repository)
    const released =
      'tag' in o.of ? await releaseTag(tx, mirror, o.of.tag) : await releaseDigest(tx, mirror, o.of.digest)
    if (!released.wasExcluded) return released
    await appendEvents(tx, [eventOf('tag.released', mirror, o, { tags: released.tags, digests: released.digests })])
    return released
  })
}

async function releaseTag(tx: Transaction, mirror: MirrorRecord, tag: Tag): Promise<Release> {
  const { wasExcluded, digests } = await removeTagExclusion(tx, mirror.id, tag)
  const wasForgotten = await forgetDeletedTag(tx, mirror, tag)
  return wasExcluded || wasForgotten
    ? { wasExcluded: true, tags: [tag], digests }
    : { wasExcluded: false, tags: [], digests: [] }
}

async function releaseDigest(tx: Transaction, mirror: MirrorRecord, digest: Digest): Promise<Release> {
  const { wasExcluded, tags } = await removeDeletedContent(tx, mirror.id, digest)
  for (const tag of tags) await forgetDeletedTag(tx, mirror, tag)
  return { wasExcluded, tags, digests: wasExcluded ? [digest] : [] }
}

async function getMirror(tx: Transaction, repository: RepositoryName): Promise<MirrorRecord> {
  const mirror = await findMirrorOfRepository(tx, repository)
  if (mirror !== undefined) return mirror
  throw new AppError('NOT_FOUND', `there is no mirror ${repository}: only tags of mirrors are excluded and released`)
}

/** Why the tag fails, as the last pass saw it: the known reason that is being accepted. */
async function reasonOf(tx: Transaction, mirrorId: string, tag: Tag): Promise<string | null | undefined> {
  const row = await tx
    .selectFrom('mirror_tags')
    .select('reason')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .where('state', '=', 'failed')
    .executeTakeFirst()
  return row?.reason
}

/** What a mirror was degraded for may have been this tag alone, or this one the first of several. */
async function endAlarm(tx: Transaction, mirror: MirrorRecord, at: string): Promise<void> {
  if (mirror.state !== 'degraded') return
  const last = (await listRuns(tx, mirror.id, { limit: 10 })).find((run) => run.tags === null && run.ended_at !== null)
  const failures = JSON.parse(last?.failures ?? '[]') as RunFailure[]
  // A run that failed as a whole says nothing about single tags.
  if (last === undefined || failures.some((failure) => failure.tag === null)) return
  const counts = (await countMirrorTags(tx, [mirror.id])).get(mirror.id)
  const [first] = await listTagsInState(tx, mirror.id, 'failed', 1)
  const reason =
    first === undefined ? null : `${counts?.failed} of ${counts?.total} tags failed, ${first.tag}: ${first.reason}`
  const state = first === undefined ? 'active' : 'degraded'
  await setMirrorState(tx, mirror.id, { state, reason, nextRunAt: mirror.next_run_at, at })
}

function eventOf(
  kind: 'tag.excluded' | 'tag.released',
  mirror: MirrorRecord,
  { by, at }: Change,
  payload: Readonly<Record<string, unknown>>,
) {
  return {
    kind,
    organizationId: mirror.organization_id,
    repositoryId: mirror.repository_id,
    actor: by,
    at,
    payload: { repository: mirror.repository, ...payload },
  }
}
