/** People's word on single tags of a mirror: to do without one, and to give one back that they excluded, pinned or moved. */
import type { RunFailure } from '../../api/runs.ts'
import { findTag } from '../../db/content/tags.ts'
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
import { handOver, removePin } from '../../db/mirrors/tag-pins.ts'
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
  readonly wasPinned: boolean
  /** People had moved it here: the mirror takes it for its own again. */
  readonly wasDiverged: boolean
  /** People have moved it here, and it stays so: nobody said that the mirror may take upstream's. */
  readonly isDiverged: boolean
  /** What the mirror may take again. */
  readonly tags: readonly Tag[]
  readonly digests: readonly Digest[]
}

/**
 * Ends an exclusion or a pin: the next pass brings the tag back, or goes on updating it. A tag brings with it the digest that it was deleted
 * by; a digest, the tags that were deleted with it. Fine when there is nothing to release.
 * @param o.takeUpstream gives a tag back that people moved here, too: the mirror may move it on from where it is
 * @throws AppError NOT_FOUND when no mirror has ever written to the repository
 */
export async function releaseMirrorTag(
  db: Database,
  o: Change & {
    readonly of: { readonly tag: Tag } | { readonly digest: Digest }
    readonly takeUpstream?: boolean | undefined
  },
): Promise<Release> {
  return db.write(async (tx) => {
    const mirror = await getMirror(tx, o.repository)
    const released =
      'tag' in o.of
        ? await releaseTag(tx, mirror, o.of.tag, { at: o.at, takeUpstream: o.takeUpstream === true })
        : await releaseDigest(tx, mirror, o.of.digest)
    const { tags, digests, wasExcluded, wasPinned, wasDiverged } = released
    if (!wasExcluded && !wasPinned && !wasDiverged) return released
    await appendEvents(tx, [eventOf('tag.released', mirror, o, { tags, digests, wasExcluded, wasPinned, wasDiverged })])
    return released
  })
}

async function releaseTag(
  tx: Transaction,
  mirror: MirrorRecord,
  tag: Tag,
  o: { readonly at: string; readonly takeUpstream: boolean },
): Promise<Release> {
  const { wasExcluded, digests } = await removeTagExclusion(tx, mirror.id, tag)
  const wasForgotten = await forgetDeletedTag(tx, mirror, tag)
  const pin = await removePin(tx, mirror.id, tag)
  const local = (await findTag(tx, mirror.repository_id, tag))?.digest
  const isMoved = pin?.digest !== local && (await isMovedHere(tx, mirror.id, tag, local))
  const isGiven = local !== undefined && (isMoved ? o.takeUpstream : pin !== undefined)
  if (isGiven) await handOver(tx, mirror, tag, o.at)
  const wasAway = wasExcluded || wasForgotten
  const is = { wasExcluded: wasAway, wasPinned: pin !== undefined, wasDiverged: isMoved && isGiven }
  const isReleased = wasAway || is.wasPinned || is.wasDiverged
  return { ...is, isDiverged: isMoved && !isGiven, tags: isReleased ? [tag] : [], digests: isReleased ? digests : [] }
}

/** Whether a tag that upstream has, or had, is here by people's doing. */
async function isMovedHere(tx: Transaction, mirrorId: string, tag: Tag, local: string | undefined): Promise<boolean> {
  const row = await tx
    .selectFrom('mirror_tags')
    .select(['synced_digest', 'upstream_digest'])
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .executeTakeFirst()
  if (row === undefined || local === undefined) return false
  return row.synced_digest !== local && row.upstream_digest !== local
}

async function releaseDigest(tx: Transaction, mirror: MirrorRecord, digest: Digest): Promise<Release> {
  const { wasExcluded, tags } = await removeDeletedContent(tx, mirror.id, digest)
  for (const tag of tags) await forgetDeletedTag(tx, mirror, tag)
  const others = { wasPinned: false, wasDiverged: false, isDiverged: false }
  return { wasExcluded, ...others, tags, digests: wasExcluded ? [digest] : [] }
}

async function getMirror(tx: Transaction, repository: RepositoryName): Promise<MirrorRecord> {
  const mirror = await findMirrorOfRepository(tx, repository)
  if (mirror !== undefined) return mirror
  throw new AppError('NOT_FOUND', `there is no mirror ${repository}: only tags of mirrors are excluded and released`, {
    about: { reason: 'absent', what: 'mirror', name: repository },
  })
}

/** Why the tag fails, as the last pass saw it: the known reason that is being accepted. */
async function reasonOf(tx: Transaction, mirrorId: string, tag: Tag): Promise<string | null | undefined> {
  const row = await tx
    .selectFrom('mirror_tags')
    .select('reason')
    .where('mirror_id', '=', mirrorId)
    .where('tag', '=', tag)
    .where((eb) => eb.or([eb('state', '=', 'failed'), eb('state', '=', 'immutable')]))
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
