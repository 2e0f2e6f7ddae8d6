/** A stage on S3: a list of objects, its parts. At most one part of it is in memory. */
import { AppError } from '../../errors.ts'
import { giveBack, streamOf } from '../../lib/chunks.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import type { AppendOptions, Stage } from '../blob-store.ts'
import { countBytes } from '../piece-map.ts'
import { readUntil } from '../read-until.ts'
import { unavailable } from './failure.ts'
import { createPartBuffer, type PartBuffer } from './memory.ts'
import type { S3Objects } from './objects.ts'
import { arePieces, chainOf, newPart, objectPath, type Part, rangesOf, segmentsOf } from './parts.ts'
import { READ_BYTES } from './read.ts'
import { sealAs } from './seal.ts'

const DELETES_AT_ONCE = 8
const NOTHING = new Uint8Array()

/** @param listed all that is below its directory */
export function openS3Stage(
  objects: S3Objects,
  { id, directory, listed }: { readonly id: string; readonly directory: string; readonly listed: readonly Part[] },
): Stage {
  let isInPieces = arePieces(listed)
  let parts = isInPieces ? [...listed] : chainOf(listed)
  /** What is below the directory and belongs to no stage any more. */
  let litter = listed.filter((part) => !parts.includes(part))
  let epoch = laterThan(listed)
  /** What an append has left to the seal. */
  let tail: PartBuffer | undefined
  let isGone = false

  const storedBytes = () => (isInPieces ? rangesOf(parts) : parts).at(-1)?.to ?? 0
  const dropTail = () => {
    tail?.release()
    tail = undefined
  }

  async function send(buffer: PartBuffer, kind: Part['kind']): Promise<void> {
    if (buffer.from === buffer.to) return
    const part = newPart(directory, buffer, { epoch, kind })
    try {
      await objects.put(part.key, buffer.bytes)
    } catch (error) {
      // It may turn up all the same: what comes from now on is later.
      epoch = laterThan([part])
      litter.push(part)
      throw error
    }
    parts.push(part)
    buffer.clear()
  }

  /** Takes chunks to the end of `body`; what came before a failure is sent all the same. */
  async function fill(
    buffer: PartBuffer,
    body: ReadableStream<Uint8Array>,
    { o, kind, tooMuch }: { readonly o: AppendOptions; readonly kind: Part['kind']; readonly tooMuch: string },
  ): Promise<void> {
    let hasFailed = false
    try {
      for await (const chunk of readUntil(body, o.signal)) {
        if (o.maxBytes !== undefined && buffer.to + chunk.byteLength > o.maxBytes) {
          throw new AppError('SIZE_INVALID', `content ${tooMuch} the ${o.maxBytes} bytes that were announced`)
        }
        o.onChunk?.(chunk)
        for (let done = 0; done < chunk.byteLength; ) {
          done += buffer.take(chunk.subarray(done))
          if (!buffer.isFull) continue
          hasFailed = true
          await send(buffer, kind)
          hasFailed = false
        }
        if (o.ownsChunks) giveBack(chunk)
      }
    } catch (error) {
      if (!hasFailed) await send(buffer, kind).catch(() => {})
      throw error
    }
  }

  async function deleteAll(gone: readonly Part[]): Promise<void> {
    await forEachConcurrent(gone, DELETES_AT_ONCE, ({ key }) => objects.delete(key))
  }

  async function rewritten(from: number, to: number, part: Part): Promise<Part> {
    const copy = newPart(directory, { from, to }, { epoch, kind: 'a' })
    if (from === part.from && to === part.to) {
      await objects.copy(part.key, copy.key)
      return copy
    }
    const bytes = await objects.get(part.key, { from: from - part.from, to: to - part.from })
    if (bytes === undefined) throw unavailable(`the part ${part.key} of the stage is gone`)
    await objects.put(copy.key, bytes)
    return copy
  }

  async function discard(): Promise<void> {
    dropTail()
    isGone = true
    // Housekeeping finds what is left. It must not make a failure of what has been done.
    await deleteAll([...parts, ...litter]).catch(() => {})
    parts = []
    litter = []
  }

  async function put(key: string): Promise<void> {
    const size = storedBytes() + (tail?.bytes.byteLength ?? 0)
    try {
      await sealAs(objects, objectPath(key), { parts, tail: tail?.bytes ?? NOTHING, sizeBytes: size })
    } catch (error) {
      if (tail !== undefined) await send(tail, 'a').catch(() => {})
      throw error
    } finally {
      dropTail()
    }
  }

  return {
    id,
    get sizeBytes() {
      return isInPieces ? countBytes(rangesOf(parts)) : storedBytes() + (tail?.bytes.byteLength ?? 0)
    },
    get isInPieces() {
      return isInPieces
    },
    get pieces() {
      return isInPieces ? rangesOf(parts) : this.sizeBytes === 0 ? [] : [{ from: 0, to: this.sizeBytes }]
    },
    async append(body, o: AppendOptions = {}) {
      if (isInPieces) throw new Error('the stage comes in pieces')
      const buffer = tail ?? createPartBuffer(storedBytes())
      tail = undefined
      try {
        await fill(buffer, body, { o, kind: 'a', tooMuch: 'has more than' })
        if (o.isSealedNext === true) tail = buffer
        else await send(buffer, 'a')
      } finally {
        if (tail !== buffer) buffer.release()
      }
      return this.sizeBytes
    },
    async writePiece(offset, body, o = {}) {
      if (tail !== undefined) throw new Error('the stage waits for its seal')
      isInPieces = true
      const buffer = createPartBuffer(offset)
      try {
        await fill(buffer, body, { o, kind: 'p', tooMuch: 'goes beyond' })
        await send(buffer, 'p')
      } finally {
        buffer.release()
      }
    },
    async truncate(sizeBytes) {
      dropTail()
      epoch = laterThan([...parts, ...litter])
      const kept: Part[] = []
      for (const { part, from, to } of segmentsOf(parts, sizeBytes)) {
        const stays = part.kind === 'a' && !isInPieces && part.from === from && part.to === to
        kept.push(stays ? part : await rewritten(from, to, part))
      }
      litter.push(...parts.filter((part) => !kept.includes(part)))
      parts = kept
      isInPieces = false
      await deleteAll(litter)
      litter = []
    },
    read() {
      return streamParts(objects, parts, { size: storedBytes(), tail: tail?.bytes.slice() ?? NOTHING })
    },
    async seal(key) {
      await put(key)
      await discard()
    },
    sealKeeping: put,
    discard,
    async close() {
      if (tail !== undefined && !isGone) await send(tail, 'a').catch(() => {})
      dropTail()
    },
  }
}

function laterThan(parts: readonly Part[]): number {
  return parts.reduce((latest, { epoch }) => Math.max(latest, epoch + 1), Date.now())
}

/** @param o.tail what follows, and is in memory alone */
function streamParts(
  objects: S3Objects,
  parts: readonly Part[],
  { size, tail }: { readonly size: number; readonly tail: Uint8Array },
): ReadableStream<Uint8Array> {
  const abort = new AbortController()
  async function* chunks() {
    let at = 0
    for (const { part, from, to } of segmentsOf(parts, size)) {
      for (at = from; at < to; at = Math.min(to, at + READ_BYTES)) {
        const range = { from: at - part.from, to: Math.min(to, at + READ_BYTES) - part.from }
        const bytes = await objects.get(part.key, range, abort.signal)
        if (bytes === undefined) throw unavailable(`the part ${part.key} of the stage is gone`)
        yield bytes
      }
    }
    if (at !== size) throw unavailable(`the stage has ${at} bytes, want ${size}`)
    if (tail.byteLength > 0) yield tail
  }
  const all = chunks()
  return streamOf({
    next: async () => (await all.next()).value ?? undefined,
    async cancel(reason) {
      abort.abort(reason)
      await all.return(undefined)
    },
  })
}
