/** The one transaction in which mirrored content becomes visible (design sections 4 and 5, invariant 1). */
import { AppError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isNonDistributable } from '../../oci/media-types.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagMove, TagOutcome } from '../../oci/repository.ts'
import { findTags, moveTags } from '../content/tags.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import { appendEvents, type NewEvent } from '../platform/events.ts'
import { findLease } from '../platform/leases.ts'
import type { RepositoryRow } from '../schema.ts'
import { isResting } from './life.ts'
import type { MirrorBinding } from './mirror-binding.ts'
import { findExcludedTags } from './mirror-exclusions.ts'
import { forgetUntagged, recordSyncedTags } from './mirror-tags.ts'
import { type StagedClosure, walkStaged } from './staged-closure.ts'
import { findPins } from './tag-pins.ts'

export interface PublishChange {
  readonly roots: readonly Descriptor[]
  readonly tags: readonly TagMove[]
  readonly at: string
  /** The repository's rule on tags that may not move once they are set: why, as a sentence's end; undefined: it may. */
  whyImmutable(repository: RepositoryRow, tag: Tag): string | undefined
}

/**
 * Makes the roots and everything that belongs to them visible and moves the tags, with history and events.
 * @throws AppError CONFLICT when the run may not write any more (stopped, superseded, repository public or archived),
 *   MANIFEST_BLOB_UNKNOWN when something of the closure is not here, SIZE_INVALID when it is not as its parent says; nothing
 *   is changed then
 */
export async function publishMirrored(
  tx: Transaction,
  binding: MirrorBinding,
  change: PublishChange,
): Promise<readonly TagOutcome[]> {
  const repository = await getWritableRepository(tx, binding)
  const isInitial = await isFirstPass(tx, binding.mirrorId)
  const starts = [...change.roots, ...change.tags.flatMap((move) => (move.to === undefined ? [] : [move.to]))]
  const closure = await walkStaged(
    tx,
    binding.repositoryId,
    starts.map((start) => start.digest),
    binding.isAbsentUpstream,
  )
  requireComplete(closure, repository)
  requireTrue(closure)
  await setPublished(tx, binding.repositoryId, closure, change.at)

  const names = change.tags.map((move) => move.tag)
  const found = await findTags(tx, binding.repositoryId, names)
  const outcomes: TagOutcome[] = []
  const moves = new Map<Tag, Digest | undefined>()
  const synced: { tag: Tag; digest: Digest }[] = []
  const excluded = await findExcludedTags(tx, binding.mirrorId, names)
  const pins = await findPins(tx, binding.mirrorId, names)
  for (const move of change.tags) {
    const why = excluded.get(move.tag)
    if (why !== undefined) {
      outcomes.push({ tag: move.tag, result: 'excluded', reason: why })
      continue
    }
    const pin = pins.get(move.tag)
    if (pin !== undefined) {
      outcomes.push({ tag: move.tag, result: 'pinned', reason: pin.reason })
      continue
    }
    const outcome = decideMove(repository, move, found.get(move.tag), change)
    outcomes.push(outcome)
    if (outcome.result === 'moved') moves.set(move.tag, move.to?.digest)
    if (move.to !== undefined && (outcome.result === 'moved' || outcome.result === 'unchanged')) {
      synced.push({ tag: move.tag, digest: move.to.digest })
    }
  }
  const { organizationId, repositoryId, actor, runId } = binding
  const moved = {
    organizationId,
    repositoryId,
    repositoryName: repository.name,
    actor,
    runId,
    at: change.at,
    reason: whyMoved,
  }
  // Readers of the log may want the first pass of a mirror as a whole (`mirror.synced`), not tag by tag.
  const initial = isInitial ? { initial: true } : {}
  const events: NewEvent[] = (await moveTags(tx, moved, moves)).map((event) => ({
    ...event,
    payload: { ...event.payload, ...initial },
  }))
  await recordSyncedTags(tx, binding.mirrorId, synced, change.at)
  const untagged = outcomes.filter((one, i) => one.result === 'moved' && change.tags[i]?.to === undefined)
  await forgetUntagged(
    tx,
    binding.mirrorId,
    untagged.map(({ tag }) => tag),
  )
  if (closure.newReferrers.length > 0 && events.length === 0) {
    events.push({
      kind: 'referrers.published',
      organizationId: binding.organizationId,
      repositoryId: binding.repositoryId,
      actor: binding.actor,
      at: change.at,
      payload: {
        repository: repository.name,
        roots: change.roots.map((root) => root.digest),
        referrers: closure.newReferrers,
        runId: binding.runId,
        ...initial,
      },
    })
  }
  if (events.length > 0 || closure.stagedManifests.length > 0) {
    await tx.updateTable('repositories').set({ updated_at: change.at }).where('id', '=', binding.repositoryId).execute()
  }
  await appendEvents(tx, events)
  return outcomes
}

/** No pass over all of upstream was brought to its end yet. */
async function isFirstPass(tx: Transaction, mirrorId: string): Promise<boolean> {
  const mirror = await tx.selectFrom('mirrors').select('looked_at').where('id', '=', mirrorId).executeTakeFirst()
  return mirror?.looked_at === null
}

function whyMoved(from: Digest | undefined, to: Digest | undefined): string {
  if (to === undefined) return 'gone at upstream'
  return from === undefined ? 'new at upstream' : 'moved at upstream'
}

/** @throws AppError CONFLICT when the run may not write any more */
export async function getWritableRepository(tx: Transaction, binding: MirrorBinding): Promise<RepositoryRow> {
  const refuse = (why: string) => new AppError('CONFLICT', `nothing was published: ${why}`)
  const lease = await findLease(tx, binding.leaseKey)
  if (lease?.generation !== binding.generation || lease.holder === null) {
    throw refuse(`this run lost its lease (generation ${binding.generation}, now ${lease?.generation ?? 'none'})`)
  }
  const mirror = await tx.selectFrom('mirrors').select('state').where('id', '=', binding.mirrorId).executeTakeFirst()
  if (mirror === undefined || mirror.state === 'stopped') throw refuse('the mirror is stopped')
  if (await isResting(tx, binding.mirrorId)) throw refuse('the mirror is paused')
  const repository = await tx
    .selectFrom('repositories')
    .selectAll()
    .where('id', '=', binding.repositoryId)
    .executeTakeFirst()
  if (repository === undefined) throw refuse('the repository is gone')
  if (repository.visibility !== 'private') {
    throw refuse(`${repository.name} is public, and a mirror updates private repositories only`)
  }
  if (repository.archived_at !== null) throw refuse(`${repository.name} is archived`)
  return repository
}

function requireComplete(closure: StagedClosure, repository: RepositoryRow): void {
  const missing = closure.missing.filter((item) => !(item.kind === 'layer' && isNonDistributable(item.mediaType)))
  const [first] = missing
  if (first === undefined) return
  throw new AppError(
    'MANIFEST_BLOB_UNKNOWN',
    `nothing was published: ${repository.name} does not hold the ${first.kind} ${first.digest} of ${first.parent}` +
      (missing.length > 1 ? ` and ${missing.length - 1} more` : ''),
    { detail: missing.slice(0, 20).map((item) => item.digest) },
  )
}

function requireTrue({ untrue: [first] }: StagedClosure): void {
  if (first === undefined) return
  throw new AppError(
    'SIZE_INVALID',
    `nothing was published: ${first.parent} says that ${first.digest} has ${first.sizeBytes} bytes, it has ${first.foundBytes}`,
    { detail: [first.digest] },
  )
}

async function setPublished(tx: Transaction, repositoryId: string, closure: StagedClosure, at: string): Promise<void> {
  for (const chunk of inChunks(closure.stagedManifests)) {
    await tx
      .updateTable('repository_manifests')
      .set({ published_at: at })
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .where('published_at', 'is', null)
      .execute()
  }
  for (const chunk of inChunks(closure.blobs)) {
    await tx
      .updateTable('repository_blobs')
      .set({ published_at: at })
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .where('published_at', 'is', null)
      .execute()
  }
}

/** What becomes of a move, `found` being where the tag points now. */
function decideMove(
  repository: RepositoryRow,
  move: TagMove,
  found: Digest | undefined,
  change: PublishChange,
): TagOutcome {
  const seen = found === undefined ? {} : { found }
  if (found === move.to?.digest) return { tag: move.tag, result: 'unchanged', ...seen }
  if (found !== move.expect) {
    const reason = `it points at ${found ?? 'nothing'}, and the mirror last left it at ${move.expect ?? 'nothing'}`
    return { tag: move.tag, result: 'conflict', ...seen, reason }
  }
  const why = found === undefined ? undefined : change.whyImmutable(repository, move.tag)
  if (why !== undefined) return { tag: move.tag, result: 'refused', ...seen, reason: `the tag ${why}` }
  return { tag: move.tag, result: 'moved', ...seen }
}
