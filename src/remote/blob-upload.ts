/** The upload of one blob: one PUT, or PATCHes and a PUT, gone on with after breaks where the registry tells how far it came. */
import { AppError, isAppError, isCancelled } from '../errors.ts'
import { type Chunks, streamOf, takeChunks } from '../lib/chunks.ts'
import { quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import { failureReason } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { isOfOwnBody, type RequestBody } from '../net/sent-body.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestFromHash, newHash } from '../oci/digest.ts'
import type { Abortable, BlobSink } from '../oci/repository.ts'
import { sendTo, signalOf, type TargetSession } from './target-session.ts'
import { bytesTaken, uploadLocation, withDigest } from './upload-location.ts'

/** Blobs up to this size are held, so that what breaks can be sent again from memory; most are configs and attestations. */
const HELD_BYTES = 512 * 1024
/** How often what is held is begun anew, or gone on with from another byte, in one write. */
const MAX_STARTS = 5
/** The least that is waited for an answer once all is sent; registries hash, and move, what they got before they answer. */
const ANSWER_MS = 120_000
/** And this much more, in bytes a millisecond. */
const ANSWER_BYTES_PER_MS = 16 * 1024
/** How long a registry is given to see that a connection is gone. */
const NOTICE_MS = 500
/** Ending what is left of an upload is a courtesy, and waits for nobody. */
const GIVE_UP_MS = 5_000

/** Passing trouble, as the budget sees it: the upload may be gone on with. */
const BROKEN: ReadonlySet<number> = new Set([408, 416, 429, 499, 500, 502, 503, 504, 522])
/** The upload is gone: ended by an answer that never came, or forgotten. */
const LOST = 404
const PUT_DONE: ReadonlySet<number> = new Set([200, 201, 202, 204])

/** An upload that a registry has begun. */
export interface UploadSession {
  readonly location: URL
  /** See `HttpResponse`. */
  readonly ledBy: string
  /** The least of a chunk that is not the last, in bytes. */
  readonly leastChunk: number
}

export interface BlobUpload {
  readonly blob: Descriptor
  /** Whether the registry has the blob, whole. */
  isThere(o: Abortable): Promise<boolean>
  begin(o: Abortable): Promise<UploadSession>
  /** Begun already. */
  readonly session: UploadSession | undefined
  /** It is there now. */
  onDone(): void
}

/** What is known of an answer that named how the upload goes on. */
export function sessionOf(target: TargetSession, response: HttpResponse, what: string): UploadSession {
  const { address } = target.session
  const least = Number(response.headers.get('oci-chunk-min-length') ?? 0)
  return {
    location: uploadLocation(response, address.base, `${address.host}: ${what}`),
    ledBy: response.ledBy,
    leastChunk: Number.isSafeInteger(least) && least > 0 ? least : 0,
  }
}

export function openUpload(target: TargetSession, upload: BlobUpload): BlobSink {
  const { traits, name, usage } = target
  const { blob } = upload
  const { digest, size } = blob
  const what = `${name} blob ${digest}`
  const title = `${target.session.address.host}: ${what}`
  const algorithm = algorithmOf(digest)
  const hash = newHash(algorithm)
  let hashed = 0
  let got: Digest | undefined
  let session = upload.session
  /** Bytes that the registry has, from byte 0 on. */
  let position = 0
  let isDone = false
  let isReachable = true
  let sourceFailure: unknown

  function done(): void {
    isDone = true
    position = size
    session = undefined
    upload.onDone()
  }

  /** Hashes what comes at a place, once, and holds the last piece back when it is not the blob. @throws AppError DIGEST_INVALID */
  function check(at: number, chunk: Uint8Array): void {
    const end = at + chunk.byteLength
    if (at <= hashed && end > hashed) {
      hash.update(chunk.subarray(hashed - at))
      hashed = end
    }
    if (end === size) refuseOther()
  }

  function refuseOther(): void {
    if (hashed === size) got ??= digestFromHash(algorithm, hash)
    if (got === digest) return
    throw new AppError('DIGEST_INVALID', `${what}: what is to be sent hashes to ${got}, want ${digest}`)
  }

  async function begun(o: Abortable): Promise<UploadSession> {
    if (session === undefined) {
      position = 0
      isResumed = false
    }
    session ??= await upload.begin(o)
    return session
  }

  /** Taken up after a break: what is sent says its range, and one that does not fit is refused. */
  let isResumed = false

  /** How far the registry came, after a break: what it has is not sent again. */
  async function ask(o: Abortable): Promise<void> {
    const was = session
    session = undefined
    position = 0
    if (was !== undefined && traits.isResumable) {
      const response = await sendTo(target, {
        ...signalOf(o),
        method: 'GET',
        at: was.location,
        ledBy: was.ledBy,
        redirect: 'same-origin',
        what: `${what}, its upload`,
      })
      const taken = bytesTaken(response.headers)
      const { status } = response
      if (status === 401 || status === 403 || BROKEN.has(status)) throw await target.session.failure(response, { what })
      await discard(response)
      // Of nothing a fresh upload is as good, and none that somebody may be writing to still.
      if (status >= 200 && status < 300 && taken !== undefined && taken > 0 && taken <= hashed) {
        session = response.headers.has('location')
          ? { ...sessionOf(target, response, what), leastChunk: was.leastChunk }
          : was
        position = taken
        isResumed = true
        return
      }
    }
    // The answer may be all that was lost.
    if (was !== undefined && (await upload.isThere(o))) done()
  }

  /** @param isRefused it did not take a range: one that begins where it says to begin is not refused twice */
  async function askAfter(isRefused: boolean, from: number, o: Abortable): Promise<void> {
    const wasResumed = isResumed
    await ask(o)
    if (!isRefused || !wasResumed || position !== from) return
    session = undefined
    position = 0
  }

  interface Part {
    readonly length: number
    readonly isLast: boolean
  }

  /** The next request, of what is left from `position` on. */
  function nextPart({ leastChunk }: UploadSession): Part {
    const rest = size - position
    const { largestBodyBytes = Number.POSITIVE_INFINITY } = traits
    const isWhole = position === 0 && !isResumed && traits.upload === 'put' && rest <= largestBodyBytes
    if (isWhole) return { length: rest, isLast: true }
    const chunkBytes = Math.max(1, traits.chunkBytes, leastChunk)
    const isCut = traits.upload === 'chunks' || rest > largestBodyBytes
    return { length: isCut ? Math.min(rest, chunkBytes) : rest, isLast: false }
  }

  /** Sends one part, and takes note of how far the registry is then. */
  async function sendPart(
    at: UploadSession,
    { length, isLast }: Part,
    body: RequestBody,
    o: Abortable & { readonly again?: 'never' | (() => Promise<boolean>) },
  ): Promise<HttpResponse | undefined> {
    const from = position
    // One PATCH of everything says no range: it is what clients without chunks send.
    const isRanged = !isLast && (isResumed || from > 0 || length < size || traits.upload === 'chunks')
    const response = await sendTo(target, {
      ...signalOf(o),
      method: isLast ? 'PUT' : 'PATCH',
      at: isLast ? withDigest(at.location, digest) : at.location,
      ledBy: at.ledBy,
      headers: {
        'content-type': 'application/octet-stream',
        ...(isRanged ? { 'content-range': `${from}-${from + length - 1}` } : {}),
      },
      body,
      answerTimeoutMs: ANSWER_MS + Math.ceil(size / ANSWER_BYTES_PER_MS),
      lane: 'bulk',
      what,
      ...(o.again === undefined ? {} : { again: o.again }),
    })
    const { status, headers } = response
    if (isLast && PUT_DONE.has(status)) {
      await finish(response)
      return undefined
    }
    if (!isLast && status >= 200 && status < 300) {
      await discard(response)
      session = headers.has('location') ? { ...sessionOf(target, response, what), leastChunk: at.leastChunk } : at
      // One that says less than was sent has not taken the rest; Amazon's stands still after the first part.
      position = Math.min(from + length, bytesTaken(headers) ?? from + length)
      return undefined
    }
    return response
  }

  async function finish(response: HttpResponse): Promise<void> {
    await discard(response)
    const told = response.headers.get('docker-content-digest')
    if (told !== null && told !== digest && told.startsWith(`${algorithm}:`)) {
      throw new AppError('UPSTREAM_INVALID', `${title}: stored as ${quoted(told, 200)}`)
    }
    done()
  }

  function isBreak(error: unknown): boolean {
    return !isOfOwnBody(error) && failureReason(error) !== undefined
  }

  /** From memory: what breaks is gone on with here. */
  async function sendHeld(bytes: Uint8Array<ArrayBuffer>, o: Abortable): Promise<void> {
    for (let starts = 1; !isDone && position < size; starts++) {
      const at = await begun(o)
      const part = nextPart(at)
      const from = position
      const body = bytes.subarray(from, from + part.length)
      let isAsked = false
      // What follows is another request: of what is missing, or of a fresh upload.
      const again = async () => {
        isAsked = true
        await ask(o)
        return false
      }
      let failure: unknown
      let isRefused = false
      try {
        const response = await sendPart(at, part, body, { ...o, again })
        usage.sentBytes += body.byteLength
        if (response === undefined) continue
        failure = await target.session.failure(response, { what })
        if (!BROKEN.has(response.status) && response.status !== LOST) throw failure
        isRefused = response.status === 416 || response.status === LOST
      } catch (error) {
        if (error === failure || isOfOwnBody(error) || !isBreak(error)) throw error
        failure = error
      }
      if (isDone) return
      if (!isAsked) await askAfter(isRefused, from, o)
      if (!isDone && (starts >= MAX_STARTS || (!isAsked && !isRefused))) throw failure
    }
  }

  /** As it is read: a break is the reader's to go on from, at what is missing then. */
  async function sendRead(chunks: Chunks, o: Abortable): Promise<void> {
    let left: Uint8Array | undefined
    while (!isDone && position < size) {
      const at = await begun(o)
      const part = nextPart(at)
      const from = position
      let given = 0
      const stream = () =>
        streamOf({
          async next() {
            if (given === part.length) return undefined
            const chunk = left ?? (await chunks.next())
            left = undefined
            if (chunk === undefined) return undefined
            const room = part.length - given
            const now = chunk.byteLength > room ? chunk.subarray(0, room) : chunk
            if (chunk.byteLength > room) left = chunk.subarray(room)
            check(from + given, now)
            given += now.byteLength
            usage.sentBytes += now.byteLength
            return now
          },
          cancel: async () => {},
        })
      let failure: unknown
      let isRefused = false
      try {
        const response = await sendPart(at, part, { stream, lengthBytes: part.length }, o)
        if (response === undefined) {
          if (position === from + part.length || isDone) continue
          failure = brokenAt('took less than was sent')
        } else {
          const isPassing = BROKEN.has(response.status) || response.status === 401 || response.status === LOST
          failure = await target.session.failure(response, { what })
          if (!isPassing) throw failure
          // Whether it was the token that had expired, the question of how far it came will tell.
          if (response.status === LOST) failure = brokenAt('knows nothing of the upload')
          else if (response.status === 401) failure = brokenAt('asked for a login in the middle of the upload')
          else if (response.status === 416) isRefused = true
          if (isRefused) failure = brokenAt('had other bytes than it said')
        }
      } catch (error) {
        if (error === failure || isOfOwnBody(error) || !isBreak(error)) {
          // What the source has given is kept as far as it came.
          const isSource = isOfOwnBody(error) && !isAppError(error, 'DIGEST_INVALID')
          if (isSource && o.signal?.aborted !== true) await ask(o)
          throw error
        }
        failure = error
        // The registry has to see the break too, or it says less than it has.
        if (given > 0) await target.sleep(NOTICE_MS, o.signal)
      }
      await askAfter(isRefused, from, o)
      if (!isDone) throw failure
    }
  }

  function brokenAt(why: string): AppError {
    return new AppError('UPSTREAM_UNAVAILABLE', `${title}: the registry ${why}`, { detail: { reason: 'reset' } })
  }

  async function end(o: Abortable): Promise<void> {
    if (isDone) return
    if (position < size) {
      throw new AppError('SIZE_INVALID', `${what}: ${position} bytes were sent, want ${size}`)
    }
    if (hashed === size) refuseOther()
    for (let starts = 1; !isDone; starts++) {
      const at = await begun(o)
      const again = async () => {
        await ask(o)
        return !isDone && session !== undefined && position === size
      }
      const response = await sendTo(target, {
        ...signalOf(o),
        method: 'PUT',
        at: withDigest(at.location, digest),
        ledBy: at.ledBy,
        headers: { 'content-type': 'application/octet-stream' },
        body: '',
        answerTimeoutMs: ANSWER_MS + Math.ceil(size / ANSWER_BYTES_PER_MS),
        what,
        again,
      }).catch((error) => {
        if (isDone) return undefined
        throw error
      })
      if (response === undefined) return
      if (PUT_DONE.has(response.status)) {
        await finish(response)
        return
      }
      const failure = await target.session.failure(response, { what })
      if (isDone || (response.status === LOST && (await upload.isThere(o)))) {
        if (!isDone) done()
        return
      }
      const isLost = response.status === LOST || BROKEN.has(response.status)
      // An empty blob is begun anew as easily as it is ended.
      if (!isLost || size > 0 || starts >= MAX_STARTS) throw failure
      session = undefined
    }
  }

  async function guarded<T>(work: () => Promise<T>, o: Abortable): Promise<T> {
    try {
      const answer = await work()
      isReachable = true
      return answer
    } catch (error) {
      isReachable = failureReason(error) === undefined && !isAppError(error, 'UPSTREAM_RATE_LIMITED')
      if (isCancelled(error) || o.signal?.aborted) throw error
      if (error === sourceFailure || isOfOwnBody(error)) throw error
      throw await target.session.redacted(error)
    }
  }

  /** All of a small blob from `position` on, at its place. @throws AppError SIZE_INVALID, DIGEST_INVALID */
  async function hold(chunks: Chunks): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(size)
    let at = position
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      if (at + chunk.byteLength > size) throw new AppError('SIZE_INVALID', `${what} goes on after ${size} bytes`)
      bytes.set(chunk, at)
      check(at, chunk)
      at += chunk.byteLength
    }
    if (at < size) throw new AppError('SIZE_INVALID', `${what} ended after ${at} bytes, want ${size}`)
    return bytes
  }

  const sink: BlobSink = {
    order: 'sequential',
    get missing() {
      return isDone || position >= size ? [] : [{ from: position, to: size }]
    },
    async write(offset, body, o = {}) {
      const source = takeChunks(body)
      const chunks: Chunks = {
        next: () =>
          source.next().catch((error) => {
            sourceFailure = error
            throw error
          }),
        cancel: (reason) => source.cancel(reason),
      }
      try {
        await guarded(async () => {
          if (offset > position) {
            throw new AppError(
              'RANGE_INVALID',
              `${what}: bytes from ${offset} on are given, want them from ${position} on`,
            )
          }
          const rest = skip(chunks, position - offset)
          if (size <= HELD_BYTES) await sendHeld(await hold(rest), o)
          else await sendRead(rest, o)
        }, o)
      } finally {
        await chunks.cancel().catch(() => {})
      }
    },
    commit: (o = {}) => guarded(() => end(o), o),
    async close() {
      const left = session
      session = undefined
      if (isDone || left === undefined || !isReachable) return
      await sendTo(target, {
        method: 'DELETE',
        at: left.location,
        ledBy: left.ledBy,
        signal: AbortSignal.timeout(GIVE_UP_MS),
        what,
        again: 'never',
      })
        .then(discard)
        .catch(() => {})
    },
    [Symbol.asyncDispose]: () => sink.close(),
  }
  return sink
}

/** The same bytes without the first `count`. */
function skip(chunks: Chunks, count: number): Chunks {
  let left = count
  return {
    async next() {
      for (;;) {
        const chunk = await chunks.next()
        if (chunk === undefined || left === 0) return chunk
        const over = chunk.byteLength - left
        left = Math.max(0, left - chunk.byteLength)
        if (over > 0) return chunk.subarray(chunk.byteLength - over)
      }
    },
    cancel: (reason) => chunks.cancel(reason),
  }
}
