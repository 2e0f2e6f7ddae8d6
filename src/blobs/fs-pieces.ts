/** The map of a stage that comes in pieces, as a file of records beside it. */
import { existsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isNoEntry } from '../lib/no-entry.ts'
import type { ByteRange } from '../oci/repository.ts'
import { formatPiece, parsePieces, withPiece } from './piece-map.ts'

export interface PieceFile {
  readonly ranges: readonly ByteRange[]
  /** Says durably that these bytes are there: they are durable themselves. */
  readonly record: (piece: ByteRange) => Promise<void>
  close(): Promise<void>
  remove(): Promise<void>
}

/** Beside the stage. */
export const piecesPath = (stagePath: string) => `${stagePath}.pieces`

/** The map of a stage with a file of this size; undefined when it does not come in pieces. */
export async function openPieces(stagePath: string, fileBytes: number): Promise<PieceFile | undefined> {
  // Few stages come in pieces, and to be told so by an error takes ten times as long.
  if (!existsSync(piecesPath(stagePath))) return undefined
  const file = await open(piecesPath(stagePath), 'r+').catch((error) => {
    if (isNoEntry(error)) return undefined
    throw error
  })
  if (file === undefined) return undefined
  const text = await file.readFile('utf8')
  return pieceFile(stagePath, file, parsePieces(text, fileBytes), text.lastIndexOf('\n') + 1)
}

/** From now on the stage comes in pieces; its first `fileBytes` are there. Durable before any of them is written. */
export async function startPieces(stagePath: string, fileBytes: number): Promise<PieceFile> {
  const file = await open(piecesPath(stagePath), 'w+', 0o600)
  const map = pieceFile(stagePath, file, [], 0)
  await map.record({ from: 0, to: fileBytes })
  const directory = await open(dirname(stagePath), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  return map
}

type File = Awaited<ReturnType<typeof open>>

/** @param end of the last whole record: what a torn one left is written over */
function pieceFile(stagePath: string, file: File, found: ByteRange[], end: number): PieceFile {
  let ranges = found
  let position = end
  let last: Promise<unknown> = Promise.resolve()
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await last.catch(() => {})
    await file.close()
  }
  return {
    get ranges() {
      return ranges
    },
    record(piece) {
      const work = last
        .catch(() => {})
        .then(async () => {
          const bytes = Buffer.from(formatPiece(piece))
          await file.write(bytes, 0, bytes.byteLength, position)
          await file.datasync()
          position += bytes.byteLength
          ranges = withPiece(ranges, piece)
        })
      last = work
      return work
    },
    close,
    async remove() {
      await close()
      await rm(piecesPath(stagePath), { force: true })
    },
  }
}
