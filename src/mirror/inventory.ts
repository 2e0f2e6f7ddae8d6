/** What upstream has, as far as it matters here: its tags, and everything below the digests that they name. */
import { AppError } from '../errors.ts'
import { forEachConcurrent } from '../lib/concurrency.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { parseDigestTag, type Tag } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import { decideTag, type TagDecision } from './decide-tag.ts'
import type { Origin } from './known.ts'
import { type Problem, problemOf } from './problem.ts'
import type { WalkOptions } from './readers.ts'
import { createWalker, type Walked } from './walk.ts'

export interface SeenTag {
  readonly tag: Tag
  readonly origin: Origin
  /** For cosign's `<alg>-<hex>.sig|.att|.sbom`: the digest that it hangs on. */
  readonly subject: Digest | undefined
  readonly seen:
    | { readonly descriptor: Descriptor; readonly decision: TagDecision }
    | { readonly problem: Problem }
    /** A person keeps the mirror from it, and why: nothing was asked. */
    | { readonly excluded: string }
}

export interface Inventory extends Walked {
  readonly tags: readonly SeenTag[]
  /** The tags that were looked for, when not all: then what is not among `tags` is unknown, not absent. */
  readonly only?: ReadonlySet<Tag> | undefined
}

export interface InventoryOptions extends Omit<WalkOptions, 'fallbackTags'> {
  readonly concurrency: number
  /** Looks at these image tags and what hangs on them only; undefined: at all. */
  readonly only?: ReadonlySet<Tag> | undefined
  onTags?(total: number): void
}

interface ListedTag {
  readonly tag: Tag
  readonly digest: Digest | undefined
  readonly origin: Origin
  readonly subject: Digest | undefined
}

/**
 * Lists tags, asks each one's digest, and walks the distinct ones. Trees of tags that may not move are left alone.
 * @throws what listing the tags throws; UPSTREAM_INVALID when upstream suddenly lists none; CANCELLED
 */
export async function takeInventory(o: InventoryOptions): Promise<Inventory> {
  const { readers, known } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const fallbackTags = new Set<string>()
  const listed = new Map<Tag, ListedTag>()
  for (const origin of ['image', 'referrers'] as const) {
    const reader = readers[origin]
    if (reader === undefined) continue
    for await (const { tag, digest } of reader.listTags(abortable)) {
      const digestTag = parseDigestTag(tag)
      if (digestTag !== undefined && digestTag.suffix === undefined) fallbackTags.add(tag)
      // A referrer source gives what hangs on images, not images.
      else if (origin === 'image' || (digestTag !== undefined && !listed.has(tag))) {
        listed.set(tag, { tag, digest, origin, subject: digestTag?.subject })
      }
    }
    if (origin === 'image' && listed.size === 0) refuseSuddenlyEmpty(known.tags)
  }
  o.onTags?.(o.only?.size ?? [...listed.values()].filter((one) => one.origin === 'image').length)

  const walker = createWalker({ ...o, fallbackTags })
  const tags: SeenTag[] = []
  const look = async (wanted: readonly ListedTag[]) => {
    const roots = new Map<Digest, { descriptor: Descriptor; origin: Origin; isAttached: boolean }>()
    await forEachConcurrent(wanted, o.concurrency, async (one) => {
      const found = await see(one)
      if (found === undefined) return
      tags.push(found)
      if (!('decision' in found.seen) || found.seen.decision.action === 'skip') return
      const { descriptor } = found.seen
      const isAttached = one.subject !== undefined && (roots.get(descriptor.digest)?.isAttached ?? true)
      roots.set(descriptor.digest, { descriptor, origin: one.origin, isAttached })
    })
    await forEachConcurrent(roots.values(), o.concurrency, ({ descriptor, origin, isAttached }) =>
      walker.walk(descriptor, origin, isAttached),
    )
  }

  async function see(one: ListedTag): Promise<SeenTag | undefined> {
    const { tag, origin, subject } = one
    const excluded = known.tags.get(tag)?.excluded
    if (excluded !== undefined) return { tag, origin, subject, seen: { excluded } }
    try {
      const descriptor =
        (one.digest && known.manifests.get(one.digest)?.descriptor) ??
        (await o.limiter.run(async () => readers[origin]?.resolve({ tag }, abortable)))
      // Deleted between the list and now.
      if (descriptor === undefined) return undefined
      const decision = decideTag(descriptor.digest, known.tags.get(tag), known.excluded)
      return { tag, origin, subject, seen: { descriptor, decision } }
    } catch (error) {
      return { tag, origin, subject, seen: { problem: problemOf(error) } }
    }
  }

  const all = [...listed.values()]
  const isWanted = ({ tag, origin }: ListedTag) => (o.only === undefined ? origin === 'image' : o.only.has(tag))
  await look(all.filter(isWanted))
  // Of another registry, or of a few tags, only what hangs on something that is mirrored; and what hangs on that.
  let left = all.filter((one) => !isWanted(one))
  for (;;) {
    const wanted = left.filter((one) => one.subject !== undefined && walker.walked.nodes.has(one.subject))
    if (wanted.length === 0) break
    left = left.filter((one) => !wanted.includes(one))
    await look(wanted)
  }
  tags.sort((a, b) => (a.tag < b.tag ? -1 : 1))
  return { tags, only: o.only, ...walker.walked }
}

function refuseSuddenlyEmpty(tags: WalkOptions['known']['tags']): void {
  const before = [...tags.values()].filter((tag) => tag.synced !== undefined && tag.state !== 'absent').length
  if (before === 0) return
  throw new AppError('UPSTREAM_INVALID', `upstream lists no tags, and it listed ${before} before: nothing was changed`)
}
