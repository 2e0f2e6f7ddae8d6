/** What a mirror's repository holds and what the last passes saw: loaded once per pass, so that known trees cost upstream nothing. */

import type { Selection } from '../../api/selection.ts'
import { listTags } from '../../db/content/tags.ts'
import type { Queries } from '../../db/engine/engine.ts'
import {
  listKnownBlobs,
  listKnownManifests,
  listKnownReferences,
  readKnownBytes,
} from '../../db/mirrors/known-content.ts'
import { listExcludedDigests, listExcludedTags } from '../../db/mirrors/mirror-exclusions.ts'
import { type Facts, listFacts } from '../../db/mirrors/mirror-facts.ts'
import { listHolds } from '../../db/mirrors/mirror-holds.ts'
import { listMirrorSubjects } from '../../db/mirrors/mirror-subjects.ts'
import { listMirrorTags } from '../../db/mirrors/mirror-tags.ts'
import { findListedTags } from '../../db/mirrors/mirrors.ts'
import { listPins } from '../../db/mirrors/tag-pins.ts'
import { listUnlisted } from '../../db/mirrors/unlisted-referrers.ts'
import type { MirrorRow } from '../../db/schema.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { referencesOf } from '../../oci/manifest.ts'
import { isNonDistributable } from '../../oci/media-types.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagState } from './decide-tag.ts'
import type { Hold } from './hold.ts'

export type Origin = 'image' | 'referrers'

export interface KnownManifest {
  readonly descriptor: Descriptor
  readonly isPublished: boolean
  /** Config and layers. */
  readonly blobs: readonly Descriptor[]
  readonly children: readonly Descriptor[]
  readonly subject?: Digest | undefined
  /** Mirrors alone brought it: nobody has pushed it. */
  readonly isOwn?: boolean
}

export interface KnownList {
  /** As the reader gave it; undefined when it gave none. */
  readonly version: string | undefined
  readonly listedAt: string
  /** When it was first seen, or last seen to differ. */
  readonly changedAt: string
  /** A referrers API has answered. */
  readonly isByApi?: boolean
}

/** Since when upstream has not listed a referrer, and whether people have accepted that. */
export interface Unlisted {
  readonly subject: Digest
  readonly since: string
  readonly isAccepted: boolean
  /** The list that first lacked it named something new: both stay. */
  readonly isReplaced: boolean
}

export interface Known {
  readonly manifests: ReadonlyMap<Digest, KnownManifest>
  /** Staged or published in the repository, with their sizes in bytes. */
  readonly blobs: ReadonlyMap<Digest, number>
  /** Subject → referrers that the repository holds. */
  readonly referrers: ReadonlyMap<Digest, readonly Digest[]>
  readonly lists: Readonly<Record<Origin, ReadonlyMap<Digest, KnownList>>>
  readonly tags: ReadonlyMap<Tag, TagState>
  /** Digests that people deleted here. */
  readonly excluded: ReadonlySet<Digest>
  /** What the selection had to read. */
  readonly facts: ReadonlyMap<Digest, Facts>
  /** New digests that wait, and those that were seen and could not be had. */
  readonly holds: ReadonlyMap<Digest, Hold>
  /** Referrers that are here and that upstream did not list when it was last asked. */
  readonly unlisted: ReadonlyMap<Digest, Unlisted>
  /** How many tags upstream listed in the last pass that could go by its list; undefined: there was none yet. */
  readonly listedTags: number | undefined
}

export const NOTHING_KNOWN: Known = {
  manifests: new Map(),
  blobs: new Map(),
  referrers: new Map(),
  lists: { image: new Map(), referrers: new Map() },
  tags: new Map(),
  excluded: new Set(),
  facts: new Map(),
  holds: new Map(),
  unlisted: new Map(),
  listedTags: undefined,
}

/**
 * @param selection decides what else has to be known of what is here
 * @param keys the sources that this pass reads from: what others have listed says nothing about theirs
 */
export async function loadKnown(
  db: Queries,
  mirror: Pick<MirrorRow, 'id' | 'repository_id'>,
  keys: Readonly<Record<Origin, string>>,
  selection?: Selection | undefined,
): Promise<Known> {
  const repositoryId = mirror.repository_id
  const parts = new Map<Digest, { blobs: Descriptor[]; children: Descriptor[] }>()
  for (const row of await listKnownReferences(db, repositoryId)) {
    const of = parts.get(row.parent) ?? { blobs: [], children: [] }
    const list = row.kind === 'child' ? of.children : of.blobs
    const { mediaType, digest, sizeBytes: size, platform } = row
    list.push({ mediaType, digest, size, ...(platform === undefined ? {} : { platform }) })
    parts.set(row.parent, of)
  }
  if (selection?.platforms !== undefined) await addAnnotations(db, repositoryId, parts)
  const held = await listKnownBlobs(db, repositoryId)
  const manifests = new Map<Digest, KnownManifest>()
  const referrers = new Map<Digest, Digest[]>()
  const lacking = new Set<Digest>()
  for (const row of await listKnownManifests(db, repositoryId)) {
    const { blobs, children } = parts.get(row.digest) ?? { blobs: [], children: [] }
    // One that lacks a part is not known: the pass reads it again and brings what is missing.
    if (row.isDamaged || !blobs.every((blob) => held.has(blob.digest) || isNonDistributable(blob.mediaType))) {
      lacking.add(row.digest)
      continue
    }
    const descriptor = { mediaType: row.mediaType, digest: row.digest, size: row.sizeBytes }
    const subject = row.subjectDigest ?? undefined
    const { isPublished, isOwn } = row
    manifests.set(row.digest, { descriptor, isPublished, isOwn, blobs, children, subject })
    if (row.subjectDigest === null) continue
    const siblings = referrers.get(row.subjectDigest)
    if (siblings === undefined) referrers.set(row.subjectDigest, [row.digest])
    else siblings.push(row.digest)
  }
  forgetAbove(lacking, manifests)
  const lists = { image: new Map<Digest, KnownList>(), referrers: new Map<Digest, KnownList>() }
  for (const row of await listMirrorSubjects(db, mirror.id)) {
    if (row.listed_from !== keys[row.source]) continue
    lists[row.source].set(row.subject_digest as Digest, {
      version: row.version ?? undefined,
      listedAt: row.listed_at,
      changedAt: row.changed_at,
      isByApi: row.by_api === 1,
    })
  }
  const holds = new Map<Digest, Hold>()
  for (const row of await listHolds(db, mirror.id)) {
    const { held_since: heldSince, changed_at: changedAt, fingerprint } = row
    holds.set(row.digest as Digest, { heldSince, changedAt, fingerprint })
  }
  return {
    manifests,
    blobs: held,
    referrers,
    lists,
    tags: await loadTags(db, mirror),
    excluded: await listExcludedDigests(db, mirror.id),
    facts: selection === undefined ? new Map() : await listFacts(db, mirror.id),
    holds,
    unlisted: await loadUnlisted(db, mirror.id),
    listedTags: await findListedTags(db, mirror.id),
  }
}

/** Attestations of an index say by an annotation which entry they are about; it is in the bytes only. */
async function addAnnotations(
  db: Queries,
  repositoryId: string,
  parts: ReadonlyMap<Digest, { readonly children: Descriptor[] }>,
): Promise<void> {
  const indexes = [...parts].filter(([, { children }]) =>
    children.some(({ platform }) => platform === undefined || platform.os === 'unknown'),
  )
  const digests = indexes.map(([digest]) => digest)
  for await (const { digest, bytes } of readKnownBytes(db, repositoryId, digests)) {
    const of = parts.get(digest)
    of?.children.splice(0, of.children.length, ...referencesOf(bytes).children)
  }
}

async function loadUnlisted(db: Queries, mirrorId: string): Promise<Map<Digest, Unlisted>> {
  const rows = await listUnlisted(db, mirrorId)
  return new Map(
    rows.map(({ digest, subject_digest, since, accepted, replaced }) => [
      digest as Digest,
      { subject: subject_digest as Digest, since, isAccepted: accepted === 1, isReplaced: replaced === 1 },
    ]),
  )
}

async function loadTags(db: Queries, mirror: Pick<MirrorRow, 'id' | 'repository_id'>): Promise<Map<Tag, TagState>> {
  const tags = new Map<Tag, TagState>()
  for (const row of await listMirrorTags(db, mirror.id)) {
    tags.set(row.tag as Tag, {
      local: undefined,
      synced: (row.synced_digest ?? undefined) as Digest | undefined,
      state: row.state,
      upstream: (row.upstream_digest ?? undefined) as Digest | undefined,
      absentSince: row.absent_since ?? undefined,
      isAbsenceAccepted: row.absent_accepted === 1,
    })
  }
  const rows = await listTags(db, mirror.repository_id, { limit: Number.MAX_SAFE_INTEGER })
  for (const row of rows) {
    const before = tags.get(row.name as Tag)
    tags.set(row.name as Tag, { synced: before?.synced, state: before?.state, ...before, local: row.digest as Digest })
  }
  for (const [tag, excluded] of await listExcludedTags(db, mirror.id)) {
    tags.set(tag, { ...(tags.get(tag) ?? { local: undefined, synced: undefined, state: undefined }), excluded })
  }
  for (const { tag, reason } of await listPins(db, mirror.id)) {
    const before = tags.get(tag as Tag) ?? { local: undefined, synced: undefined, state: undefined }
    tags.set(tag as Tag, { ...before, pinned: reason })
  }
  return tags
}

/** What lists something that lacks a part lacks it too, however deep: taken from `manifests`. */
function forgetAbove(lacking: Set<Digest>, manifests: Map<Digest, KnownManifest>): void {
  if (lacking.size === 0) return
  for (let before = -1; before !== lacking.size; ) {
    before = lacking.size
    for (const [digest, { children }] of manifests) {
      if (lacking.has(digest) || !children.some((child) => lacking.has(child.digest))) continue
      lacking.add(digest)
    }
  }
  for (const digest of lacking) manifests.delete(digest)
}
