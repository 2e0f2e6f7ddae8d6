/** Moves tags last: those that hang on digests before those of images, aliases of one digest together, each read back. */
import { AppError } from '../errors.ts'
import { forEachConcurrent } from '../lib/concurrency.ts'
import { discard } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { parseDigestTag, type Reference, type Tag } from '../oci/reference.ts'
import type { Abortable, Manifest, TagMove, TagOutcome } from '../oci/repository.ts'
import { resolveReference } from './manifests.ts'
import { kindOfChallenge } from './registry-kind.ts'
import { placeOf, sendTo, signalOf, type TargetSession } from './target-session.ts'
import type { ManifestPuts } from './write-manifest.ts'

const AT_ONCE = 8
/** A tag that stays where it is: Docker Hub 403, Harbor 412, others 409. */
const REFUSED: ReadonlySet<number> = new Set([403, 409, 412])
/** What is refused so may as well lack a right, or room (Harbor's quota): then it is no matter of the tag. */
const FORBIDDEN = 403
const OTHER_REASON = /quota|exceed|upper limit|insufficient|requested access|permission|unauthorized|not authorized/i
/** Amazon's and Google's say so in words, with 400. */
const IMMUTABLE = /immutable|already exists|TAG_INVALID|cannot be overwritten|IMMUTAB/i
/** More in one address are too long for some. */
const MAX_TOGETHER = 32

export type ReadBytes = (descriptor: Descriptor) => Promise<Uint8Array>

export interface TagMoves {
  move(tags: readonly TagMove[], read: ReadBytes, o: Abortable): Promise<readonly TagOutcome[]>
  /** What is named there, as it is. */
  find(reference: Reference, o: Abortable): Promise<Digest | undefined>
}

interface Due extends TagMove {
  readonly to: Descriptor
  readonly found: Digest | undefined
}

/** @throws AppError UPSTREAM_*, see `sendTo`; UPSTREAM_INVALID when a tag is read back as something else */
export function createTagMoves(target: TargetSession, puts: ManifestPuts): TagMoves {
  const { session, name, kind } = target

  /** A HEAD's 404 is believed where there is nothing at all; elsewhere a GET has the last word. */
  async function find(reference: Reference, o: Abortable): Promise<Digest | undefined> {
    const found = await resolveReference(session, name, reference, { ...o, isHeadBelieved: true })
    if (found !== undefined) return found.digest
    if (await target.nothing.lookAfterAbsence(o)) return undefined
    return (await resolveReference(session, name, reference, { ...o, isRead: true }))?.digest
  }

  async function readBack(tag: Tag, to: Digest, o: Abortable): Promise<void> {
    const found = (await resolveReference(session, name, { tag }, o))?.digest
    if (found === to) return
    const got = found === undefined ? 'is not there' : `names ${found}`
    throw new AppError(
      'UPSTREAM_INVALID',
      `${placeOf(target)}:${tag} was put to ${to}, and ${got} when it is read back`,
    )
  }

  async function refusal({ tag, found, to }: Due, response: HttpResponse, manifest: Manifest): Promise<TagOutcome> {
    const error = await puts.failure(response, manifest, `${name}:${tag}`)
    const { status } = response
    const isSaid = status >= 400 && status < 500 && IMMUTABLE.test(error.message)
    const isOther = status === FORBIDDEN && OTHER_REASON.test(error.message)
    const isHeld = isSaid || (REFUSED.has(status) && !isOther)
    if (found !== undefined && found !== to.digest && isHeld) {
      return { tag, result: 'refused', found, reason: error.message }
    }
    throw error
  }

  async function moveOne(due: Due, manifest: Manifest, o: Abortable): Promise<TagOutcome> {
    const { tag, to } = due
    const response = await puts.put(manifest, tag, o)
    if (response.status < 200 || response.status >= 300) return await refusal(due, response, manifest)
    await discard(response)
    await readBack(tag, to.digest, o)
    return { tag, result: 'moved' }
  }

  /**
   * Whether it is worth asking for tags in the query of a PUT by digest: a registry that does not know of it has what was there put again, so
   * one that is not known to is asked where there is no other way.
   */
  async function takesTags({ digest }: Descriptor): Promise<boolean> {
    const isOnlyWay = algorithmOf(digest) === 'sha512'
    const told = kind === 'other' ? kindOfChallenge((await session.challenge())?.challenge) : kind
    if (told !== 'kagami' && !isOnlyWay) return false
    return !session.network.withoutTagParameter.has(await session.key())
  }

  /** All tags of a digest by one PUT (distribution-spec, `tag` of end-7b). @returns those that the registry says to have set */
  async function moveTogether(dues: readonly Due[], manifest: Manifest, o: Abortable): Promise<ReadonlySet<Tag>> {
    const [first] = dues
    if (first === undefined || !(await takesTags(first.to))) return new Set()
    const query = dues.map(({ tag }) => `tag=${encodeURIComponent(tag)}`).join('&')
    const response = await puts.put(manifest, `${first.to.digest}?${query}`, o)
    await discard(response)
    const told = response.headers.get('oci-tag')?.split(',') ?? []
    const set = new Set(told.map((one) => one.trim()))
    const isTaken = response.status >= 200 && response.status < 300
    if (isTaken && set.size === 0) session.network.withoutTagParameter.set(await session.key(), true)
    // One that may not be moved is asked for by itself, to hear why.
    return new Set(isTaken ? dues.flatMap(({ tag }) => (set.has(tag) ? [tag] : [])) : [])
  }

  async function moveAll(dues: readonly Due[], read: ReadBytes, o: Abortable): Promise<TagOutcome[]> {
    const [first] = dues
    if (first === undefined) return []
    const { to } = first
    const manifest = { descriptor: to, bytes: await read(to) }
    const isByDigest = algorithmOf(to.digest) === 'sha512'
    const outcomes: TagOutcome[] = []
    for (let at = 0; at < dues.length; at += MAX_TOGETHER) {
      const some = dues.slice(at, at + MAX_TOGETHER)
      const set = some.length > 1 || isByDigest ? await moveTogether(some, manifest, o) : new Set<Tag>()
      for (const due of some) {
        const { tag } = due
        if (set.has(tag)) {
          await readBack(tag, to.digest, o)
          outcomes.push({ tag, result: 'moved' })
        } else if (isByDigest) {
          // A PUT by tag names what it holds by its sha256.
          const reason = `${placeOf(target)}:${tag}: it sets no tags on sha512 digests`
          outcomes.push({ tag, result: 'unsupported', reason })
        } else outcomes.push(await moveOne(due, manifest, o))
      }
    }
    return outcomes
  }

  async function remove({ tag }: TagMove, o: Abortable): Promise<TagOutcome> {
    const what = `${name}:${tag}`
    const response = await sendTo(target, { ...signalOf(o), method: 'DELETE', at: `manifests/${tag}`, what })
    const { status } = response
    if (status === 404) {
      await discard(response)
      return { tag, result: 'unchanged' }
    }
    if (status >= 200 && status < 300) {
      await discard(response)
      if ((await find({ tag }, o)) === undefined) return { tag, result: 'moved' }
      throw new AppError('UPSTREAM_INVALID', `${placeOf(target)}:${tag} was deleted, and is there when it is read back`)
    }
    const error = await session.failure(response, { what })
    if (status === 400 || status === 405 || status === 501) {
      return { tag, result: 'unsupported', reason: `${error.message}; it deletes no tags` }
    }
    if (REFUSED.has(status)) return { tag, result: 'refused', reason: error.message }
    throw error
  }

  return {
    find,
    async move(tags, read, o) {
      const outcomes = new Map<Tag, TagOutcome>()
      const due = new Map<Tag, Due>()
      await forEachConcurrent(tags, AT_ONCE, async (move) => {
        const { tag, to, expect } = move
        const found = await find({ tag }, o)
        if (found === to?.digest) outcomes.set(tag, { tag, result: 'unchanged' })
        else if (found !== expect) {
          outcomes.set(tag, { tag, result: 'conflict', ...(found === undefined ? {} : { found }) })
        } else if (to === undefined) outcomes.set(tag, await remove(move, o))
        else due.set(tag, { ...move, to, found })
      })
      const all = tags.flatMap(({ tag }) => due.get(tag) ?? [])
      // Whoever sees an image's tag must find the signatures that hang on its digest.
      const [images, onDigests] = [true, false].map((isImage) =>
        Map.groupBy(
          all.filter(({ tag }) => (parseDigestTag(tag) === undefined) === isImage),
          ({ to }) => to.digest,
        ).values(),
      )
      const waves = [onDigests ?? [], images ?? []]
      for (const wave of waves) {
        await forEachConcurrent(wave, AT_ONCE, async (group) => {
          for (const outcome of await moveAll(group, read, o)) outcomes.set(outcome.tag, outcome)
        })
      }
      return tags.flatMap(({ tag }) => outcomes.get(tag) ?? [])
    },
  }
}
