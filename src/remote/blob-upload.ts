/** The upload of one blob: one PUT, or PATCHes and a PUT, gone on with after breaks where the registry tells how far it came. */
import { AppError, isAppError } from '../errors.ts'
import { createRow, cutStream, skip } from '../lib/chunk-row.ts'
import { type Chunks, takeChunks } from '../lib/chunks.ts'
import { quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import { failureReason } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { isOfOwnBody, type RequestBody } from '../net/sent-body.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf } from '../oci/digest.ts'
import type { Abortable, BlobSink } from '../oci/repository.ts'
import { createBlobHash } from './blob-hash.ts'
import { sendTo, signalOf, type TargetSession } from './target-session.ts'
import { bytesTaken, withDigest } from './upload-location.ts'
import { sessionOf, type UploadSession } from './upload-session.ts'

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
const FORGOTTEN = 'knows nothing of the upload'
/** What a registry answers that takes a blob by one PUT alone. */
const NO_PATCH: ReadonlySet<number> = new Set([405, 501])
const PUT_DONE: ReadonlySet<number> = new Set([200, 201, 202, 204])

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

export function openUpload(target: TargetSession, upload: BlobUpload): BlobSink {
  const { traits, name, usage } = target
  const { blob } = upload
  const { digest, size } = blob
  const what = `${name} blob ${digest}`
  const title = `${target.session.address.host}: ${what}`
  const hash = createBlobHash(blob, what)
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
  /** It says how far it came, and has something else in the end, or takes nothing from there. */
  let isForgetful = false

  /** How far the registry came, after a break: what it has is not sent again. */
  async function ask(o: Abortable): Promise<void> {
    const was = session
    session = undefined
    position = 0
    if (was !== undefined && traits.isResumable && !isForgetful) {
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
      if (status >= 200 && status < 300 && taken !== undefined && taken > 0 && taken <= hash.bytes) {
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
    const length = isCut ? Math.min(rest, chunkBytes) : rest
    // The last of several goes with the PUT: some registries want it there, and it spares a request.
    const isOfSeveral = traits.upload === 'chunks' || size > largestBodyBytes
    return { length, isLast: isOfSeveral && position > 0 && length === rest }
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
    const isRanged = from > 0 || (!isLast && (isResumed || length < size || traits.upload === 'chunks'))
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

  /** Of an upload that was gone on with: it takes no PATCH. */
  function takesNoParts({ status }: HttpResponse, { isLast }: Part): boolean {
    return isResumed && !isLast && NO_PATCH.has(status)
  }

  async function finish(response: HttpResponse): Promise<void> {
    await discard(response)
    const told = response.headers.get('docker-content-digest')
    if (told !== null && told !== digest && told.startsWith(`${algorithmOf(digest)}:`)) {
      throw new AppError('UPSTREAM_INVALID', `${title}: stored as ${quoted(told, 200)}`)
    }
    done()
  }

  async function refusal(response: HttpResponse): Promise<AppError> {
    const error = await target.session.failure(response, { what })
    if (algorithmOf(digest) !== 'sha512' || response.status !== 400) return error
    return new AppError('TARGET_UNSUPPORTED', `${error.message}; it takes no sha512 digests`, { detail: error.detail })
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
        failure = await refusal(response)
        if (takesNoParts(response, part)) {
          isForgetful = true
          session = undefined
          continue
        }
        // fetch sends a PUT once more by itself where the connection broke, behind what had come: what is here is right, so it is begun anew.
        if (starts === 1 && part.isLast && isOfOtherBytes(failure)) {
          session = undefined
          continue
        }
        if (!BROKEN.has(response.status) && response.status !== LOST) throw failure
        isRefused = response.status === 416 || response.status === LOST
        if (response.status === LOST) failure = brokenAt(FORGOTTEN)
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
    const row = createRow(chunks)
    while (!isDone && position < size) {
      const at = await begun(o)
      const part = nextPart(at)
      const from = position
      let given = 0
      const stream = () =>
        cutStream(row, part.length, (chunk) => {
          hash.check(from + given, chunk)
          given += chunk.byteLength
          usage.sentBytes += chunk.byteLength
        })
      let failure: unknown
      let isRefused = false
      try {
        const response = await sendPart(at, part, { stream, lengthBytes: part.length }, o)
        if (response === undefined) {
          if (position === from + part.length || isDone) continue
          if (isResumed) isForgetful = true
          failure = brokenAt('took less than was sent')
        } else {
          const isBegunAnew = takesNoParts(response, part)
          if (isBegunAnew) isForgetful = true
          const isPassing = BROKEN.has(response.status) || response.status === 401 || response.status === LOST
          failure = await refusal(response)
          if (!isPassing && !isBegunAnew) throw failure
          // Whether it was the token that had expired, the question of how far it came will tell.
          if (isBegunAnew) failure = brokenAt('takes no parts of a blob')
          else if (response.status === LOST) failure = brokenAt(FORGOTTEN)
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
    hash.refuseOther()
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
      const failure = await refusal(response)
      if (isDone || (response.status === LOST && (await upload.isThere(o)))) {
        if (!isDone) done()
        return
      }
      const isLost = response.status === LOST || BROKEN.has(response.status)
      // An empty blob is begun anew as easily as it is ended.
      if (response.status === LOST && size > 0) throw brokenAt(FORGOTTEN)
      if (!isLost || size > 0 || starts >= MAX_STARTS) throw failure
      session = undefined
    }
  }

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work()
      isReachable = true
      return answer
    } catch (error) {
      isReachable = failureReason(error) === undefined && !isAppError(error, 'UPSTREAM_RATE_LIMITED')
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
      hash.check(at, chunk)
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
        })
      } finally {
        await chunks.cancel().catch(() => {})
      }
    },
    commit: (o = {}) => guarded(() => end(o)),
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

function isOfOtherBytes(failure: unknown): boolean {
  const { status, body } = (isAppError(failure, 'UPSTREAM_INVALID') ? failure.detail : {}) as Partial<
    Record<string, unknown>
  >
  return status === 400 && typeof body === 'string' && body.includes('DIGEST_INVALID')
}
