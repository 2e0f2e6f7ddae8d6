/**
 * What a target has of what is about to be copied, found out while the source is walked: so much is asked for as is needed to leave alone
 * what is there. Bytes of the same digest are the same on both sides, and are read from the source.
 */

import { type Known, type KnownManifest, NOTHING_KNOWN } from '../mirror/pass/known.ts'
import { chooseChildren } from '../mirror/pass/select.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isManifestType, MediaType } from '../oci/media-types.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { Abortable, RepositoryReader } from '../oci/repository.ts'
import type { TargetRepository } from '../oci/target-repository.ts'

/** A registry takes no manifest without its blobs; files in a folder may be gone one by one. */
export interface CopyTarget extends TargetRepository {
  holdsWhole?(digest: Digest): Promise<boolean>
}

export interface TargetKnown {
  readonly known: Known
  /** A tag that will be asked for: a pass looks it up first, and what `noteTag` finds then is seen by it. */
  expectTag(tag: Tag): unknown
  /** Of a tag that is about to be asked for at the source: where it points at the target. */
  noteTag(tag: Tag): Promise<void>
  /** Of what is copied to no tag: whether it is there. */
  noteUntagged(reference: Reference, tag: Tag): Promise<void>
  /** What a tag names at the source: found with all its parts where the target's tag names the same. */
  noteRoot(tag: Tag, root: Descriptor): Promise<void>
  /** What the source lists as referrers: those that the target lists too are there. */
  noteReferrers(subject: Descriptor, items: readonly Descriptor[]): Promise<void>
}

const MAX_DEPTH = 64

/** The kinds that name no other manifest. */
const LEAVES: readonly string[] = [MediaType.ociManifest, MediaType.dockerManifest, MediaType.ociArtifact]

interface MutableTag {
  local: Digest | undefined
  synced: Digest | undefined
  readonly state: undefined
}

export function createTargetKnown(
  o: Abortable & {
    readonly target: CopyTarget
    readonly source: RepositoryReader
    readonly platforms: readonly string[] | undefined
  },
): TargetKnown {
  const { target, source } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const manifests = new Map<Digest, KnownManifest>()
  const blobs = new Map<Digest, number>()
  const tags = new Map<Tag, MutableTag>()
  const noted = new Map<Digest, Promise<void>>()

  function expectTag(tag: Tag): MutableTag {
    const state: MutableTag = tags.get(tag) ?? { local: undefined, synced: undefined, state: undefined }
    tags.set(tag, state)
    return state
  }

  async function isThere(digest: Digest): Promise<boolean> {
    if (target.holdsWhole !== undefined) return await target.holdsWhole(digest)
    return (await target.head({ digest }, abortable)) !== undefined
  }

  function enter({ mediaType, digest, size }: Descriptor, parts: Partial<KnownManifest> = {}): void {
    const descriptor = { mediaType, digest, size }
    manifests.set(digest, { descriptor, isPublished: true, blobs: [], children: [], ...parts })
  }

  /** A manifest that is at the target, with those of its parts that are there too. */
  function note(of: Descriptor, depth: number, parts: Partial<KnownManifest> = {}): Promise<void> {
    const running = noted.get(of.digest)
    if (running !== undefined) return running
    const begun = noteNow(of, depth, parts)
    noted.set(of.digest, begun)
    return begun
  }

  async function noteNow(of: Descriptor, depth: number, parts: Partial<KnownManifest>): Promise<void> {
    if (LEAVES.includes(of.mediaType) || depth > MAX_DEPTH) {
      enter(of, parts)
      return
    }
    const found = await source.readManifest({ digest: of.digest }, abortable)
    if (found === undefined) return
    const { mediaType } = found.descriptor
    const { children, subject } = parseManifest(found.bytes, mediaType, algorithmOf(of.digest))
    const { chosen } = chooseChildren(children, o.platforms)
    const works = chosen.map(async (child) => {
      if (!isManifestType(child.mediaType)) blobs.set(child.digest, child.size)
      else if (await isThere(child.digest)) await note(child, depth + 1)
    })
    for (const settled of await Promise.allSettled(works)) if (settled.status === 'rejected') throw settled.reason
    enter(found.descriptor, { children, subject: subject?.digest, ...parts })
  }

  return {
    known: { ...NOTHING_KNOWN, manifests, blobs, tags },
    expectTag,
    async noteTag(tag) {
      const state = expectTag(tag)
      const digest = await target.head({ tag }, abortable)
      state.local = digest
      state.synced = digest
    },
    async noteUntagged({ digest }, tag) {
      const state = expectTag(tag)
      if (digest === undefined || !(await isThere(digest))) return
      state.local = digest
      state.synced = digest
    },
    async noteRoot(tag, root) {
      if (tags.get(tag)?.local !== root.digest) return
      if (target.holdsWhole !== undefined && !(await target.holdsWhole(root.digest))) return
      await note(root, 0)
    },
    async noteReferrers(subject, items) {
      if (items.length === 0 || !manifests.has(subject.digest)) return
      if (items.every(({ digest }) => manifests.has(digest))) return
      const list = await target.reader.listReferrers(subject, abortable)
      if (list === 'unchanged') return
      const listed = new Set<Digest>()
      for await (const { digest } of list.items) listed.add(digest)
      const works = items.map(async (item) => {
        if (!listed.has(item.digest)) return
        if (target.holdsWhole !== undefined && !(await target.holdsWhole(item.digest))) return
        await note(item, 1, { subject: subject.digest })
      })
      for (const settled of await Promise.allSettled(works)) if (settled.status === 'rejected') throw settled.reason
    },
  }
}
