/**
 * Upload sessions: a row in the database over a stage in the blob store. Offset = min(database, file); bytes are durable before
 * they are acknowledged; a process that has not seen all bytes hashes the stage again.
 */
import type { BlobStore } from '../blobs/blob-store.ts'
import { settleStage } from '../db/content/quota.ts'
import {
  countUploadSessions,
  deleteUploadSession,
  insertUploadSession,
  listIdleUploadSessions,
  type UploadKey,
} from '../db/content/upload-sessions.ts'
import type { Database } from '../db/engine/engine.ts'
import { AppError, type ErrorCode, isAppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { ByteRange } from '../oci/repository.ts'
import { commitBlob } from './blobs.ts'
import { type Destination, openDestination } from './destination.ts'
import { createRunningHash, hashStage } from './running-hash.ts'
import { removeAbandonedStages, settleOldReservations } from './stage-cleanup.ts'
import {
  createHolds,
  endSession,
  movedElsewhere,
  outOfOrder,
  reservationOf,
  type Session,
  STAGE_PREFIX,
} from './upload-holds.ts'
import { takeQuota } from './upload-room.ts'

const EXPIRE_BATCH = 100
/** Of one organization: each may leave a file behind for a day. */
const MAX_OPEN_SESSIONS = 500

/** Failures of the storage, after which the same request may come again. */
const KEPT_OVER: ReadonlySet<ErrorCode> = new Set(['STORAGE_FULL', 'STORAGE_UNAVAILABLE'])

export interface UploadStatus {
  readonly id: string
  /** Bytes that are durable. */
  readonly offsetBytes: number
}

/** One body on its way in. */
export interface UploadBody {
  readonly stream: ReadableStream<Uint8Array>
  /** Of `Content-Length`, in bytes; undefined for chunked encoding. */
  readonly lengthBytes: number | undefined
  /** Of `Content-Range`; undefined: append. */
  readonly range: ByteRange | undefined
  readonly signal: AbortSignal
}

export interface Uploads {
  /**
   * Begins a session, and the repository when it is not there.
   * @param subject whose it is: nobody else can name it
   * @throws AppError DENIED (archived), TOOMANYREQUESTS
   */
  begin(
    destination: Destination,
    subject: string,
    algorithm?: DigestAlgorithm,
  ): Promise<UploadStatus & { repositoryId: string }>
  /** @throws AppError BLOB_UPLOAD_UNKNOWN */
  getStatus(key: UploadKey): Promise<UploadStatus>
  /**
   * Appends a body. What arrived before the client went away stays and counts.
   * @throws AppError BLOB_UPLOAD_UNKNOWN; RANGE_INVALID (out of order, or another request is at it) and SIZE_INVALID (body and range
   *   differ), after which the session is as it was; DENIED (quota), STORAGE_FULL, CANCELLED
   */
  append(key: UploadKey, destination: Destination, body: UploadBody): Promise<UploadStatus>
  /**
   * Appends the last body, if any, and makes the session a published blob.
   * @throws AppError as `append`; DIGEST_INVALID when the content has another digest, and the session is gone
   */
  complete(key: UploadKey, destination: Destination, digest: Digest, body: UploadBody | undefined): Promise<void>
  /** A whole blob in one request; leaves nothing behind when it is refused. @throws AppError DIGEST_INVALID, DENIED, STORAGE_FULL */
  uploadWhole(destination: Destination, digest: Digest, body: UploadBody): Promise<void>
  /** Whether this process has hashed what came for the session: elsewhere it would be read again. */
  knows(id: string): boolean
  /** @throws AppError BLOB_UPLOAD_UNKNOWN; RANGE_INVALID while another request is at it */
  cancel(key: UploadKey): Promise<void>
  /**
   * Ends the sessions that nobody has sent to since `idleSince`, and removes the stages that a crash has left without a session.
   * @returns how many sessions ended
   */
  expire(idleSince: Date): Promise<number>
}

export interface UploadsOptions {
  readonly db: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Where several processes work on the same data: takes the session for this one; undefined when another works on it. */
  readonly claim?: ((id: string) => Promise<(() => void | Promise<void>) | undefined>) | undefined
  /** A claim may end while its holder goes on: with a connection. */
  readonly mayLoseClaims?: boolean
}

export function createUploads(options: UploadsOptions): Uploads {
  const { db, blobs, clock, claim = async () => () => {}, mayLoseClaims = false } = options
  const now = () => isoTime(clock.now())
  const holds = createHolds({ db, blobs, now, claim, mayLoseClaims })
  const { exclusively } = holds

  /**
   * Appends and records the new offset; on a refusal the stage is cut back, on a broken transfer it keeps what came.
   * @param digest of a last body: once it is whole its offset is not recorded, since the session ends with it
   */
  async function take(session: Session, destination: Destination, body: UploadBody, digest?: Digest): Promise<void> {
    const { row, stage, hash } = session
    const start = stage.sizeBytes
    const { range, lengthBytes, signal } = body
    if (range !== undefined && range.from !== start) {
      throw outOfOrder(start, `the chunk starts at ${range.from}, want ${start}`)
    }
    const wanted = range === undefined ? undefined : range.to - range.from
    if (wanted !== undefined && lengthBytes !== undefined && wanted !== lengthBytes) {
      throw wrongLength(wanted, lengthBytes)
    }
    const organizationId = destination.organization.id
    const { stream } = body
    const room = await takeQuota(db, {
      organizationId,
      stageId: reservationOf(row.id),
      stream,
      lengthBytes,
      digest,
      now,
    })
    if (hash.sizeBytes !== start) hash.restart(start)
    let isWhole = false
    try {
      await stage.append(room, {
        signal,
        onChunk: (chunk) => hash.update(chunk),
        isSealedNext: digest !== undefined,
        ...(range === undefined ? {} : { maxBytes: range.to }),
      })
      if (wanted !== undefined && stage.sizeBytes - start !== wanted) throw wrongLength(wanted, stage.sizeBytes - start)
      isWhole = true
    } catch (error) {
      if (isAppError(error, 'SIZE_INVALID') || isAppError(error, 'DENIED')) await stage.truncate(start)
      throw error
    } finally {
      if (!isWhole || digest === undefined) await holds.recordOffset(session, stage.sizeBytes)
    }
  }

  /** One that is being sent to right now is no idle one, whatever its row says. */
  async function expire(idleSince: Date): Promise<number> {
    let ended = 0
    for (;;) {
      const rows = await listIdleUploadSessions(db.read, isoTime(idleSince), EXPIRE_BATCH)
      let idle = 0
      for (const row of rows) {
        if (holds.isBusy(row.id)) continue
        const release = await claim(row.id)
        if (release === undefined) continue
        const end = db.writeSmall(async (tx) => {
          await settleStage(tx, reservationOf(row.id), 0)
          await deleteUploadSession(tx, row.id)
        })
        await end.finally(() => release())
        holds.forget(row.id)
        idle++
      }
      ended += idle
      if (rows.length < EXPIRE_BATCH || idle === 0) break
    }
    await removeAbandonedStages(db.read, blobs, STAGE_PREFIX, idleSince)
    await settleOldReservations(db, blobs, STAGE_PREFIX, { before: isoTime(idleSince), now: now() })
    return ended
  }

  return {
    async begin(destination, subject, algorithm) {
      const id = newId()
      const repositoryId = await db.writeSmall(async (tx) => {
        const repository = await openDestination(tx, destination, now())
        const open = await countUploadSessions(tx, destination.organization.id, MAX_OPEN_SESSIONS)
        if (open >= MAX_OPEN_SESSIONS) throw tooManySessions(destination)
        await insertUploadSession(tx, { id, repositoryId: repository.id, subject }, now())
        return repository.id
      })
      if (algorithm === 'sha512') holds.begin(id, createRunningHash(algorithm))
      return { id, offsetBytes: 0, repositoryId }
    },

    async getStatus(key) {
      const row = await holds.getSession(key)
      return { id: row.id, offsetBytes: row.offset_bytes }
    },

    append: (key, destination, body) =>
      exclusively(key, async (session) => {
        await take(session, destination, body)
        return { id: key.id, offsetBytes: session.stage.sizeBytes }
      }),

    complete: (key, destination, digest, body) =>
      exclusively(key, async (session) => {
        if (body !== undefined) await take(session, destination, body, digest)
        const { row, stage, hash } = session
        const got = hash.digestOf(digest, stage.sizeBytes) ?? (await hashStage(stage, digest))
        if (got !== digest) {
          await holds.drop(session)
          throw wrongDigest(got, digest)
        }
        try {
          await commitBlob({ db, blobs, clock }, stage, digest, destination, async (tx) => {
            if (!(await endSession(tx, row, row.offset_bytes))) throw movedElsewhere(row)
          })
          session.isEnded = true
          hash.restart(0)
        } catch (error) {
          // A refusal is final, unless another server has the session; after any other failure, a full disk too, the client may send its
          // PUT again: the bytes are still here, and the session says so where the database takes it.
          if (!isAppError(error) || KEPT_OVER.has(error.code)) {
            const failure = await holds.recordOffset(session, stage.sizeBytes).catch((why: unknown) => why)
            // The stage of who has lost the session is gone: that is what failed.
            if (isAppError(failure, 'RANGE_INVALID')) throw failure
          } else if (error.code !== 'RANGE_INVALID') await holds.drop(session)
          throw error
        }
      }),

    async uploadWhole(destination, digest, body) {
      const stageId = `${STAGE_PREFIX}${newId()}`
      const { stream, lengthBytes } = body
      const organizationId = destination.organization.id
      const room = await takeQuota(db, { organizationId, stageId, stream, lengthBytes, digest, now })
      const stage = await blobs.openStage(stageId, { isNew: true })
      const hash = createRunningHash(digest.startsWith('sha512:') ? 'sha512' : 'sha256')
      try {
        await stage.append(room, {
          signal: body.signal,
          onChunk: (chunk) => hash.update(chunk),
          isSealedNext: true,
        })
        const got = hash.digestOf(digest, stage.sizeBytes)
        if (got !== digest) throw wrongDigest(got, digest)
        await commitBlob({ db, blobs, clock }, stage, digest, destination, (tx) => settleStage(tx, stageId, 0))
      } catch (error) {
        await stage.discard()
        await db.writeSmall((tx) => settleStage(tx, stageId, 0))
        throw error
      }
    },

    knows: holds.knows,

    cancel: (key) => exclusively(key, holds.drop),

    expire,
  }
}

function wrongLength(wantBytes: number, gotBytes: number): AppError {
  return new AppError('SIZE_INVALID', `the body has ${gotBytes} bytes, Content-Range says ${wantBytes}`)
}

function wrongDigest(got: Digest | undefined, want: Digest): AppError {
  return new AppError('DIGEST_INVALID', `the content hashes to ${got}, want ${want}`, { detail: { digest: want } })
}

function tooManySessions({ organization }: Destination): AppError {
  return new AppError(
    'TOOMANYREQUESTS',
    `organization ${organization.name} has ${MAX_OPEN_SESSIONS} open uploads, which is the most: finish some, or cancel them by DELETE; those that nobody sends to end after a day`,
  )
}
