/** Workers that hash stored objects, each one object at a time. */
import type { BlobStore } from '../blobs/blob-store.ts'
import { isAppError } from '../errors.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import type { HashAnswer, HashOrder } from './hash-worker.ts'

/** What an object turned out to be; `bytes` are those that were read. */
export type Found =
  | { readonly kind: 'hashed'; readonly bytes: number; readonly digest: Digest }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly message: string }

export interface Hashers {
  /** Objects that are worth asking for at once. */
  readonly width: number
  /** @throws what the store throws while it reads, but for a missing object */
  hash(object: { readonly key: string; readonly digest: Digest }): Promise<Found>
  close(): void
}

/** @param rateBytes of all together, in bytes a second; null: as fast as it goes */
export function createHashers(blobs: BlobStore, width: number, rateBytes: number | null): Hashers {
  const share = rateBytes === null ? null : rateBytes / width
  const idle = Array.from({ length: width }, () => startWorker(share))
  const all = [...idle]
  const waiting: ((worker: HashWorker) => void)[] = []
  const take = () => {
    const worker = idle.pop()
    return worker === undefined ? new Promise<HashWorker>((resolve) => waiting.push(resolve)) : Promise.resolve(worker)
  }
  const giveBack = (worker: HashWorker) => {
    const next = waiting.shift()
    if (next === undefined) idle.push(worker)
    else next(worker)
  }
  return {
    width,
    async hash({ key, digest }) {
      const worker = await take()
      try {
        const path = blobs.findPath?.(key)
        const algorithm = algorithmOf(digest)
        const answer =
          path === undefined ? await worker.stream(blobs, key, algorithm) : await worker.file(path, algorithm)
        return answer.kind === 'hashed'
          ? { kind: 'hashed', bytes: answer.bytes, digest: `${algorithm}:${answer.hex}` }
          : answer
      } finally {
        giveBack(worker)
      }
    },
    close() {
      for (const worker of all) worker.end()
    },
  }
}

/** In the single executable, what is built beside its entry lies at its place below the root, as JavaScript. */
const WORKER_URL = import.meta.url.includes('/$bunfs/')
  ? '/$bunfs/root/src/upkeep/hash-worker.js'
  : new URL('./hash-worker.ts', import.meta.url).href

type Ended = Exclude<HashAnswer, { kind: 'next' }>

interface HashWorker {
  file(path: string, algorithm: string): Promise<Ended>
  stream(blobs: BlobStore, key: string, algorithm: string): Promise<Ended>
  end(): void
}

function startWorker(rateBytes: number | null): HashWorker {
  const worker = new Worker(WORKER_URL)
  let settle: { resolve(answer: HashAnswer): void; reject(error: Error): void } | undefined
  worker.onmessage = ({ data }: { readonly data: HashAnswer }) => settle?.resolve(data)
  worker.onerror = ({ message }) => settle?.reject(new Error(`the worker that hashes has failed: ${message}`))
  const ask = (order: HashOrder, transfer: ArrayBuffer[] = []) =>
    new Promise<HashAnswer>((resolve, reject) => {
      settle = { resolve, reject }
      worker.postMessage(order, transfer)
    })
  const ended = (answer: HashAnswer): Ended => {
    if (answer.kind === 'next') throw new Error('the worker that hashes has answered before the end')
    return answer
  }
  return {
    file: async (path, algorithm) => ended(await ask({ kind: 'file', path, algorithm, rateBytes })),
    async stream(blobs, key, algorithm) {
      let body: ReadableStream<Uint8Array>
      try {
        body = await blobs.open(key)
      } catch (error) {
        if (isAppError(error, 'BLOB_UNKNOWN')) return { kind: 'missing' }
        throw error
      }
      await ask({ kind: 'begin', algorithm, rateBytes })
      // A copy goes over: the chunk may be a part of the memory of others.
      for await (const chunk of body) {
        const bytes = new Uint8Array(chunk)
        await ask({ kind: 'chunk', bytes }, [bytes.buffer])
      }
      return ended(await ask({ kind: 'end' }))
    },
    end: () => worker.terminate(),
  }
}
