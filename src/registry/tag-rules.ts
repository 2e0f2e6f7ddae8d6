import { findTag } from '../db/content/tags.ts'
import type { Transaction } from '../db/engine/engine.ts'
import { listOwnedTags } from '../db/mirrors/mirror-ownership.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { type TagRules, whyImmutable } from './immutable.ts'

/**
 * May a client's push move these tags to `digest`? A tag that points there already may always be pushed again.
 * @param expect what a conditional push wants the tags to point at; `any`: to exist
 * @throws AppError DENIED (a mirror's tag, an immutable tag), PRECONDITION_FAILED
 */
export async function refuseTagMoves(
  tx: Transaction,
  repository: RepositoryRow,
  tags: readonly Tag[],
  digest: Digest,
  expect: readonly Digest[] | 'any' | undefined,
): Promise<void> {
  const owned = tags.length === 0 ? new Map<Tag, never>() : await listOwnedTags(tx, repository.id, tags)
  for (const tag of tags) {
    const present = (await findTag(tx, repository.id, tag))?.digest as Digest | undefined
    refuseUnexpected(tag, present, expect)
    if (present === digest) continue
    const mirror = owned.get(tag)
    if (mirror !== undefined) {
      throw new AppError(
        'DENIED',
        `tag ${tag} belongs to the mirror ${repository.name} (of ${mirror.source}): push to another tag, or stop the mirror`,
        { about: { reason: 'mirrored', what: 'tag', name: tag }, detail: { tag, mirror: repository.name } },
      )
    }
    const why = present === undefined ? undefined : whyImmutable(repository, tag)
    if (why !== undefined) {
      throw new AppError('DENIED', `tag ${tag} points to ${present} and ${why}: push to another tag`, {
        about: { reason: 'immutable', what: 'tag', name: tag },
        detail: { tag, digest: present },
      })
    }
  }
}

function refuseUnexpected(tag: Tag, present: Digest | undefined, expect: readonly Digest[] | 'any' | undefined): void {
  if (expect === undefined) return
  if (present !== undefined && (expect === 'any' || expect.includes(present))) return
  const wanted = expect === 'any' ? 'any manifest' : expect.join(' or ')
  throw new AppError('PRECONDITION_FAILED', `tag ${tag} points to ${present ?? 'nothing'}, If-Match wants ${wanted}`, {
    detail: { tag },
  })
}

/** @throws AppError DENIED when the tag is immutable: such tags can be neither overwritten nor deleted */
export function refuseTagDelete(rules: TagRules, tag: Tag): void {
  const why = whyImmutable(rules, tag)
  if (why === undefined) return
  throw new AppError('DENIED', `tag ${tag} ${why}: it cannot be deleted`, {
    about: { reason: 'immutable', what: 'tag', name: tag },
    detail: { tag },
  })
}
