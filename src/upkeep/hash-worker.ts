/**
 * The Worker that hashes what is stored, so that no request waits for it. It takes one object after the other: as a file, which it reads
 * itself, or as chunks. A file that cannot be read is told as such, a missing one apart.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** `rateBytes`: bytes in a second, at most; null: as fast as it goes. */
export type HashOrder =
  | { readonly kind: 'file'; readonly path: string; readonly algorithm: string; readonly rateBytes: number | null }
  | { readonly kind: 'begin'; readonly algorithm: string; readonly rateBytes: number | null }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }

export type HashAnswer =
  | { readonly kind: 'hashed'; readonly bytes: number; readonly hex: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly message: string }
  | { readonly kind: 'next' }

const CHUNK_BYTES = 1024 * 1024

declare const self: {
  onmessage: ((event: { readonly data: HashOrder }) => void) | null
  postMessage(answer: HashAnswer): void
}

const chunk = new Uint8Array(CHUNK_BYTES)
let hash: Hash | undefined
let bytes = 0
let rate: number | null = null
/** When what was read so far may have been read, at the rate. */
let paidUntil = 0

/** Waits until so many more bytes are within the rate; a second of them is never saved up. */
async function pace(count: number): Promise<void> {
  if (rate === null) return
  paidUntil = Math.max(paidUntil, performance.now()) + (count / rate) * 1000
  const waitMs = paidUntil - performance.now()
  if (waitMs > 5) await Bun.sleep(waitMs)
}

async function hashFile(path: string, algorithm: string): Promise<HashAnswer> {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'missing' }
    return { kind: 'unreadable', message: String(error) }
  }
  try {
    const made = createHash(algorithm)
    let read = 0
    for (;;) {
      const got = readSync(descriptor, chunk, 0, CHUNK_BYTES, read)
      if (got === 0) return { kind: 'hashed', bytes: read, hex: made.digest('hex') }
      made.update(got === CHUNK_BYTES ? chunk : chunk.subarray(0, got))
      read += got
      await pace(got)
    }
  } catch (error) {
    return { kind: 'unreadable', message: String(error) }
  } finally {
    closeSync(descriptor)
  }
}

async function take(order: HashOrder): Promise<HashAnswer> {
  switch (order.kind) {
    case 'file':
      rate = order.rateBytes
      return hashFile(order.path, order.algorithm)
    case 'begin':
      rate = order.rateBytes
      hash = createHash(order.algorithm)
      bytes = 0
      return { kind: 'next' }
    case 'chunk':
      hash?.update(order.bytes)
      bytes += order.bytes.byteLength
      await pace(order.bytes.byteLength)
      return { kind: 'next' }
    case 'end':
      return { kind: 'hashed', bytes, hex: hash?.digest('hex') ?? '' }
  }
}

self.onmessage = ({ data }) => void take(data).then((answer) => self.postMessage(answer))
