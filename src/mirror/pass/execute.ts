/** Carries out a plan: blobs and manifests of each root, then the root's one publish. A failure stays with the roots that need it. */
import { AppError, isAppError, isCancelled } from '../../errors.ts'
import { createLimiter, forEachConcurrent, type Limiter } from '../../lib/concurrency.ts'
import type { Held } from '../../lib/held.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isNonDistributable } from '../../oci/media-types.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Abortable, RepositoryReader, RepositoryWriter } from '../../oci/repository.ts'
import { type Begin, during } from './current.ts'
import { fetchBlob } from './fetch-blob.ts'
import type { Inventory } from './inventory.ts'
import type { Origin } from './known.ts'
import { failureOf, type Problem, settleAll } from './problem.ts'
import type { Readers } from './readers.ts'
import type { RootWork, SyncPlan } from './sync-plan.ts'
import type { Node } from './walked.ts'

/** Roots in work at once; their transfers share the run's limiter. */
const ROOTS_AT_ONCE = 16
/** Blobs and manifests in work at once: those that are read from upstream, which the run's limiter bounds, and those being recorded here. */
const ITEMS_AT_ONCE = 64

export interface Execution extends Abortable {
  readonly plan: SyncPlan
  readonly inventory: Inventory
  readonly readers: Readers
  readonly writers: Readonly<Record<Origin, RepositoryWriter>>
  readonly limiter: Limiter
  readonly held: Pick<Held, 'giveBack'>
  /** Who has what is read, for messages: `upstream` when left out. */
  readonly source?: string | undefined
  readonly observer: ExecutionObserver
  readonly begin: Begin
}

export interface ExecutionObserver {
  onBytes(bytes: number): void
  onBlob(isFetched: boolean): void
  onManifest(node: Node): void
  onPublished(work: RootWork, tagsMoved: number): void
  onFailed(work: RootWork): void
  onUntagged(tags: number): void
  onUnlinked(referrers: number): void
}

export interface TagResult {
  readonly state: 'synced' | 'diverged' | 'excluded' | 'pinned' | 'failed' | 'immutable' | 'untagged' | 'absent'
  readonly reason: string | undefined
  readonly problem: (Problem & { readonly digest: Digest | undefined }) | undefined
}

/**
 * @returns what became of each tag that was to move, the roots that failed, the layers that registries may leave out and
 *   upstream did, and the referrers that are gone. @throws AppError CANCELLED
 */
export async function executePlan(o: Execution): Promise<{
  readonly tags: ReadonlyMap<Tag, TagResult>
  readonly failed: readonly { readonly work: RootWork; readonly problem: Problem & { readonly digest: Digest } }[]
  readonly leftOut: ReadonlyMap<Digest, { readonly parents: ReadonlySet<Digest> }>
  readonly unlinked: ReadonlySet<Digest>
}> {
  const { inventory, limiter, observer } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const tags = new Map<Tag, TagResult>()
  const failed: { work: RootWork; problem: Problem & { digest: Digest } }[] = []
  const leftOut = new Map<Digest, { parents: Set<Digest> }>()
  const blobs = new Map<string, Promise<void>>()
  const lastOf = new Map<Digest, Promise<unknown>>()
  const manifests = new Map<Digest, Promise<void>>()
  const items = createLimiter(ITEMS_AT_ONCE)

  const readerOf = (origin: Origin): RepositoryReader => o.readers[origin] ?? o.readers.image

  /**
   * What becomes of a blob depends on its digest, the size that its manifest says, and where it is asked for: a wrong word
   * about it, or a registry without it, fails nobody else. One after the other, for the first that is right brings it for all.
   */
  function blob(descriptor: Descriptor, { origin, isAttached }: Node, tag: Tag | undefined): Promise<void> {
    const { digest, size } = descriptor
    const doing = { doing: isAttached ? 'copying-attestation' : 'copying-blob', tag, digest, sizeBytes: size } as const
    return once(blobs, `${origin} ${digest} ${size}`, () => {
      const fetched = (lastOf.get(digest) ?? Promise.resolve()).then(() =>
        items.run(() =>
          limiter.run(async (onRead) => {
            const { onBytes } = observer
            const { source } = o
            const ends = { reader: readerOf(origin), writer: o.writers[origin] }
            const transfer = { ...abortable, ...ends, ...(source === undefined ? {} : { source }), onBytes, onRead }
            observer.onBlob(await during(o.begin, doing, () => fetchBlob(descriptor, transfer)))
          }),
        ),
      )
      lastOf.set(
        digest,
        fetched.catch(() => {}),
      )
      return fetched
    })
  }

  /** A blob of a node. A layer that registries may leave out is asked for like any other, and only its absence is taken. */
  async function part(descriptor: Descriptor, node: Node, tag: Tag | undefined): Promise<void> {
    const { digest, mediaType } = descriptor
    try {
      await blob(descriptor, node, tag)
    } catch (error) {
      const isAbsent = isAppError(error, 'UPSTREAM_NOT_FOUND') || isAppError(error, 'BLOB_UNKNOWN')
      if (!isAbsent || !isNonDistributable(mediaType)) within(digest)(error)
      const { parents } = leftOut.get(digest) ?? { parents: new Set() }
      leftOut.set(digest, { parents: parents.add(node.descriptor.digest) })
    }
  }

  /**
   * Stages a manifest after everything that it refers to: a staged manifest is always complete.
   * @param tag for which it comes, for whoever watches
   */
  function manifest(digest: Digest, tag: Tag | undefined): Promise<void> {
    return once(manifests, digest, async () => {
      const node = inventory.nodes.get(digest)
      if (node === undefined) return
      if (node.here !== 'no') {
        await settleAll((node.lacks ?? []).map((one) => part(one, node, tag)))
        return
      }
      await settleAll([
        ...node.children.map((child) => manifest(child, tag).catch(within(child))),
        ...node.blobs.map((one) => part(one, node, tag)),
      ])
      const { size: sizeBytes } = node.descriptor
      const doing = {
        doing: node.isAttached ? 'copying-attestation' : 'copying-manifest',
        tag,
        digest,
        sizeBytes,
      } as const
      const copy = async () => {
        const bytes = node.bytes ?? (await limiter.run(() => readAgain(node)))
        await o.writers[node.origin].writeManifest({ descriptor: node.descriptor, bytes }, abortable)
      }
      await items.run(() => during(o.begin, doing, copy))
      if (node.bytes !== undefined) o.held.giveBack(node.bytes.byteLength)
      node.bytes = undefined
      observer.onManifest(node)
    })
  }

  async function readAgain(node: Node): Promise<Uint8Array> {
    const found = await readerOf(node.origin).readManifest({ digest: node.descriptor.digest }, abortable)
    if (found !== undefined) return found.bytes
    throw new AppError('MANIFEST_UNKNOWN', `${o.source ?? 'upstream'} no longer has ${node.descriptor.digest}`)
  }

  async function work(one: RootWork): Promise<void> {
    if (one.problem !== undefined) {
      failed.push({ work: one, problem: one.problem })
      observer.onFailed(one)
      return
    }
    try {
      const [tag] = one.tags
      await settleAll(one.stage.map((digest) => manifest(digest, tag).catch(within(digest))))
      const outcomes = await during(o.begin, { doing: 'publishing', tag, digest: one.root.digest }, () =>
        o.writers.image.publish(
          { roots: one.roots, tags: one.moves },
          (descriptor) => bytesOf(descriptor.digest),
          abortable,
        ),
      )
      for (const outcome of outcomes) {
        const isDone = outcome.result === 'moved' || outcome.result === 'unchanged'
        if (isDone) tags.set(outcome.tag, { state: 'synced', reason: undefined, problem: undefined })
        else if (outcome.result === 'conflict' || outcome.result === 'excluded' || outcome.result === 'pinned') {
          const state = outcome.result === 'conflict' ? 'diverged' : outcome.result
          tags.set(outcome.tag, { state, reason: outcome.reason, problem: undefined })
        } else {
          const message = outcome.reason ?? `the tag was ${outcome.result}`
          const problem = { code: 'DENIED', message, digest: one.root.digest }
          const state = outcome.result === 'refused' ? 'immutable' : 'failed'
          tags.set(outcome.tag, { state, reason: message, problem })
        }
      }
      observer.onPublished(one, outcomes.filter((outcome) => outcome.result === 'moved').length)
    } catch (error) {
      if (o.signal?.aborted || isCancelled(error)) throw error
      const problem = { ...failureOf(error), digest: blamed(error) ?? one.root.digest }
      failed.push({ work: one, problem })
      for (const move of one.moves) {
        const isThere = move.to?.digest === move.expect
        tags.set(move.tag, { state: isThere ? 'synced' : 'failed', reason: problem.message, problem })
      }
      observer.onFailed(one)
    }
  }

  async function bytesOf(digest: Digest): Promise<Uint8Array> {
    const node = inventory.nodes.get(digest)
    if (node === undefined) throw new AppError('MANIFEST_UNKNOWN', `${digest} is not part of this run`)
    return node.bytes ?? readAgain(node)
  }

  /** Last: whatever is new comes first. */
  async function untag(): Promise<void> {
    const { untags } = o.plan
    if (untags.length === 0) return
    const outcomes = await during(o.begin, { doing: 'removing', tag: untags[0]?.tag }, () =>
      o.writers.image.publish({ roots: [], tags: untags }, (one) => bytesOf(one.digest), abortable),
    )
    for (const { tag, result, reason } of outcomes) {
      const isTheirs = result === 'excluded' || result === 'pinned'
      const kept = isTheirs ? result : result === 'conflict' ? 'diverged' : 'absent'
      const state = result === 'moved' ? 'untagged' : kept
      tags.set(tag, { state, reason: reason ?? undefined, problem: undefined })
    }
    observer.onUntagged(outcomes.filter(({ result }) => result === 'moved').length)
  }

  async function unlink(): Promise<ReadonlySet<Digest>> {
    const wanted = new Set(o.plan.unlisted.unlinks.flatMap(({ all }) => all))
    if (wanted.size === 0) return wanted
    const take = () => o.writers.image.unlink([...wanted], abortable)
    const gone = await during(o.begin, { doing: 'removing' }, take)
    observer.onUnlinked(gone.length)
    return new Set(gone)
  }

  await forEachConcurrent(o.plan.works, ROOTS_AT_ONCE, work)
  await untag()
  return { tags, failed, leftOut, unlinked: await unlink() }
}

/** @param key all that the outcome of `work` depends on */
function once<K extends string>(memo: Map<K, Promise<void>>, key: K, work: () => Promise<void>): Promise<void> {
  let promise = memo.get(key)
  if (promise === undefined) {
    promise = work()
    memo.set(key, promise)
  }
  return promise
}

const blame = new WeakMap<Error, Digest>()

/** Remembers with the error which digest it is about; the innermost one counts. */
function within(digest: Digest): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && !blame.has(error)) blame.set(error, digest)
    throw error
  }
}

function blamed(error: unknown): Digest | undefined {
  return error instanceof Error ? blame.get(error) : undefined
}
