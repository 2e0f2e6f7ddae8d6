/** Sees to it that whoever asks for the referrers of a subject finds what was written: by the registry's API, or by the fallback tag. */
import { AppError, isAppError } from '../errors.ts'
import { discard, readBytes } from '../net/bounded-body.ts'
import { isPassing } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, referencesOf } from '../oci/manifest.ts'
import { bareMediaType, isManifestType, MANIFEST_ACCEPT, MediaType } from '../oci/media-types.ts'
import { referrersTag, type Tag } from '../oci/reference.ts'
import type { Abortable, Manifest } from '../oci/repository.ts'
import { changedIndex, EMPTY_INDEX, type FallbackIndex, readFallbackIndex, referrerEntry } from './fallback-index.ts'
import { readManifest } from './manifests.ts'
import { readAgain } from './read-again.ts'
import { listReferrersByApi } from './referrers.ts'
import { placeOf, sendTo, signalOf, type TargetSession } from './target-session.ts'

/** Others write the same index without asking us: who comes between is tried against so often. */
const MAX_TRIES = 5
const MAX_LISTS = 3
const RETRY_MS = 500
/** Entries of others that are looked at before an index is taken for one of referrers. */
const MAX_CHECKED = 1000

export interface ReferrerLinks {
  /** @param o.isListed the answer to its PUT names the subject (OCI-Subject) */
  link(subject: Digest, referrer: Manifest, o: Abortable & { readonly isListed: boolean }): Promise<void>
  /** Takes referrers out of the fallback index; nothing where the registry lists by its API. */
  unlink(subject: Digest, referrers: ReadonlySet<Digest>, o: Abortable): Promise<void>
}

interface Batch {
  readonly add: Map<Digest, Descriptor>
  done: Promise<void>
}

/** @throws AppError UPSTREAM_*, TARGET_INVALID for what others keep under the tag, TARGET_UNSUPPORTED where neither way works */
export function createReferrerLinks(target: TargetSession): ReferrerLinks {
  const { session, name, lock, sleep } = target
  let hasApi: boolean | undefined
  /** Of one subject what waits for its turn goes together. */
  const waiting = new Map<Digest, Batch>()
  /** Entries that are known to name their subject. */
  const checked = new Set<string>()
  const keyOf = (subject: Digest, digest: Digest) => `${subject} ${digest}`

  /** Whether the API lists it; undefined: there is no API; `absent`: it does not know the subject, which need not be there. */
  async function isListedByApi(subject: Digest, digest: Digest, o: Abortable): Promise<boolean | 'absent' | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        const listed = await listReferrersByApi(session, name, { digest: subject }, { ...o, hasApi: hasApi === true })
        if (listed === 'unsupported' || listed === 'unauthorized') return undefined
        if (listed === 'absent' || listed === 'unchanged') return 'absent'
        for await (const one of listed.items) if (one.digest === digest) return true
        return false
      } catch (error) {
        // A list that broke off while it was read; what got no answer at all has had its tries.
        if (tries >= MAX_LISTS || !isPassing(error)) throw error
      }
    }
  }

  interface Held {
    readonly index: FallbackIndex
    readonly etag: string | undefined
  }

  async function readTag(subject: Digest, tag: Tag, o: Abortable): Promise<Held> {
    const what = `${name}:${tag}`
    const request = { method: 'GET', at: `manifests/${tag}`, headers: { accept: MANIFEST_ACCEPT }, what } as const
    const got = await readAgain(
      () => sendTo(target, { ...signalOf(o), ...request }),
      async (response) => {
        if (response.status === 404) return await discard(response)
        if (response.status !== 200) throw await session.failure(response, { what })
        const bytes = await readBytes(response, MAX_MANIFEST_BYTES, `${session.address.host}: ${what}`)
        return { bytes, headers: response.headers }
      },
    )
    if (got === undefined) return { index: EMPTY_INDEX, etag: undefined }
    const { bytes, headers } = got
    // GitLab takes the tag for the subject itself, as long as nobody has made it.
    if (digestOf(bytes) === subject) return { index: EMPTY_INDEX, etag: undefined }
    const type = bareMediaType(headers.get('content-type') ?? '')
    const mediaType = isManifestType(type) ? type : MediaType.ociIndex
    const index = readFallbackIndex({
      bytes,
      descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength },
    })
    if (index === undefined) throw foreign(tag, 'is no index of referrers')
    return { index, etag: headers.get('etag') ?? undefined }
  }

  function foreign(tag: Tag, why: string): AppError {
    return new AppError(
      'TARGET_INVALID',
      `${placeOf(target)}:${tag}, where its referrers go, ${why}, and is left as it is`,
    )
  }

  /** What is listed and not there is of no use to anybody; what names another subject makes it somebody else's index. */
  async function findAbsent(subject: Digest, tag: Tag, { entries }: FallbackIndex, o: Abortable): Promise<Set<Digest>> {
    const absent = new Set<Digest>()
    const unknown = entries.filter(({ digest }) => !checked.has(keyOf(subject, digest)))
    if (unknown.length > MAX_CHECKED)
      throw foreign(tag, `lists ${unknown.length} manifests, want ${MAX_CHECKED} at most`)
    for (const { digest } of unknown) {
      const found = await readManifest(session, name, { digest }, o)
      if (found === undefined) {
        absent.add(digest)
        continue
      }
      let named: Digest | undefined
      try {
        named = referencesOf(found.bytes).subject?.digest
      } catch (error) {
        if (!isAppError(error)) throw error
      }
      if (named !== subject) throw foreign(tag, `lists ${digest}, which is no referrer of ${subject}`)
      checked.add(keyOf(subject, digest))
    }
    return absent
  }

  async function putTag(
    tag: Tag,
    bytes: Uint8Array<ArrayBuffer>,
    etag: string | undefined,
    o: Abortable,
  ): Promise<HttpResponse> {
    target.usage.sentBytes += bytes.byteLength
    return await sendTo(target, {
      ...signalOf(o),
      method: 'PUT',
      at: `manifests/${tag}`,
      headers: { 'content-type': MediaType.ociIndex, ...(etag === undefined ? {} : { 'if-match': etag }) },
      body: bytes,
      what: `${name}:${tag}`,
    })
  }

  /** Read, changed, written and read again, until what is read is what was wanted. */
  async function change(subject: Digest, add: readonly Descriptor[], remove: ReadonlySet<Digest>, o: Abortable) {
    const tag = referrersTag(subject)
    for (const one of add) checked.add(keyOf(subject, one.digest))
    for (let tries = 0; tries <= MAX_TRIES; tries++) {
      if (tries > 1) await sleep(RETRY_MS * tries, o.signal)
      const { index, etag } = await readTag(subject, tag, o)
      const has = new Set(index.entries.map(({ digest }) => digest))
      const isWanted = add.every(({ digest }) => has.has(digest)) && ![...remove].some((digest) => has.has(digest))
      if (isWanted) return
      if (tries === MAX_TRIES) break
      const absent = await findAbsent(subject, tag, index, o)
      let bytes: Uint8Array<ArrayBuffer> | undefined
      try {
        bytes = changedIndex(index, add, new Set([...absent, ...remove]))
      } catch (error) {
        if (error instanceof RangeError) throw foreign(tag, error.message)
        throw error
      }
      if (bytes === undefined) return
      const response = await putTag(tag, bytes, etag, o)
      // Somebody was there before: what they wrote is read, and added to.
      const isOvertaken = response.status === 412 || response.status === 409
      if (response.status >= 200 && response.status < 300) await discard(response)
      else if (!isOvertaken) throw await session.failure(response, { what: `${name}:${tag}` })
      else await discard(response)
    }
    throw new AppError(
      'TARGET_UNSUPPORTED',
      `${placeOf(target)}: it lists no referrers by an API, and does not keep what is written to the tag ${tag}`,
    )
  }

  // Whatever the login: two who sign in differently write the same index.
  const lockKey = (subject: Digest) => `referrers ${session.address.base.host} ${name} ${referrersTag(subject)}`

  async function linkByTag(subject: Digest, entry: Descriptor, o: Abortable): Promise<void> {
    const next = waiting.get(subject)
    if (next !== undefined) {
      next.add.set(entry.digest, entry)
      return await next.done
    }
    const batch: Batch = { add: new Map([[entry.digest, entry]]), done: Promise.resolve() }
    waiting.set(subject, batch)
    const begin = async () => {
      try {
        await lock(lockKey(subject), () => {
          waiting.delete(subject)
          return change(subject, [...batch.add.values()], new Set(), o)
        })
      } finally {
        if (waiting.get(subject) === batch) waiting.delete(subject)
      }
    }
    batch.done = begin()
    await batch.done
  }

  return {
    async link(subject, referrer, { isListed, ...o }) {
      // One question a pass: registries have named the subject without an API (sigstore-js 1183).
      if (isListed && hasApi === true) return
      if (hasApi !== false) {
        const { digest } = referrer.descriptor
        for (let tries = 1; ; tries++) {
          const listed = await isListedByApi(subject, digest, o)
          if (listed === 'absent' && isListed) return
          if (listed === 'absent') break
          hasApi = listed !== undefined
          if (listed === true) return
          if (listed === undefined) break
          if (tries >= MAX_TRIES) {
            throw new AppError(
              'TARGET_INVALID',
              `${placeOf(target)}@${digest} is there, and its API does not list it as a referrer of ${subject}`,
            )
          }
          await sleep(RETRY_MS * tries, o.signal)
        }
      }
      await linkByTag(subject, referrerEntry(referrer), o)
    },
    async unlink(subject, referrers, o) {
      if (hasApi === undefined) {
        const [any] = referrers
        const listed = any === undefined ? undefined : await isListedByApi(subject, any, o)
        hasApi = listed !== undefined && listed !== 'absent'
      }
      if (hasApi) return
      await lock(lockKey(subject), () => change(subject, [], referrers, o))
    },
  }
}
