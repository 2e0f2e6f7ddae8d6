import type { Digest } from '../../oci/digest.ts'
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Transaction } from '../engine/engine.ts'
import type { ReferenceKind } from '../schema.ts'

export interface MissingPart {
  readonly parent: Digest
  readonly kind: ReferenceKind | 'root'
  readonly digest: Digest
  readonly mediaType: string
  /** What the parent says, in bytes; undefined where nobody says it (roots, referrers). */
  readonly sizeBytes?: number | undefined
}

/** A part that is here, and not with the size that its parent says. */
export interface FalsePart extends MissingPart {
  readonly foundBytes: number
}

/** Everything that belongs to some roots in one repository, staged or published. */
export interface StagedClosure {
  readonly stagedManifests: readonly Digest[]
  /** All blobs of the closure that are here. */
  readonly blobs: readonly Digest[]
  /** Staged manifests that are here because they refer to a member of the closure. */
  readonly newReferrers: readonly Digest[]
  readonly missing: readonly MissingPart[]
  /** Of manifests that are staged. */
  readonly untrue: readonly FalsePart[]
}

/**
 * Walks down from `roots`: children, blobs, and the referrers of every member. Manifests are staged after what they refer to,
 * so a staged referrer is complete; what a published manifest lacks was let go when it was published, or comes now.
 */
export async function walkStaged(
  tx: Transaction,
  repositoryId: string,
  roots: readonly Digest[],
  isAbsentUpstream: (digest: Digest) => boolean,
): Promise<StagedClosure> {
  const links = new Map<Digest, Link>()
  const asked = new Set<Digest>()
  const staged: Digest[] = []
  const newReferrers: Digest[] = []
  const missing: MissingPart[] = []
  const laterBlobs = new Set<Digest>()
  const untrue: FalsePart[] = []
  const blobs: MissingPart[] = []
  const check = (part: MissingPart, foundBytes: number) => {
    const isSaid = part.sizeBytes !== undefined && links.get(part.parent)?.isStaged === true
    if (isSaid && part.sizeBytes !== foundBytes) untrue.push({ ...part, foundBytes })
  }
  let frontier: MissingPart[] = roots.map((digest) => ({ parent: digest, kind: 'root', digest, mediaType: '' }))
  while (frontier.length > 0) {
    const fresh = [...new Set(frontier.map((part) => part.digest))].filter((digest) => !asked.has(digest))
    for (const digest of fresh) asked.add(digest)
    for (const [digest, link] of await readLinks(tx, repositoryId, fresh)) {
      links.set(digest, link)
      if (link.isStaged) staged.push(digest)
    }
    for (const part of frontier) {
      const link = links.get(part.digest)
      if (link !== undefined) {
        if (part.kind === 'subject' && link.isStaged) newReferrers.push(part.digest)
        check(part, link.sizeBytes)
      } else if (part.kind === 'root') missing.push(part)
      // An index may list blobs (BuildKit's cache); whether this is one, the check of the blobs tells.
      else if (links.get(part.parent)?.isStaged && !isAbsentUpstream(part.digest)) blobs.push(part)
    }
    const here = fresh.filter((digest) => links.has(digest))
    const next = await readReferrers(tx, repositoryId, here)
    for (const part of await readParts(tx, repositoryId, here)) {
      if (part.kind === 'child') next.push(part)
      else if (links.get(part.parent)?.isStaged) blobs.push(part)
      else laterBlobs.add(part.digest)
    }
    frontier = next
  }
  const present = await readBlobs(tx, repositoryId, [...new Set([...blobs.map((part) => part.digest), ...laterBlobs])])
  for (const part of blobs) {
    const foundBytes = present.get(part.digest)
    if (foundBytes === undefined) missing.push(part)
    else check(part, foundBytes)
  }
  return {
    stagedManifests: staged,
    blobs: [...present.keys()],
    newReferrers: [...new Set(newReferrers)],
    missing,
    untrue,
  }
}

interface Link {
  readonly isStaged: boolean
  readonly sizeBytes: number
}

async function readLinks(
  tx: Transaction,
  repositoryId: string,
  digests: readonly Digest[],
): Promise<Map<Digest, Link>> {
  const rows = await allOfChunks(digests, (chunk) =>
    tx
      .selectFrom('repository_manifests as link')
      .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select(['link.digest', 'link.published_at', 'manifest.size_bytes'])
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .execute(),
  )
  return new Map(
    rows.map((row) => [row.digest as Digest, { isStaged: row.published_at === null, sizeBytes: row.size_bytes }]),
  )
}

async function readParts(tx: Transaction, repositoryId: string, parents: readonly Digest[]): Promise<MissingPart[]> {
  const rows = await allOfChunks(parents, (chunk) =>
    tx
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as reference', 'reference.parent_digest', 'link.digest')
      .select(['reference.parent_digest', 'reference.kind', 'reference.digest', 'reference.media_type'])
      .select('reference.size_bytes')
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .where('reference.kind', '!=', 'subject')
      .execute(),
  )
  return rows.map((row) => ({
    parent: row.parent_digest as Digest,
    kind: row.kind,
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
  }))
}

/** Manifests of the repository whose subject is one of `subjects`; `kind` is `subject`. */
async function readReferrers(
  tx: Transaction,
  repositoryId: string,
  subjects: readonly Digest[],
): Promise<MissingPart[]> {
  const parts: MissingPart[] = []
  for (const chunk of inChunks(subjects)) {
    const rows = await tx
      .selectFrom('repository_manifests')
      .select(['digest', 'media_type', 'subject_digest'])
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', chunk)
      .execute()
    for (const row of rows) {
      parts.push({
        parent: row.subject_digest as Digest,
        kind: 'subject',
        digest: row.digest as Digest,
        mediaType: row.media_type,
      })
    }
  }
  return parts
}

async function readBlobs(
  tx: Transaction,
  repositoryId: string,
  digests: readonly Digest[],
): Promise<Map<Digest, number>> {
  const rows = await allOfChunks(digests, (chunk) =>
    tx
      .selectFrom('repository_blobs as link')
      .innerJoin('blobs as blob', 'blob.digest', 'link.digest')
      .select(['link.digest', 'blob.size_bytes'])
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .execute(),
  )
  return new Map(rows.map((row) => [row.digest as Digest, row.size_bytes]))
}
