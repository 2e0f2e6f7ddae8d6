/**
 * Who works on an upload session: one request at a time, of all processes. Where a claim may end without its holder's noticing (with a
 * connection to PostgreSQL), that holder goes on writing for a while. So it has said in the row that it writes, and to which stage: who finds
 * a writer there copies what was acknowledged, which no writer touches, into a stage of its own, and makes itself the writer by compare and
 * set. Whoever is not the writer any more can neither move the session on nor publish, and its bytes are in a file that nobody publishes.
 */
import type { BlobStore, Stage } from '../blobs/blob-store.ts'
import { settleStage } from '../db/content/quota.ts'
import {
  deleteHeldSession,
  findUploadSession,
  leaveUploadSession,
  moveUploadOffset,
  takeUploadSession,
  type UploadKey,
} from '../db/content/upload-sessions.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import type { UploadSessionRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { newId, randomHex } from '../lib/ids.ts'
import { createRunningHash, type RunningHash } from './running-hash.ts'
import { firstStage } from './stage-cleanup.ts'

/** Others keep stages in the same store; these are the ones that uploads clean up. */
export const STAGE_PREFIX = 'upload-'
const CLAIM_TRIES = 10
const CLAIM_PAUSE_MS = 20

type Release = () => void | Promise<void>

/** A session in the hands of the one request that may work on it. */
export interface Session {
  row: UploadSessionRow
  readonly stage: Stage
  readonly hash: RunningHash
  /** There is no row any more. */
  isEnded: boolean
}

export interface HoldOptions {
  readonly db: Database
  readonly blobs: BlobStore
  readonly now: () => string
  /** Takes the session for this process; undefined when another works on it. */
  readonly claim: (id: string) => Promise<Release | undefined>
  /** A claim may end while its holder goes on. */
  readonly mayLoseClaims: boolean
}

export interface Holds {
  /** @throws AppError BLOB_UPLOAD_UNKNOWN */
  getSession(key: UploadKey): Promise<UploadSessionRow>
  /** Runs `work` as the only user of the session, with its stage cut to what was acknowledged. @throws AppError RANGE_INVALID while another is at it */
  exclusively<T>(key: UploadKey, work: (session: Session) => Promise<T>): Promise<T>
  /** Says where the session is, as the last thing before it is left. @throws AppError RANGE_INVALID: another has it */
  recordOffset(session: Session, to: number): Promise<void>
  /** Ends the session with its stage, unless another has it. */
  drop(session: Session): Promise<void>
  /** What this process has hashed of it is of that algorithm. */
  begin(id: string, hash: RunningHash): void
  knows(id: string): boolean
  isBusy(id: string): boolean
  forget(id: string): void
}

export function createHolds({ db, blobs, now, claim, mayLoseClaims }: HoldOptions): Holds {
  /** What this process knows of sessions while they live. */
  const live = new Map<string, { isBusy: boolean; readonly hash: RunningHash }>()

  async function getSession(key: UploadKey): Promise<UploadSessionRow> {
    const row = await findUploadSession(db.read, key)
    if (row !== undefined) return row
    live.delete(key.id)
    throw new AppError('BLOB_UPLOAD_UNKNOWN', `there is no upload session ${JSON.stringify(key.id.slice(0, 80))}`)
  }

  /** The process that had it may have answered before the others know that it gave it back. */
  async function claimSoon(id: string): Promise<Release | undefined> {
    for (let left = CLAIM_TRIES; ; left--) {
      const release = await claim(id)
      if (release !== undefined || left === 0) return release
      await Bun.sleep(CLAIM_PAUSE_MS)
    }
  }

  /** The row as this request's, and a stage that nobody else writes to. */
  async function take(found: UploadSessionRow): Promise<UploadSessionRow> {
    if (!mayLoseClaims) return found
    const before = stageIdOf(found)
    const isLeft = found.writer === null
    const stageId = isLeft ? before : `${firstStage(STAGE_PREFIX, found.id)}-${randomHex(8)}`
    if (!isLeft) await copyStage(blobs, before, { to: stageId, bytes: found.offset_bytes })
    const writer = newId()
    const isTaken = await db.writeSmall((tx) => takeUploadSession(tx, found, { writer, stageId }))
    // Who has lost has still open what it writes to.
    if (!isLeft) await discardStage(blobs, isTaken ? before : stageId)
    if (!isTaken) throw movedElsewhere(found)
    return { ...found, writer, stage_id: stageId }
  }

  async function moveOffset(session: Session, to: number, writer: string | null): Promise<void> {
    const { row } = session
    // What was set aside for the body is counted by the offset from here on.
    const moved = await db.writeSmall(async (tx) => {
      await settleStage(tx, reservationOf(row.id), 0)
      return moveUploadOffset(tx, row, { to, at: now(), writer })
    })
    if (!moved) throw movedElsewhere(row)
    session.row = { ...row, offset_bytes: to, writer }
  }

  async function drop(session: Session): Promise<void> {
    session.hash.restart(0)
    session.isEnded = await db.writeSmall((tx) => endSession(tx, session.row))
    if (session.isEnded) await session.stage.discard()
  }

  async function withStage<T>(
    row: UploadSessionRow,
    hash: RunningHash,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session: Session = { row, hash, stage: await blobs.openStage(stageIdOf(row)), isEnded: false }
    const { stage } = session
    try {
      const offset = Math.min(row.offset_bytes, stage.sizeBytes)
      if (stage.sizeBytes > offset) await stage.truncate(offset)
      if (row.offset_bytes > offset) await moveOffset(session, offset, row.writer)
      return await work(session)
    } finally {
      await stage.close()
      const { row: last, isEnded } = session
      if (last.writer !== null && !isEnded) await db.writeSmall((tx) => leaveUploadSession(tx, last)).catch(() => {})
    }
  }

  return {
    getSession,
    async exclusively(key, work) {
      const row = await getSession(key)
      const known = live.get(key.id) ?? { isBusy: false, hash: createRunningHash() }
      if (known.isBusy) throw outOfOrder(row.offset_bytes, 'another request is sending to this session')
      known.isBusy = true
      live.set(key.id, known)
      let release: Release | undefined
      try {
        release = await claimSoon(key.id)
        if (release === undefined) throw outOfOrder(row.offset_bytes, 'another request is sending to this session')
        // Read again: the request that held the session a moment ago may have moved or ended it.
        return await withStage(await take(await getSession(key)), known.hash, work)
      } finally {
        await release?.()
        known.isBusy = false
        live.delete(key.id)
        if (known.hash.sizeBytes > 0) live.set(key.id, known)
      }
    },
    recordOffset: (session, to) => moveOffset(session, to, null),
    drop,
    begin: (id, hash) => void live.set(id, { isBusy: false, hash }),
    knows: (id) => live.has(id),
    isBusy: (id) => live.get(id)?.isBusy === true,
    forget: (id) => void live.delete(id),
  }
}

const stageIdOf = (row: UploadSessionRow) => row.stage_id ?? firstStage(STAGE_PREFIX, row.id)

/** Under which a session's room is set aside, whatever stage it has. */
export const reservationOf = (sessionId: string): string => `${STAGE_PREFIX}${sessionId}`

/** @param atBytes only where it stands there @returns whether it was there, and this request's */
export async function endSession(tx: Transaction, row: UploadSessionRow, atBytes?: number): Promise<boolean> {
  const isEnded = await deleteHeldSession(tx, row, atBytes)
  if (isEnded) await settleStage(tx, reservationOf(row.id), 0)
  return isEnded
}

/** The first `bytes` of a stage, where there are so many; its writer may go on behind them. */
async function copyStage(blobs: BlobStore, id: string, o: { readonly to: string; readonly bytes: number }) {
  const from = await blobs.openStage(id)
  const to = await blobs.openStage(o.to)
  try {
    let left = Math.min(o.bytes, from.sizeBytes)
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const part = chunk.subarray(0, left)
        left -= part.byteLength
        if (part.byteLength > 0) controller.enqueue(part)
        if (left === 0) controller.terminate()
      },
    })
    if (left > 0) await to.append(from.read().pipeThrough(cut))
  } finally {
    await from.close()
    await to.close()
  }
}

async function discardStage(blobs: BlobStore, id: string): Promise<void> {
  const stage = await blobs.openStage(id)
  await stage.discard()
}

/** The session stays as it is; its offset is in `detail`, for the answer's `Range`. */
export function outOfOrder(offsetBytes: number, why: string): AppError {
  return new AppError('RANGE_INVALID', `${why}; the session holds ${offsetBytes} bytes`, { detail: { offsetBytes } })
}

export function movedElsewhere(row: UploadSessionRow): AppError {
  return outOfOrder(row.offset_bytes, 'another server is sending to this session')
}
