/** Where the bytes of blobs are kept: files or S3. Content-addressed by the caller; keys are never used twice. */
import { randomHex } from '../lib/ids.ts'
import { algorithmOf, type Digest, encodedOf } from '../oci/digest.ts'
import type { Abortable, ByteRange } from '../oci/repository.ts'

export interface BlobStore {
  /**
   * Which database this store is of: the id that it was given first, `id` where there was none. Two databases on one store would each take the
   * other's objects for lost ones.
   */
  claim(id: string): Promise<string>
  /**
   * The stage with this id, with the bytes that it durably holds already; made when absent. Ids are `[A-Za-z0-9-]+`.
   * @param o.isNew nobody has ever had one of this id: it is not looked for
   */
  openStage(id: string, o?: { readonly isNew?: boolean }): Promise<Stage>
  /**
   * The same, for a stage that this process alone works on, though others may want one of the same id: each has its own, and what a
   * process that has ended left behind is taken over. What a process that only sleeps has open is never touched.
   */
  openOwnStage(id: string): Promise<Stage>
  /** Bytes that the stages of this id hold, of all processes; 0 when there is none. */
  measureStage(id: string): Promise<number>
  /** Removes what is half-way and belongs to nobody any more, where a store has what `listStages` does not name. */
  removeAbandoned?(now: Date): Promise<void>
  /** Stages, for the collector of abandoned ones. */
  listStages(): AsyncIterable<{ readonly id: string; readonly modifiedAt: Date }>
  /**
   * Bytes of a sealed object; reads no further ahead than its reader.
   * @param range in bytes, `to` exclusive; the whole object when absent
   * @throws AppError BLOB_UNKNOWN when there is no such object
   */
  open(key: string, range?: { readonly from: number; readonly to: number }): Promise<ReadableStream<Uint8Array>>
  /**
   * The same bytes as the body of an answer: a file where there is one, which Bun sends without copying it through JavaScript, bytes where they
   * are few, else a stream.
   * @param sizeBytes what it should have, for a store that sees at once what it has
   * @throws AppError BLOB_UNKNOWN when there is no such object, or it has another size
   */
  openBody(
    key: string,
    range?: { readonly from: number; readonly to: number },
    sizeBytes?: number,
  ): Promise<Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>>
  /**
   * Where a client that may have the object gets it by itself: an address for this one object and a short time. Undefined: it is sent from here,
   * as all are where this is absent.
   */
  findLink?(key: string, sizeBytes: number): Promise<string | undefined>
  /**
   * The whole object as the body of an answer, at once: bytes where they are few, a file otherwise. Undefined: it is not there with that size
   * (or this store cannot say so at once), and `openBody` is to be asked.
   */
  findBody(key: string, sizeBytes: number): Blob | Uint8Array<ArrayBuffer> | undefined
  /** Size in bytes of a sealed object; undefined when there is none. */
  findSize(key: string): Promise<number | undefined>
  /** Where the object would lie as a file, for reading it beside the store; absent: objects are no files. */
  findPath?(key: string): string
  /** Removes a sealed object; absent is fine. */
  remove(key: string): Promise<void>
  /** Sealed objects, for the collector of orphans. */
  listKeys(): AsyncIterable<{ readonly key: string; readonly modifiedAt: Date }>
}

export interface AppendOptions extends Abortable {
  /** Sees each chunk while it is being written, for hashing; also the one whose write fails. */
  readonly onChunk?: (chunk: Uint8Array) => void
  /** The stage may not grow beyond this; more bytes end with SIZE_INVALID and are not kept. */
  readonly maxBytes?: number
  /** Nobody else has chunks of `body`: the memory of each is given back once it is written. */
  readonly ownsChunks?: boolean
  /** It is the last one, and the seal waits for the disk: what is appended is durable only then. An append that fails makes its bytes durable. */
  readonly isSealedNext?: boolean
}

/** Bytes on their way in. One user at a time. */
export interface Stage {
  readonly id: string
  /** Bytes that survive kill -9 and power loss; of pieces the sum. */
  readonly sizeBytes: number
  /**
   * Appends until `body` ends. What arrived before an error or an abort stays and is durable when this settles.
   * @returns the new size
   * @throws AppError STORAGE_FULL, STORAGE_UNAVAILABLE, SIZE_INVALID, CANCELLED; what `body` throws
   */
  append(body: ReadableStream<Uint8Array>, o?: AppendOptions): Promise<number>
  /** Drops everything from `sizeBytes` on. What came in pieces must be whole up to there; from then on bytes are appended again. */
  truncate(sizeBytes: number): Promise<void>
  /** It came in pieces: nothing is appended before `truncate`. */
  readonly isInPieces: boolean
  /** What is durably there: one range from 0 on, unless it came in pieces. */
  readonly pieces: readonly ByteRange[]
  /**
   * Writes `body` from `offset` on; several at once, each at a place of its own. What arrived before an error or an abort stays, is
   * durable and among `pieces` when this settles, and earlier for long ones. Nothing is appended any more before `truncate`.
   * @throws AppError as `append`
   */
  writePiece(offset: number, body: ReadableStream<Uint8Array>, o?: Omit<AppendOptions, 'onChunk'>): Promise<void>
  /** The bytes so far, for hashing them again after a restart. */
  read(): ReadableStream<Uint8Array>
  /** Makes the stage the object `key`, durably and at once; the stage is gone. */
  seal(key: string): Promise<void>
  /**
   * As `seal`, but the stage stays until it is discarded: for bytes that a client was told are kept. Nothing is appended to it any more.
   * Where it fails, `sizeBytes` says what of the stage is durable all the same.
   */
  sealKeeping(key: string): Promise<void>
  /** Removes the stage and its bytes. */
  discard(): Promise<void>
  /** Lets go of the stage; its bytes stay. */
  close(): Promise<void>
}

/** A fresh key for the content of a digest: `sha256-<hex>-<random>`, never used twice. */
export function newStorageKey(digest: Digest): string {
  return `${algorithmOf(digest)}-${encodedOf(digest)}-${randomHex(8)}`
}
