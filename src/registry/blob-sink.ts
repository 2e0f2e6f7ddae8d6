/** One blob on its way from upstream into our storage. */
import type { Hash } from 'node:crypto'
import { newStorageKey, type Stage } from '../blobs/blob-store.ts'
import { missingPieces } from '../blobs/piece-map.ts'
import { insertBlob, linkBlobs } from '../db/content/blobs.ts'
import { settleStage } from '../db/content/quota.ts'
import type { GroupCommit } from '../db/engine/group-commit.ts'
import { recordFetched } from '../db/mirrors/fetched-content.ts'
import type { MirrorBinding } from '../db/mirrors/mirror-binding.ts'
import { AppError, isAppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestFromHash, newHash } from '../oci/digest.ts'
import type { BlobSink } from '../oci/repository.ts'
import { requireFresh } from './blobs.ts'
import type { LocalStorage } from './local-reader.ts'

export interface BlobSinkOptions extends LocalStorage {
  readonly commit: GroupCommit
  readonly now: () => string
  readonly binding: MirrorBinding
  readonly blob: Descriptor
  readonly stageId: string
  readonly order: BlobSink['order']
  /** Called once, when the sink is closed. */
  readonly release: () => void
  readonly signal?: AbortSignal | undefined
}

/** A blob of less is fetched anew, should the power go before it is sealed. */
const SEALED_AT_ONCE = 8 * 1024 * 1024

/**
 * Opens the stage of the blob; what an earlier try left is hashed again and kept.
 * `commit` throws DIGEST_INVALID or SIZE_INVALID when they are not the blob's bytes, DENIED over the organization's quota.
 */
export async function openBlobSink(o: BlobSinkOptions): Promise<BlobSink> {
  const { blob, binding } = o
  const stage = await o.blobs.openOwnStage(o.stageId)
  let hashed: { hash: Hash; bytes: number } | undefined
  let isGone = false
  let isCommitted = false

  /** The hash of all bytes of the stage. After a failed write the file may hold less than was hashed: it is hashed again. */
  async function upToDate(): Promise<{ hash: Hash; bytes: number }> {
    if (hashed?.bytes !== stage.sizeBytes) hashed = await hashStage(stage, blob, o.signal)
    return hashed
  }
  async function appended() {
    const { hash, bytes } = await upToDate()
    return { bytes, got: digestFromHash(algorithmOf(blob.digest), hash) }
  }
  /** Pieces come in any order: they are read once more in theirs. */
  async function readWhole(signal: AbortSignal | undefined) {
    if (missingPieces(stage.pieces, blob.size).length > 0) return { bytes: stage.sizeBytes, got: undefined }
    const { hash, bytes } = await hashStage(stage, blob, signal)
    return { bytes, got: digestFromHash(algorithmOf(blob.digest), hash) }
  }
  async function drop(error: AppError): Promise<never> {
    isGone = true
    await stage.discard()
    throw error
  }

  try {
    if ((stage.pieces.at(-1)?.to ?? 0) > blob.size) await stage.truncate(0)
    if (o.order === 'sequential') {
      const [first] = stage.pieces
      if (stage.isInPieces) await stage.truncate(first?.from === 0 ? first.to : 0)
      await upToDate()
    }
  } catch (error) {
    await stage.close()
    throw error
  }
  const owned = { maxBytes: blob.size, ownsChunks: true }
  // What is small waits for the disk once, with its name; in a bucket it is one object from the start.
  const isSealedNext = blob.size <= SEALED_AT_ONCE
  const sink: BlobSink = {
    get missing() {
      return missingPieces(stage.pieces, blob.size)
    },
    order: o.order,
    async write(offset, body, { signal } = {}) {
      if (o.order === 'any') {
        await stage.writePiece(offset, body, { ...owned, ...(signal === undefined ? {} : { signal }) })
        return
      }
      if (offset < stage.sizeBytes) {
        await stage.truncate(offset)
      } else if (offset > stage.sizeBytes) {
        await body.cancel()
        throw new AppError('RANGE_INVALID', `bytes from ${offset} on were given, want from ${stage.sizeBytes} on`)
      }
      const state = await upToDate()
      const onChunk = (chunk: Uint8Array) => {
        state.hash.update(chunk)
        state.bytes += chunk.byteLength
      }
      await stage.append(body, { ...owned, isSealedNext, onChunk, ...(signal === undefined ? {} : { signal }) })
    },
    async commit({ signal } = {}) {
      if (signal?.aborted) throw cancelledBy(signal)
      const { bytes, got } = o.order === 'any' ? await readWhole(signal) : await appended()
      if (bytes !== blob.size) {
        throw new AppError('SIZE_INVALID', `blob ${blob.digest} has ${bytes} bytes, want ${blob.size}`)
      }
      if (got !== blob.digest) {
        return drop(new AppError('DIGEST_INVALID', `upstream's bytes of blob ${blob.digest} hash to ${got}`))
      }
      const storageKey = newStorageKey(blob.digest)
      isGone = true
      const sealedAt = new Date(o.now())
      await stage.seal(storageKey)
      const fetched = { organizationId: binding.organizationId, sourceKey: binding.sourceKey, digest: blob.digest }
      const link = o.commit(async (tx) => {
        const at = o.now()
        requireFresh(sealedAt, new Date(at))
        await settleStage(tx, o.stageId, 0)
        const made = await insertBlob(tx, { digest: blob.digest, sizeBytes: blob.size, storageKey, at })
        const newBytes = made.isNew ? blob.size : undefined
        await linkBlobs(tx, binding.repositoryId, [blob.digest], { publishedAt: null, at, newBytes })
        await recordFetched(tx, fetched, at)
        return made.isKept
      })
      const isKept = await link.catch(async (error) => {
        // Only a refusal is sure to have changed nothing; after any other failure the collector decides whether the key is an orphan.
        if (isAppError(error)) await o.blobs.remove(storageKey)
        throw error
      })
      isCommitted = true
      // Somebody stored the same bytes first: theirs count, ours were never referred to.
      if (!isKept) await o.blobs.remove(storageKey)
    },
    async close() {
      const keptBytes = isGone ? 0 : stage.sizeBytes
      try {
        if (!isGone) await stage.close()
        isGone = true
        // A refused commit has taken its own settling back with it. Where this fails too, housekeeping finds out what is there.
        if (!isCommitted) await o.commit((tx) => settleStage(tx, o.stageId, keptBytes)).catch(() => {})
      } finally {
        o.release()
      }
    },
    [Symbol.asyncDispose]: () => sink.close(),
  }
  return sink
}

async function hashStage(
  stage: Stage,
  blob: Descriptor,
  signal: AbortSignal | undefined,
): Promise<{ hash: Hash; bytes: number }> {
  const hash = newHash(algorithmOf(blob.digest))
  let bytes = 0
  if (stage.sizeBytes > 0) {
    for await (const chunk of stage.read()) {
      if (signal?.aborted) throw cancelledBy(signal)
      hash.update(chunk)
      bytes += chunk.byteLength
      // Reading a cached file never waits, so without this pause a large blob would hold up every other request.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { hash, bytes }
}
