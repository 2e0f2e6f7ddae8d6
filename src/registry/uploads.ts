/**
 * Upload sessions: a row in the database over a stage in the blob store. Offset = min(database, file); bytes are durable before
 * they are acknowledged; a process that has not seen all bytes hashes the stage again.
 */
import type { BlobStore, Stage } from '../blobs/blob-store.ts'
import { settleStage } from '../db/content/quota.ts'
import {
  countUploadSessions,
  deleteUploadSession,
  findUploadSession,
  insertUploadSession,
  listIdleUploadSessions,
  moveUploadOffset,
  type UploadKey,
} from '../db/content/upload-sessions.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import type { UploadSessionRow } from '../db/schema.ts'
import { AppError, isAppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { ByteRange } from '../oci/repository.ts'
import { commitBlob } from './blobs.ts'
import { type Destination, openDestination } from './destination.ts'
import { createRunningHash, hashStage, type RunningHash } from './running-hash.ts'
import { removeAbandonedStages, settleOldReservations } from './stage-cleanup.ts'
import { takeQuota } from './upload-room.ts'

/** Others keep stages in the same store; these are the ones that uploads clean up. */
const STAGE_PREFIX = 'upload-'
const EXPIRE_BATCH = 100
/** Of one organization: each may leave a file behind for a day. */
const MAX_OPEN_SESSIONS = 500
const CLAIM_TRIES = 10
const CLAIM_PAUSE_MS = 20

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
}

/** A session in the hands of the one request that may work on it. */
interface Session {
  readonly row: UploadSessionRow
  readonly stage: Stage
  readonly known: Live
}

/** What this process knows of a session while it lives. */
interface Live {
  isBusy: boolean
  readonly hash: RunningHash
}

export function createUploads(options: UploadsOptions): Uploads {
  const { db, blobs, clock, claim = async () => () => {} } = options
  const live = new Map<string, Live>()
  const now = () => isoTime(clock.now())

  async function getSession(key: UploadKey): Promise<UploadSessionRow> {
    const row = await findUploadSession(db.read, key)
    if (row !== undefined) return row
    live.delete(key.id)
    throw new AppError('BLOB_UPLOAD_UNKNOWN', `there is no upload session ${JSON.stringify(key.id.slice(0, 80))}`)
  }

  /** The process that had it may have answered before the others know that it gave it back. */
  async function claimSoon(id: string) {
    for (let left = CLAIM_TRIES; ; left--) {
      const release = await claim(id)
      if (release !== undefined || left === 0) return release
      await Bun.sleep(CLAIM_PAUSE_MS)
    }
  }

  /** Runs `work` as the only user of the session, with its stage cut to what was acknowledged. */
  async function exclusively<T>(key: UploadKey, work: (session: Session) => Promise<T>): Promise<T> {
    const row = await getSession(key)
    const known = live.get(key.id) ?? { isBusy: false, hash: createRunningHash() }
    if (known.isBusy) throw outOfOrder(row.offset_bytes, 'another request is sending to this session')
    known.isBusy = true
    live.set(key.id, known)
    let release: (() => void | Promise<void>) | undefined
    try {
      release = await claimSoon(key.id)
      if (release === undefined) throw outOfOrder(row.offset_bytes, 'another request is sending to this session')
      // Read again: the request that held the session a moment ago may have moved or ended it.
      const current = await getSession(key)
      const stage = await blobs.openStage(`${STAGE_PREFIX}${current.id}`)
      try {
        const offset = Math.min(current.offset_bytes, stage.sizeBytes)
        if (stage.sizeBytes > offset) await stage.truncate(offset)
        if (current.offset_bytes > offset) await recordOffset(current, offset)
        return await work({ row: { ...current, offset_bytes: offset }, stage, known })
      } finally {
        await stage.close()
      }
    } finally {
      await release?.()
      known.isBusy = false
      live.delete(key.id)
      if (known.hash.sizeBytes > 0) live.set(key.id, known)
    }
  }

  /**
   * Appends and records the new offset; on a refusal the stage is cut back, on a broken transfer it keeps what came.
   * @param digest of a last body: once it is whole its offset is not recorded, since the session ends with it
   */
  async function take(
    { row, stage, known }: Session,
    destination: Destination,
    body: UploadBody,
    digest?: Digest,
  ): Promise<void> {
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
    const room = await takeQuota(db, { organizationId, stageId: stage.id, stream, lengthBytes, digest, now })
    if (known.hash.sizeBytes !== start) known.hash.restart(start)
    let isWhole = false
    try {
      await stage.append(room, {
        signal,
        onChunk: (chunk) => known.hash.update(chunk),
        ...(range === undefined ? {} : { maxBytes: range.to }),
      })
      if (wanted !== undefined && stage.sizeBytes - start !== wanted) throw wrongLength(wanted, stage.sizeBytes - start)
      isWhole = true
    } catch (error) {
      if (isAppError(error, 'SIZE_INVALID') || isAppError(error, 'DENIED')) await stage.truncate(start)
      throw error
    } finally {
      if (!isWhole || digest === undefined) await recordOffset(row, stage.sizeBytes)
    }
  }

  async function recordOffset(row: UploadSessionRow, to: number): Promise<void> {
    // What was set aside for the body is counted by the offset from here on.
    const moved = await db.writeSmall(async (tx) => {
      await settleStage(tx, `${STAGE_PREFIX}${row.id}`, 0)
      return moveUploadOffset(tx, row.id, { from: row.offset_bytes, to, at: now() })
    })
    if (!moved) throw movedElsewhere(row)
  }

  async function drop({ row, stage, known }: Session): Promise<void> {
    known.hash.restart(0)
    await db.writeSmall((tx) => endSession(tx, row.id))
    await stage.discard()
  }

  /** One that is being sent to right now is no idle one, whatever its row says. */
  async function expire(idleSince: Date): Promise<number> {
    let ended = 0
    for (;;) {
      const rows = await listIdleUploadSessions(db.read, isoTime(idleSince), EXPIRE_BATCH)
      let idle = 0
      for (const row of rows) {
        if (live.get(row.id)?.isBusy === true) continue
        const release = await claim(row.id)
        if (release === undefined) continue
        await db.writeSmall((tx) => endSession(tx, row.id)).finally(() => release())
        live.delete(row.id)
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
      if (algorithm === 'sha512') live.set(id, { isBusy: false, hash: createRunningHash(algorithm) })
      return { id, offsetBytes: 0, repositoryId }
    },

    async getStatus(key) {
      const row = await getSession(key)
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
        const { row, stage, known } = session
        const got = known.hash.digestOf(digest, stage.sizeBytes) ?? (await hashStage(stage, digest))
        if (got !== digest) {
          await drop(session)
          throw wrongDigest(got, digest)
        }
        try {
          await commitBlob({ db, blobs, clock }, stage, digest, destination, async (tx) => {
            if (!(await endSession(tx, key.id, row.offset_bytes))) throw movedElsewhere(row)
          })
          known.hash.restart(0)
        } catch (error) {
          // A refusal is final, unless another server has the session; after any other failure the client may send its PUT again:
          // the bytes are still here, and the session says so where the database takes it.
          if (!isAppError(error)) await recordOffset(row, stage.sizeBytes).catch(() => {})
          else if (error.code !== 'RANGE_INVALID') await drop(session)
          throw error
        }
      }),

    async uploadWhole(destination, digest, body) {
      const stageId = `${STAGE_PREFIX}${newId()}`
      const { stream, lengthBytes } = body
      const organizationId = destination.organization.id
      const room = await takeQuota(db, { organizationId, stageId, stream, lengthBytes, digest, now })
      const stage = await blobs.openStage(stageId)
      const hash = createRunningHash(digest.startsWith('sha512:') ? 'sha512' : 'sha256')
      try {
        await stage.append(room, { signal: body.signal, onChunk: (chunk) => hash.update(chunk) })
        const got = hash.digestOf(digest, stage.sizeBytes)
        if (got !== digest) throw wrongDigest(got, digest)
        await commitBlob({ db, blobs, clock }, stage, digest, destination, (tx) => settleStage(tx, stageId, 0))
      } catch (error) {
        await stage.discard()
        await db.writeSmall((tx) => settleStage(tx, stageId, 0))
        throw error
      }
    },

    knows: (id) => live.has(id),

    cancel: (key) => exclusively(key, drop),

    expire,
  }
}

/** The session stays as it is; its offset is in `detail`, for the answer's `Range`. */
function outOfOrder(offsetBytes: number, why: string): AppError {
  return new AppError('RANGE_INVALID', `${why}; the session holds ${offsetBytes} bytes`, { detail: { offsetBytes } })
}

function movedElsewhere(row: UploadSessionRow): AppError {
  return outOfOrder(row.offset_bytes, 'another server is sending to this session')
}

function wrongLength(wantBytes: number, gotBytes: number): AppError {
  return new AppError('SIZE_INVALID', `the body has ${gotBytes} bytes, Content-Range says ${wantBytes}`)
}

function wrongDigest(got: Digest | undefined, want: Digest): AppError {
  return new AppError('DIGEST_INVALID', `the content hashes to ${got}, want ${want}`, { detail: { digest: want } })
}

async function endSession(tx: Transaction, id: string, atBytes?: number): Promise<boolean> {
  await settleStage(tx, `${STAGE_PREFIX}${id}`, 0)
  return deleteUploadSession(tx, id, atBytes)
}

function tooManySessions({ organization }: Destination): AppError {
  return new AppError(
    'TOOMANYREQUESTS',
    `organization ${organization.name} has ${MAX_OPEN_SESSIONS} open uploads, which is the most: finish some, or cancel them by DELETE; those that nobody sends to end after a day`,
  )
}
