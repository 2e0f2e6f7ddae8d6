/**
 * Walks what belongs to a digest: children, and the referrers of every manifest, recursively. Known trees come from our database.
 * What is remembered by digest depends on the digest alone; what a parent says of it (`claims.ts`) is held against the parent.
 */
import { AppError } from '../../errors.ts'
import { cutPlatform, type Descriptor, formatPlatform } from '../../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { isManifestType, isNonDistributable } from '../../oci/media-types.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'
import { refuseFalseSize, refuseFalseType } from './claims.ts'
import type { KnownManifest, Origin } from './known.ts'
import { isOutage, type Problem, problemOf, settleAll } from './problem.ts'
import type { WalkOptions } from './readers.ts'
import { chooseChildren } from './select.ts'
import { createSubjectLists } from './subject-lists.ts'
import { createAttacher, type Place } from './walk-referrers.ts'
import type { Node, Unchosen, Walked } from './walked.ts'

/** Platforms that a node remembers, for people who read plans. */
const MAX_PLATFORMS = 32

/** Levels of children and referrers below a tag; real ones have four. */
const MAX_DEPTH = 64
const TOO_DEEP = `hangs more than ${MAX_DEPTH} levels below a tag`

/** Media types that by their name are no manifests. */
const BLOB_TYPE = /\.layer\.|\.config\.|cacheconfig|octet-stream|[.+](tar|gzip|zstd)\b/

export interface Walker {
  /** Before these images are walked: decides which referrer lists are asked for. */
  choose(images: readonly Digest[]): void
  /**
   * Walks from a tag's digest. `isAttached` for `.sig`, `.att` and `.sbom` tags. Problems are kept, not thrown.
   * @returns false when there are no such bytes under this digest, so that whoever named it may have been wrong. @throws AppError CANCELLED
   */
  walk(root: Descriptor, origin: Origin, isAttached: boolean): Promise<boolean>
  /**
   * After all roots: how deep something hangs depends on the way to it, so a root that holds what was too deep by another's way is walked
   * once more on its own. A hostile chain fails alone.
   */
  settle(): Promise<void>
  readonly walked: Walked
}

export function createWalker(o: WalkOptions): Walker {
  const { known, readers, limiter } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const nodes = new Map<Digest, Node>()
  const problems = new Map<Digest, Problem>()
  const absent = new Map<Digest, { parents: Set<Digest> }>()
  const unchosen = new Map<Digest, Unchosen>()
  const without = new Map<Digest, Problem>()
  const visits = new Map<Digest, Promise<boolean>>()
  const lists = createSubjectLists(o)
  const tooDeep = new Set<Digest>()
  const roots: (readonly [Descriptor, Origin, boolean])[] = []

  const readerOf = (origin: Origin): RepositoryReader =>
    origin === 'image' ? readers.image : (readers.referrers ?? readers.image)

  /** @returns false when upstream does not have it */
  function visit(digest: Digest, place: Place): Promise<boolean> {
    let visit = visits.get(digest)
    if (visit === undefined) {
      visit = read(digest, place)
      visits.set(digest, visit)
    }
    return visit
  }

  function noteAbsent(digest: Digest, parent: Digest): void {
    const { parents } = absent.get(digest) ?? { parents: new Set() }
    absent.set(digest, { parents: parents.add(parent) })
  }

  async function read(digest: Digest, place: Place): Promise<boolean> {
    try {
      if (place.depth > MAX_DEPTH) {
        tooDeep.add(digest)
        throw new AppError('UPSTREAM_INVALID', `${digest} ${TOO_DEEP}`)
      }
      const present = known.manifests.get(digest)
      if (present !== undefined) {
        const here = present.isPublished ? 'published' : 'staged'
        await enter(present.descriptor, place, here, undefined, present)
        return true
      }
      const ask = () => limiter.run(() => readerOf(place.origin).readManifest({ digest }, abortable))
      // What is listed is there, as a rule: a 404 that comes once is a server that has not heard of it yet, or something in between.
      const found = o.learner.takeManifest(digest) ?? (await ask()) ?? (await ask())
      if (found === undefined) return false
      const parsed = parseManifest(found.bytes, found.descriptor.mediaType, algorithmOf(digest))
      const blobs = parsed.config === undefined ? parsed.layers : [parsed.config, ...parsed.layers]
      const isHeld = o.held.take(found.bytes.byteLength)
      const own = { mediaType: parsed.descriptor.mediaType, digest, size: found.bytes.byteLength }
      await enter(own, place, 'no', isHeld ? found.bytes : undefined, {
        blobs,
        children: parsed.children,
        subject: parsed.subject?.digest,
      })
    } catch (error) {
      const problem = problemOf(error)
      const isOfReferrers = place.isAttached && isOutage(problem)
      problems.set(digest, isOfReferrers ? { ...problem, isOfReferrers } : problem)
    }
    return true
  }

  async function enter(
    descriptor: Descriptor,
    place: Place,
    here: Node['here'],
    bytes: Uint8Array | undefined,
    parts: Pick<KnownManifest, 'blobs' | 'children' | 'subject'>,
  ): Promise<void> {
    const children: Digest[] = []
    const blobs = [...parts.blobs]
    const { origin, isAttached } = place
    // Of what is published a full pass asks again.
    const mayLack = here === 'staged' || (here === 'published' && o.isFull)
    const lacks = mayLack
      ? blobs.filter((blob) => isNonDistributable(blob.mediaType) && !known.blobs.has(blob.digest))
      : []
    const { chosen, leftOut } = chooseChildren(parts.children, isAttached ? undefined : o.selection?.platforms)
    for (const { child, rule } of leftOut)
      unchosen.set(child.digest, { parent: descriptor.digest, kind: 'platform', rule })
    const node: Node = {
      descriptor,
      origin,
      here,
      isAttached,
      bytes,
      blobs,
      lacks,
      children,
      platforms: here === 'no' ? platformsOf(chosen) : undefined,
      subject: parts.subject,
      referrers: [],
      ...(leftOut.length > 0 && chosen.length === 0 ? { isEmptied: true } : {}),
    }
    nodes.set(descriptor.digest, node)
    await settleAll(
      chosen.map(async (child) => {
        const kind = await visitChild(child, node, { ...place, depth: place.depth + 1 })
        if (kind === 'manifest') children.push(child.digest)
        else if (kind === 'blob') blobs.push(child)
      }),
    )
    // The size of a blob that is not here shows when it comes.
    if (here === 'published') return
    for (const blob of blobs) refuseFalseSize(descriptor.digest, blob, known.blobs.get(blob.digest))
  }

  async function visitChild(child: Descriptor, parent: Node, place: Place): Promise<'manifest' | 'blob' | 'absent'> {
    const { digest } = child
    const isTyped = isManifestType(child.mediaType)
    // An entry of unknown type: what its type looks like first, then the other (BuildKit's cache indexes list layers).
    const looksLikeBlob = !isTyped && BLOB_TYPE.test(child.mediaType)
    const isKnown = known.manifests.has(digest)
    if (!isKnown) {
      if (!isTyped && known.blobs.has(digest)) return 'blob'
      // A published index lacks it because upstream did not have it: asked again by a full pass only.
      if (parent.here === 'published' && !o.isFull) return 'absent'
      if (looksLikeBlob && (await hasBlob(child, parent.origin))) return 'blob'
    }
    const isThere = await visit(digest, place)
    const node = nodes.get(digest)
    if (node !== undefined) {
      // What was published together was found to agree.
      if (isKnown && parent.here === 'published') return 'manifest'
      refuseFalseSize(parent.descriptor.digest, child, node.descriptor.size)
      await refuseFalseType(parent.descriptor.digest, child, node.descriptor, () => bytesOf(node))
      return 'manifest'
    }
    // Some registries answer 500 when they are asked for a blob as a manifest. Whoever names it as a manifest keeps the problem.
    if (!isTyped && !looksLikeBlob && (await hasBlob(child, parent.origin))) return 'blob'
    if (isThere) return 'manifest'
    noteAbsent(digest, parent.descriptor.digest)
    return 'absent'
  }

  async function bytesOf({ bytes, origin, descriptor: { digest } }: Node): Promise<Uint8Array | undefined> {
    return bytes ?? (await limiter.run(() => readerOf(origin).readManifest({ digest }, abortable)))?.bytes
  }

  async function hasBlob(blob: Descriptor, origin: Origin): Promise<boolean> {
    try {
      const body = await limiter.run(() => readerOf(origin).openBlob(blob, { ...abortable, length: 1 }))
      await body.stream.cancel()
      return true
    } catch (error) {
      const { code } = problemOf(error)
      if (code === 'BLOB_UNKNOWN' || code === 'UPSTREAM_NOT_FOUND') return false
      throw error
    }
  }

  const attach = createAttacher(o, {
    ...{ nodes, problems, unchosen, without, list: lists.list, noteAbsent },
    visit: (digest, place) => ({ isNew: !visits.has(digest), isThere: visit(digest, place) }),
  })

  function holdsTooDeep(root: Digest): boolean {
    const seen = new Set([root])
    for (const digest of seen) {
      if (tooDeep.has(digest)) return true
      const node = nodes.get(digest)
      for (const next of [...(node?.children ?? []), ...(node?.referrers ?? [])]) seen.add(next)
    }
    return false
  }

  return {
    async settle() {
      const affected = tooDeep.size === 0 ? [] : roots.filter(([{ digest }]) => holdsTooDeep(digest))
      for (const root of affected) {
        const alone = createWalker(o)
        await alone.walk(...root)
        const { walked } = alone
        const own = [...walked.problems.values()].find(({ message }) => message.endsWith(TOO_DEEP))
        if (own !== undefined) {
          // The chain is the root's; what it ends in may be part of a good one.
          problems.set(root[0].digest, own)
          continue
        }
        for (const [digest, node] of walked.nodes) {
          nodes.set(digest, node)
          problems.delete(digest)
          tooDeep.delete(digest)
        }
        for (const [digest, problem] of walked.problems) problems.set(digest, problem)
        for (const [digest, rule] of walked.unchosen) unchosen.set(digest, rule)
      }
    },
    async walk(root, origin, isAttached) {
      roots.push([root, origin, isAttached])
      if (!(await visit(root.digest, { origin, isAttached, depth: 0 }))) {
        problems.set(root.digest, {
          code: 'MANIFEST_UNKNOWN',
          message: `upstream named ${root.digest} but does not have it`,
        })
        return false
      }
      // Nothing of it is taken.
      if (nodes.get(root.digest)?.isEmptied) return true
      await attach(root.digest, isAttached, 0)
      return nodes.has(root.digest) || problems.get(root.digest)?.code !== 'UPSTREAM_INVALID'
    },
    choose: lists.choose,
    walked: { nodes, problems, absent, lists: lists.seen, unchosen, without, spared: lists.spared },
  }
}

/** BuildKit lists its attestations as images of an unknown platform. */
function platformsOf(children: readonly Descriptor[]): readonly string[] | undefined {
  const named = children.flatMap(({ platform }) =>
    platform === undefined ? [] : formatPlatform(cutPlatform(platform)),
  )
  const known = [...new Set(named)].filter((platform) => platform !== 'unknown/unknown' && platform !== '/')
  return known.length === 0 ? undefined : known.slice(0, MAX_PLATFORMS)
}
