/** What upstream has, as far as it matters here: its tags, and everything below the digests that they name. */

import type { Facts } from '../../db/mirrors/mirror-facts.ts'
import { AppError } from '../../errors.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isSchema1Type } from '../../oci/media-types.ts'
import { parseDigestTag, type Tag } from '../../oci/reference.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'
import { whyShrunk } from './brake.ts'
import { during } from './current.ts'
import { decideTag, type TagDecision } from './decide-tag.ts'
import type { Origin } from './known.ts'
import { createLearner } from './learn.ts'
import { type Problem, problemOf } from './problem.ts'
import type { WalkOptions } from './readers.ts'
import { limitsImages, selectTags } from './select.ts'
import { createWalker } from './walk.ts'
import type { Walked } from './walked.ts'

export interface SeenTag {
  readonly tag: Tag
  readonly origin: Origin
  /** For cosign's `<alg>-<hex>.sig|.att|.sbom`: the digest that it hangs on. */
  readonly subject: Digest | undefined
  readonly seen:
    | { readonly descriptor: Descriptor; readonly decision: TagDecision }
    | { readonly problem: Problem; readonly digest?: Digest | undefined }
    /** A person keeps the mirror from it, and why: nothing was asked. */
    | { readonly excluded: string }
    /** The selection leaves it out, and by which rule; `digest` only where upstream had to be asked. */
    | { readonly unselected: string; readonly digest?: Digest | undefined }
}

export interface Inventory extends Walked {
  readonly tags: readonly SeenTag[]
  /** The tags that were looked for, when not all: then what is not among `tags` is unknown, not absent. */
  readonly only?: ReadonlySet<Tag> | undefined
  /** What the selection had to read in this pass. */
  readonly learned: ReadonlyMap<Digest, Facts>
  /** What it had to read once, and has no use for any more; nothing where not all tags were looked for. */
  readonly outlived: readonly Digest[]
  /** All tags that were listed, whether anybody looked at them or not. */
  readonly listed: ReadonlySet<Tag>
  /** How many of them are upstream's own. */
  readonly listedTags: number
  /** What referrers were asked for from. */
  readonly origins: readonly Origin[]
  /** Why the referrer source could not be listed: what hangs on images there is unknown. */
  readonly referrersDown?: Problem | undefined
}

export interface InventoryOptions extends Omit<WalkOptions, 'fallbackTags' | 'learner'> {
  readonly concurrency: number
  /** What becomes of a tag; the rule of mirrors when absent. */
  decide?(digest: Digest, tag: Tag): TagDecision
  onTags?(total: number): void
}

interface ListedTag {
  readonly tag: Tag
  readonly digest: Digest | undefined
  readonly origin: Origin
  readonly subject: Digest | undefined
  /** Of a digest tag: `.sig` and the like. */
  readonly suffix: string | undefined
}

/**
 * Lists tags, asks the digest of each one that is selected, and walks the distinct ones. Trees of tags that may not move are left alone.
 * @throws what listing the tags throws; UPSTREAM_SHRUNK when upstream lists far fewer than before; CANCELLED
 */
export async function takeInventory(o: InventoryOptions): Promise<Inventory> {
  const { known } = o
  let { readers } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const fallbackTags = new Set<string>()
  const listed = new Map<Tag, ListedTag>()
  const list = async (origin: Origin): Promise<void> => {
    for await (const { tag, digest } of readers[origin]?.listTags(abortable) ?? []) {
      const digestTag = parseDigestTag(tag)
      if (digestTag !== undefined && digestTag.suffix === undefined) fallbackTags.add(tag)
      // A referrer source gives what hangs on images, not images.
      else if (origin === 'image' || (digestTag !== undefined && !listed.has(tag))) {
        listed.set(tag, { tag, digest, origin, subject: digestTag?.subject, suffix: digestTag?.suffix })
      }
    }
  }
  const listing = { doing: 'listing-tags' } as const
  await during(o.begin, listing, () => list('image'))
  const listedTags = listed.size
  const before = known.listedTags ?? countSeen(known.tags)
  const shrunk = o.policy.isShrinkAccepted ? undefined : whyShrunk({ before, listed: listedTags })
  if (shrunk !== undefined) throw new AppError('UPSTREAM_SHRUNK', shrunk)
  let referrersDown: Problem | undefined
  try {
    await during(o.begin, listing, () => list('referrers'))
  } catch (error) {
    referrersDown = { ...problemOf(error), isOfReferrers: true }
    readers = { image: readers.image, referrers: failingReader(error) }
  }
  const { selection = {} } = o
  const names = [...listed.values()].filter((one) => one.origin === 'image' && one.subject === undefined)
  const leftOut = await selectTags(
    names.map((one) => one.tag),
    selection,
  )
  o.onTags?.(o.only?.size ?? [...listed.values()].filter((one) => one.origin === 'image').length - leftOut.size)

  const learner = createLearner({ ...o, readers })
  const walker = createWalker({ ...o, readers, fallbackTags, learner })
  const tags: SeenTag[] = []
  /** Whether a HEAD that names schema 1 is to be believed in this pass. */
  let isSchema1Told: Promise<boolean> | undefined
  /** `isRead`: from the manifests themselves, after a digest that was only told turned out to name nothing. */
  const look = async (wanted: readonly ListedTag[], isRead = false): Promise<void> => {
    const roots = new Map<Digest, { descriptor: Descriptor; origin: Origin; isAttached: boolean; of: ListedTag[] }>()
    const seen = new Map<Tag, SeenTag>()
    await forEachConcurrent(wanted, o.concurrency, async (one) => {
      const found = await see(one, isRead)
      if (found === undefined) return
      seen.set(one.tag, found)
      if (!('decision' in found.seen) || found.seen.decision.action === 'skip') return
      const { descriptor } = found.seen
      const before = roots.get(descriptor.digest)
      const isAttached = one.subject !== undefined && (before?.isAttached ?? true)
      const of = before?.of ?? []
      of.push(one)
      roots.set(descriptor.digest, { descriptor, origin: one.origin, isAttached, of })
    })
    walker.choose([...roots].flatMap(([digest, { isAttached }]) => (isAttached ? [] : [digest])))
    const doubtful: ListedTag[] = []
    await forEachConcurrent(roots.values(), o.concurrency, async ({ descriptor, origin, isAttached, of }) => {
      const reading = { doing: 'reading-image', tag: of[0]?.tag, digest: descriptor.digest } as const
      const isThere = await during(o.begin, reading, () => walker.walk(descriptor, origin, isAttached))
      if (walker.walked.nodes.get(descriptor.digest)?.isEmptied) leaveOut(of, descriptor.digest)
      if (isThere || isRead) return
      for (const one of of) {
        seen.delete(one.tag)
        doubtful.push(one)
      }
    })
    function leaveOut(these: readonly ListedTag[], digest: Digest): void {
      const unselected = `not selected: has none of the platforms ${(selection.platforms ?? []).join(', ').slice(0, 200)}`
      for (const { tag, origin, subject } of these)
        seen.set(tag, { tag, origin, subject, seen: { unselected, digest } })
    }

    for (const one of seen.values()) tags.push(one)
    if (doubtful.length > 0) await look(doubtful, true)
  }

  async function see(one: ListedTag, isRead: boolean): Promise<SeenTag | undefined> {
    const { tag, origin, subject } = one
    const before = known.tags.get(tag)
    if (before?.excluded !== undefined) return { tag, origin, subject, seen: { excluded: before.excluded } }
    const rule = leftOut.get(tag)
    if (rule !== undefined) return { tag, origin, subject, seen: { unselected: rule } }
    try {
      const told = isRead || one.digest === undefined ? undefined : known.manifests.get(one.digest)?.descriptor
      const descriptor =
        told ??
        (await o.limiter.run(() =>
          during(o.begin, { doing: 'looking-up-tag', tag }, async () =>
            readers[origin]?.resolve({ tag }, { ...abortable, isRead }),
          ),
        ))
      if (descriptor === undefined) {
        // What upstream lists it has not lost: somebody has to look at this, unless people here do not want the tag.
        if (before?.state === 'excluded') return undefined
        throw new AppError('MANIFEST_UNKNOWN', 'upstream lists the tag, but answers 404 for its manifest')
      }
      const { digest, mediaType } = descriptor
      const decision = o.decide?.(digest, tag) ?? decideTag(digest, before, known.excluded)
      if (decision.action === 'move' && isSchema1Type(mediaType)) {
        isSchema1Told ??= isSchema1(one)
        if (!isRead && !(await isSchema1Told)) return await see(one, true)
        const message = `${digest} is a Docker schema 1 manifest, which cannot be mirrored: it is of schema version 1, want 2 or OCI`
        return { tag, origin, subject, seen: { problem: { code: 'UPSTREAM_UNSUPPORTED', message }, digest } }
      }
      const unselected = decision.action === 'skip' ? undefined : await refuseContent(one, descriptor)
      if (unselected !== undefined) return { tag, origin, subject, seen: { unselected, digest } }
      return { tag, origin, subject, seen: { descriptor, decision } }
    } catch (error) {
      return { tag, origin, subject, seen: { problem: problemOf(error) } }
    }
  }

  /**
   * By GET. What one tag shows counts for all: registries count GETs, and one that names schema 1 in a HEAD where it has something
   * else does so everywhere.
   */
  async function isSchema1({ tag, origin }: ListedTag): Promise<boolean> {
    try {
      const read = async () => readers[origin]?.resolve({ tag }, { ...abortable, isRead: true })
      const found = await o.limiter.run(read)
      return found === undefined || isSchema1Type(found.mediaType)
    } catch (error) {
      // A registry that answers nothing now shows nothing: then the HEAD is what is known.
      problemOf(error)
      return true
    }
  }

  /** What a name does not tell. What hangs on something attached belongs to it. */
  async function refuseContent(one: ListedTag, descriptor: Descriptor): Promise<string | undefined> {
    if (one.subject === undefined) return learner.refuseOld(descriptor, one.origin)
    if (walker.walked.nodes.get(one.subject)?.isAttached) return undefined
    const rule = await learner.refuseType(descriptor, one.origin, one)
    return rule === undefined ? undefined : `not selected: ${rule}`
  }

  const all = [...listed.values()]
  // What hangs on others comes after them where a selection decides about it.
  const isFirst = ({ origin, subject }: ListedTag) =>
    origin === 'image' && (subject === undefined || o.selection === undefined)
  const isWanted = (one: ListedTag) => (o.only === undefined ? isFirst(one) : o.only.has(one.tag))
  const isMirrored = (digest: Digest) => {
    const node = walker.walked.nodes.get(digest)
    return node !== undefined && !node.isEmptied
  }
  await look(all.filter(isWanted))
  // Of another registry, or of a few tags, only what hangs on something that is mirrored; and what hangs on that.
  let left = all.filter((one) => !isWanted(one))
  for (;;) {
    const wanted = left.filter((one) => one.subject !== undefined && isMirrored(one.subject))
    if (wanted.length === 0) break
    const asked = new Set(wanted)
    left = left.filter((one) => !asked.has(one))
    await look(wanted)
  }
  const orphans = o.only === undefined ? left.filter((one) => one.origin === 'image') : []
  if (limitsImages(selection)) {
    for (const { tag } of orphans) leftOut.set(tag, 'not selected: hangs on nothing that is taken now')
  }
  await look(orphans)
  await walker.settle()
  tags.sort((a, b) => (a.tag < b.tag ? -1 : 1))
  const facts = { learned: learner.learned, outlived: o.only === undefined ? learner.outlived() : [] }
  const origins: Origin[] = readers.referrers === undefined ? ['image'] : ['image', 'referrers']
  const seen = { tags, only: o.only, listed: new Set(listed.keys()), listedTags, origins, referrersDown }
  return { ...seen, ...facts, ...walker.walked }
}

/** Tags that upstream listed in the last pass, as far as the tags of before tell. */
function countSeen(tags: WalkOptions['known']['tags']): number {
  return [...tags.values()].filter((tag) => tag.synced !== undefined && tag.state !== 'absent').length
}

/** A registry that could not be listed is not asked further in this pass. */
function failingReader(error: unknown): RepositoryReader {
  const fail = async (): Promise<never> => {
    throw error
  }
  return {
    // biome-ignore lint/correctness/useYield: it has nothing to yield.
    async *listTags() {
      throw error
    },
    resolve: fail,
    readManifest: fail,
    openBlob: fail,
    listReferrers: fail,
  }
}
