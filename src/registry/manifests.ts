import { listRepositoryBlobs } from '../db/content/blobs.ts'
import { wantReads } from '../db/content/image-reads.ts'
import {
  findManifest,
  findTaggedManifest,
  insertManifest,
  linkManifest,
  listManifests,
  listParents,
  type RepositoryManifest,
  unlinkManifest,
} from '../db/content/manifests.ts'
import { reprieveManifest } from '../db/content/superseded.ts'
import { listTagsOf, moveTag } from '../db/content/tags.ts'
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { hurryQuotaPaused } from '../db/mirrors/life.ts'
import { excludeDigest } from '../db/mirrors/mirror-ownership.ts'
import { appendEvents, type NewEvent } from '../db/platform/events.ts'
import { findRepository } from '../db/repositories/repositories.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { attestedBy } from '../oci/attested.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, verifyDigest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import { parsePushedManifest } from '../oci/manifest-rules.ts'
import { isManifestType, isNonDistributable } from '../oci/media-types.ts'
import { formatReference, type Reference, type Tag } from '../oci/reference.ts'
import { type Destination, nameOfActor, openDestination, refuseArchived } from './destination.ts'
import { prepareVerdicts } from './immutable.ts'
import { refuseTagDelete, refuseTagMoves } from './tag-rules.ts'

/** A published manifest by tag or digest. @throws AppError MANIFEST_UNKNOWN, also when it is staged */
export async function getManifest(
  db: Queries,
  repositoryId: string,
  reference: Reference,
): Promise<RepositoryManifest> {
  const manifest =
    reference.digest === undefined
      ? await findTaggedManifest(db, repositoryId, reference.tag)
      : await findManifest(db, repositoryId, reference.digest)
  if (manifest !== undefined) return manifest
  throw unknownManifest(reference)
}

/** The same for a client that is told that it is there: one that is about to be collected stays. @throws AppError MANIFEST_UNKNOWN */
export async function getAskedManifest(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  repositoryId: string,
  reference: Reference,
): Promise<RepositoryManifest> {
  const manifest = await getManifest(db.read, repositoryId, reference)
  if (!manifest.isDoomed) return manifest
  const at = isoTime(clock.now())
  if (await db.write((tx) => reprieveManifest(tx, repositoryId, manifest.digest, at))) return manifest
  throw unknownManifest(reference)
}

export function unknownManifest(reference: Reference): AppError {
  const shown = formatReference(reference)
  return new AppError('MANIFEST_UNKNOWN', `the repository has no manifest ${shown}`, { detail: { reference: shown } })
}

export interface ManifestPut {
  readonly reference: Reference
  /** More tags for the same manifest: `?tag=` of a PUT by digest. */
  readonly tags: readonly Tag[]
  readonly contentType: string | null
  readonly bytes: Uint8Array
  /** `If-Match`: what the tag must point at (distribution-spec "Pushing Manifests with Subject"); undefined: anything. */
  readonly expect?: readonly Digest[] | 'any' | undefined
}

export interface StoredManifest {
  readonly digest: Digest
  readonly subject: Digest | undefined
}

/**
 * Stores and publishes a manifest that a client pushes, and moves its tags, in one transaction: only this one item becomes
 * visible, so all that it needs has to be published here before (invariant 2). `subject` is never required.
 * @throws AppError MANIFEST_INVALID, MANIFEST_TOO_LARGE, MANIFEST_BLOB_UNKNOWN, SIZE_INVALID, DIGEST_INVALID, DENIED (archived, immutable
 *   tag, tag of a mirror), PRECONDITION_FAILED
 */
export async function putManifest(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  destination: Destination,
  put: ManifestPut,
): Promise<StoredManifest> {
  const { reference, bytes } = put
  const algorithm = reference.digest === undefined ? 'sha256' : algorithmOf(reference.digest)
  const manifest = parsePushedManifest(bytes, put.contentType, algorithm)
  if (reference.digest !== undefined) verifyDigest(reference.digest, bytes)
  const { digest, mediaType } = manifest.descriptor
  const tags = reference.tag === undefined ? put.tags : [reference.tag, ...put.tags]
  const at = isoTime(clock.now())
  if (tags.length > 0) await prepareVerdicts(await findRepository(db.read, destination.name), tags)
  await db.writeSmall(async (tx) => {
    const repository = await openDestination(tx, destination, at)
    await refuseTagMoves(tx, repository, tags, digest, put.expect)
    await refuseMissing(tx, repository, manifest)
    const known = await listManifests(tx, repository.id, [digest])
    const newBytes = await insertManifest(tx, manifest, bytes, at)
    const subjectDigest = manifest.subject?.digest
    const link = {
      digest,
      mediaType,
      subjectDigest,
      pushedAt: at,
      publishedAt: at,
      attested: attestedBy(manifest),
      newBytes,
    }
    await linkManifest(tx, repository.id, link)
    const events: NewEvent[] = []
    for (const tag of new Set(tags)) {
      const change = changeOf(destination, repository, at)
      const event = await moveTag(tx, { ...change, tag, to: digest, reason: 'pushed' })
      const payload = { repository: repository.name, tag, from: digest, to: digest }
      // Whoever waits for pushes is told of one that changed nothing too.
      events.push(event ?? { ...change, kind: 'tag.pushed', payload })
    }
    if (subjectDigest !== undefined && !known.has(digest)) {
      events.push({
        ...changeOf(destination, repository, at),
        kind: 'referrers.published',
        payload: { repository: repository.name, subject: subjectDigest, digests: [digest] },
      })
    }
    await appendEvents(tx, events)
  })
  return { digest, subject: manifest.subject?.digest }
}

function changeOf({ organization, actor }: Destination, repository: RepositoryRow, at: string) {
  return {
    organizationId: organization.id,
    repositoryId: repository.id,
    repositoryName: repository.name,
    actor,
    at,
  }
}

/** Everything that the manifest needs must be published in this repository, with the size that it says. */
async function refuseMissing(tx: Transaction, repository: RepositoryRow, manifest: ParsedManifest): Promise<void> {
  const needed = [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers]
  const [manifests, others] = partition(manifest.children, (child) => isManifestType(child.mediaType))
  const blobs = await listRepositoryBlobs(tx, repository.id, digestsOf([...needed, ...others]))
  const children = await listManifests(tx, repository.id, digestsOf(manifest.children))
  const sizeOf = (descriptor: Descriptor) =>
    children.get(descriptor.digest)?.size ?? blobs.get(descriptor.digest)?.size_bytes

  for (const blob of needed) {
    const found = blobs.get(blob.digest)
    if (found === undefined && !isNonDistributable(blob.mediaType)) throw missing('blob', blob.digest)
    refuseSize(blob, found?.size_bytes)
  }
  if (repository.allow_sparse === 0) {
    for (const child of manifests) if (!children.has(child.digest)) throw missing('manifest', child.digest)
    for (const other of others) if (sizeOf(other) === undefined) throw missing('manifest or blob', other.digest)
  }
  for (const child of manifest.children) refuseSize(child, sizeOf(child))
}

function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map((descriptor) => descriptor.digest))]
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const item of items) (test(item) ? yes : no).push(item)
  return [yes, no]
}

function missing(what: string, digest: Digest): AppError {
  return new AppError('MANIFEST_BLOB_UNKNOWN', `the manifest needs ${what} ${digest}, which the repository has not`, {
    detail: { digest },
  })
}

function refuseSize(descriptor: Descriptor, foundBytes: number | undefined): void {
  if (foundBytes === undefined || foundBytes === descriptor.size) return
  throw new AppError(
    'SIZE_INVALID',
    `the manifest says that ${descriptor.digest} has ${descriptor.size} bytes, it has ${foundBytes}`,
    { detail: { digest: descriptor.digest } },
  )
}

/**
 * Deletes a manifest by digest with every tag on it. On a mirrored repository the digest and its tags stay away until released.
 * @throws AppError MANIFEST_UNKNOWN, DENIED (archived, immutable tag), UNSUPPORTED when an index of the repository lists it
 */
export async function deleteManifest(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  destination: Destination,
  repository: RepositoryRow,
  digest: Digest,
): Promise<void> {
  const at = isoTime(clock.now())
  await prepareVerdicts(repository, await listTagsOf(db.read, repository.id, digest))
  await db.writeSmall(async (tx) => {
    const found = await findManifest(tx, repository.id, digest)
    if (found === undefined) throw unknownManifest({ digest })
    refuseArchived(repository)
    const [parent] = await listParents(tx, repository.id, digest)
    if (parent !== undefined) {
      throw new AppError('UNSUPPORTED', `manifest ${digest} is listed by index ${parent}: delete that first`, {
        detail: { digest, parent },
      })
    }
    const tags = await listTagsOf(tx, repository.id, digest)
    for (const tag of tags) refuseTagDelete(repository, tag)
    const events: NewEvent[] = []
    for (const tag of tags) {
      const reason = `deleted by ${nameOfActor(destination.actor)}, with its manifest ${digest}`
      const event = await moveTag(tx, { ...changeOf(destination, repository, at), tag, to: undefined, reason })
      if (event !== undefined) events.push(event)
    }
    await excludeDigest(tx, repository.id, { digest, tags, by: destination.actor, at })
    await unlinkManifest(tx, repository.id, digest, { since: at, cause: 'deleted' })
    // An attestation less: what it said of its image no longer holds.
    const { subjectDigest } = found
    const about = { organizationId: repository.organization_id, repositoryId: repository.id }
    if (subjectDigest !== undefined) await wantReads(tx, [{ ...about, digest: subjectDigest }], at)
    await hurryQuotaPaused(tx, repository.organization_id, at)
    await appendEvents(tx, events)
  })
}
