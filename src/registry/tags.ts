import type { TagsDeleted } from '../api/tags.ts'
import { listOtherTags, measureLoose } from '../db/content/held-content.ts'
import { findTags, moveTags } from '../db/content/tags.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import { listKnownTags } from '../db/mirrors/left-tags.ts'
import { excludeTag } from '../db/mirrors/mirror-ownership.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { appendEvents } from '../db/platform/events.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { type Destination, nameOfActor, refuseArchived } from './destination.ts'
import { prepareVerdicts, whyImmutable } from './immutable.ts'
import { unknownManifest } from './manifests.ts'
import { refuseTagDelete } from './tag-rules.ts'

interface Parts {
  readonly db: Database
  readonly clock: Clock
}

/**
 * Removes a tag; its manifest stays. On a mirrored repository the tag stays away until it is released.
 * @throws AppError MANIFEST_UNKNOWN, DENIED (archived, immutable)
 */
export async function deleteTag(
  { db, clock }: Parts,
  destination: Destination,
  repository: RepositoryRow,
  tag: Tag,
): Promise<void> {
  const at = isoTime(clock.now())
  await prepareVerdicts(repository, [tag])
  await db.write((tx) => removeTags(tx, destination, repository, [tag], at))
}

/** All or none, with an entry of the audit log each. @throws as deleteTag @returns where they pointed */
export async function deleteTags(
  { db, clock }: Parts,
  destination: Destination,
  repository: RepositoryRow,
  tags: readonly Tag[],
): Promise<void> {
  const at = isoTime(clock.now())
  await prepareVerdicts(repository, tags)
  await db.write(async (tx) => {
    const pointed = await removeTags(tx, destination, repository, tags, at)
    for (const [tag, digest] of pointed) {
      const object = `${repository.name}:${tag}`
      const organizationId = destination.organization.id
      await recordAudit(tx, { organizationId, action: 'tag.delete', object, before: { digest }, after: null })
    }
  })
}

async function removeTags(
  tx: Transaction,
  { organization, actor }: Destination,
  repository: RepositoryRow,
  tags: readonly Tag[],
  at: string,
): Promise<ReadonlyMap<Tag, Digest>> {
  const pointed = await findTags(tx, repository.id, tags)
  for (const tag of tags) if (!pointed.has(tag)) throw unknownManifest({ tag })
  refuseArchived(repository)
  for (const tag of tags) refuseTagDelete(repository, tag)
  const change = {
    organizationId: organization.id,
    repositoryId: repository.id,
    repositoryName: repository.name,
    actor,
    at,
    reason: `deleted by ${nameOfActor(actor)}`,
  }
  const events = await moveTags(tx, change, new Map(tags.map((tag) => [tag, undefined])))
  for (const tag of tags) await excludeTag(tx, repository.id, tag, { by: actor, at })
  await appendEvents(tx, events)
  return pointed
}

/** Names of others at the same content that are told. */
const SHOWN_HOLDERS = 5

/** What would become of the repository without these tags. @throws AppError MANIFEST_UNKNOWN */
export async function planTagDeletion(
  db: Database['read'],
  repository: RepositoryRow,
  tags: readonly Tag[],
): Promise<Pick<TagsDeleted, 'tags' | 'frees'>> {
  await prepareVerdicts(repository, tags)
  const pointed = await findTags(db, repository.id, tags)
  const known = await listKnownTags(db, repository.id, tags)
  const without = new Set<string>(tags)
  const others = new Map<Digest, Awaited<ReturnType<typeof listOtherTags>>>()
  for (const digest of new Set(pointed.values())) {
    others.set(digest, await listOtherTags(db, repository.id, digest, { without, most: SHOWN_HOLDERS }))
  }
  const shown = tags.map((name) => {
    const digest = pointed.get(name)
    if (digest === undefined) throw unknownManifest({ tag: name })
    const { names = [], count = 0 } = others.get(digest) ?? {}
    return {
      name,
      digest,
      heldBy: [...names],
      holders: count,
      refused: whyKept(repository, name),
      mirrored: known.has(name),
    }
  })
  const going = shown.filter(({ refused }) => refused === null)
  const roots = going.map(({ digest }) => digest)
  const names = going.map(({ name }) => name)
  return { tags: shown, frees: await measureLoose(db, repository.id, roots, names) }
}

function whyKept(repository: RepositoryRow, tag: Tag): string | null {
  try {
    refuseArchived(repository)
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
  const why = whyImmutable(repository, tag)
  return why === undefined ? null : `tag ${tag} ${why}`
}
