import { moveTag } from '../db/content/tags.ts'
import type { Database } from '../db/engine/engine.ts'
import { excludeTag } from '../db/mirrors/mirror-ownership.ts'
import { appendEvents } from '../db/platform/events.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Tag } from '../oci/reference.ts'
import { type Destination, nameOfActor, refuseArchived } from './destination.ts'
import { prepareVerdicts } from './immutable.ts'
import { unknownManifest } from './manifests.ts'
import { refuseTagDelete } from './tag-rules.ts'

/**
 * Removes a tag; its manifest stays. On a mirrored repository the tag stays away until it is released.
 * @throws AppError MANIFEST_UNKNOWN, DENIED (archived, immutable)
 */
export async function deleteTag(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  destination: Destination,
  repository: RepositoryRow,
  tag: Tag,
): Promise<void> {
  const at = isoTime(clock.now())
  await prepareVerdicts(repository, [tag])
  await db.write(async (tx) => {
    const event = await moveTag(tx, {
      organizationId: destination.organization.id,
      repositoryId: repository.id,
      repositoryName: repository.name,
      tag,
      to: undefined,
      actor: destination.actor,
      at,
      reason: `deleted by ${nameOfActor(destination.actor)}`,
    })
    if (event === undefined) throw unknownManifest({ tag })
    refuseArchived(repository)
    refuseTagDelete(repository, tag)
    await excludeTag(tx, repository.id, tag, { by: destination.actor, at })
    await appendEvents(tx, [event])
  })
}
