/** A tag taken back to where it pointed before. */
import { findManifest } from '../db/content/manifests.ts'
import { findTagAt, wasTagAt } from '../db/content/tag-history.ts'
import { findTag, moveTag } from '../db/content/tags.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import { pinTag } from '../db/mirrors/tag-pins.ts'
import { appendEvents, type NewEvent } from '../db/platform/events.ts'
import { findRepositoryById } from '../db/repositories/repositories.ts'
import type { RepositoryRow, TagPinRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { type Destination, nameOfActor, refuseArchived } from './destination.ts'
import { prepareVerdicts, whyImmutable } from './immutable.ts'

export interface Restored {
  /** Where it pointed before, if anywhere; equal to `to` when it was there already. */
  readonly from: Digest | undefined
  readonly to: Digest
  readonly at: string
  /** Against the mirror of the repository, where one knows the tag. */
  readonly pin: TagPinRow | undefined
}

/**
 * Moves a tag back to a digest that its history names and the repository still serves, or to where it pointed at a time. A mirror that
 * knows the tag leaves it there from now on, until it is released; one that was deleted or excluded is back with it.
 * @throws AppError MANIFEST_UNKNOWN (no such manifest here, or not any more), CONFLICT (the tag never pointed there, or at nothing
 *   then), NOT_FOUND (its history does not reach so far back), DENIED (archived, immutable)
 */
export async function restoreTag(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  destination: Destination,
  repositoryId: string,
  o: {
    readonly tag: Tag
    readonly to: { readonly digest: Digest } | { readonly time: string }
    /** For people; who and where to is said by itself. */
    readonly reason?: string | undefined
  },
): Promise<Restored> {
  const { tag } = o
  const { actor, name, organization } = destination
  const rules = await findRepositoryById(db.read, repositoryId)
  await prepareVerdicts(rules, [tag])
  return db.write(async (tx) => {
    const at = isoTime(clock.now())
    const repository = await findRepositoryById(tx, repositoryId)
    if (repository === undefined)
      throw new AppError('NOT_FOUND', `there is no repository ${name}`, {
        about: { reason: 'absent', what: 'repository', name },
      })
    refuseArchived(repository)
    const to = 'digest' in o.to ? o.to.digest : await digestAt(tx, repository, tag, o.to.time)
    await refuseUnfit(tx, repository, tag, to)
    const from = (await findTag(tx, repositoryId, tag))?.digest as Digest | undefined
    const why = from === undefined || from === to ? undefined : whyImmutable(repository, tag)
    if (why !== undefined) {
      throw new AppError('DENIED', `tag ${tag} points to ${from} and ${why}: it is not moved to ${to}`, {
        about: { reason: 'immutable', what: 'tag', name: tag },
        detail: { tag, digest: from },
      })
    }
    const said = `restored to ${to} by ${nameOfActor(actor)}${o.reason === undefined ? '' : `: ${o.reason}`}`
    const change = { organizationId: organization.id, repositoryId, actor, at }
    const moved = await moveTag(tx, { ...change, repositoryName: repository.name, tag, to, reason: said })
    const pin = await pinTag(tx, repositoryId, { tag, digest: to, reason: o.reason ?? said, by: actor, at })
    const payload = { repository: repository.name, tag, digest: to, reason: pin?.reason }
    const pinned: NewEvent[] = pin === undefined ? [] : [{ ...change, kind: 'tag.pinned', payload }]
    const restored: NewEvent[] = moved === undefined ? [] : [{ ...moved, kind: 'tag.restored' }]
    await appendEvents(tx, [...restored, ...pinned])
    return { from, to, at, pin }
  })
}

async function digestAt(tx: Transaction, repository: RepositoryRow, tag: Tag, time: string): Promise<Digest> {
  const found = await getTagAt(tx, repository, tag, time)
  if (found.digest !== undefined) return found.digest
  throw new AppError(
    'CONFLICT',
    `${repository.name}:${tag} pointed at nothing at ${time}: it was deleted at ${found.since}`,
    { about: { reason: 'past', what: 'tag', name: `${repository.name}:${tag}` } },
  )
}

/** @throws AppError NOT_FOUND when the tag has no history, or none that goes so far back */
export async function getTagAt(db: Transaction | Database['read'], repository: RepositoryRow, tag: Tag, time: string) {
  const found = await findTagAt(db, repository.id, tag, time)
  if (found !== undefined && !('begins' in found)) return found
  const name = `${repository.name}:${tag}`
  throw new AppError(
    'NOT_FOUND',
    found === undefined
      ? `there is no tag ${name}, and no history of one`
      : `the history of ${name} begins at ${found.begins}: where it pointed at ${time} is not known`,
  )
}

/** The repository has to serve it, and the tag to have pointed there: a restore is no way to retag. */
async function refuseUnfit(tx: Transaction, repository: RepositoryRow, tag: Tag, digest: Digest): Promise<void> {
  const isHere = (await findManifest(tx, repository.id, digest)) !== undefined
  const wasThere = await wasTagAt(tx, repository.id, tag, digest)
  if (isHere && wasThere) return
  const name = `${repository.name}:${tag}`
  const detail = { tag, digest }
  if (isHere) {
    const look = `look at kagami tag history ${repository.name} ${tag}`
    throw new AppError('CONFLICT', `${name} never pointed at ${digest}: ${look}, or push the tag`, {
      about: { reason: 'past', what: 'tag', name },
      detail,
    })
  }
  throw new AppError(
    'MANIFEST_UNKNOWN',
    wasThere
      ? `${name} pointed at ${digest}, but its content is gone from the repository: it was deleted since`
      : `${repository.name} has no manifest ${digest}, and ${name} never pointed there`,
    { detail },
  )
}
