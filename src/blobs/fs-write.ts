/** How bytes get into the file of a stage: one write under way while the next chunk is awaited and hashed, and the disk kept busy. */
import type { open } from 'node:fs/promises'
import type { TakeRoom } from './room.ts'

export type StageFile = Awaited<ReturnType<typeof open>>

/**
 * So many bytes after the last time, the disk is told to write: with what is left at the end it is done soon. Most blobs are smaller,
 * and are made durable once.
 */
const FLUSH_EVERY_BYTES = 32 * 1024 * 1024

export interface StageWriter {
  /** Where the next chunk goes; what is before it may not be written yet. */
  readonly takenTo: number
  /** What is before this has been written, durably or not. */
  readonly writtenTo: number
  /** Begins to write a chunk, which nobody may change from now on. @throws AppError STORAGE_FULL; what went wrong with those before */
  write(chunk: Uint8Array): Promise<void>
  /** Waits for what is under way. What was written is not durable yet. @throws what went wrong */
  settle(): Promise<void>
}

/** @param from where the first chunk goes, in bytes */
export function createStageWriter(file: StageFile, from: number, takeRoom: TakeRoom): StageWriter {
  let takenTo = from
  let writtenTo = from
  let flushedTo = from
  let writing: Promise<void> | undefined
  let flushing: Promise<void> | undefined
  /** Kept: the system tells of bytes that it could not write only once. */
  let failed: { readonly error: unknown } | undefined
  const watched = (work: Promise<void>) =>
    work.catch((error) => {
      failed ??= { error }
    })

  async function written(): Promise<void> {
    await writing
    if (failed !== undefined) throw failed.error
  }

  function flush(): void {
    if (flushing !== undefined || writtenTo - flushedTo < FLUSH_EVERY_BYTES) return
    flushedTo = writtenTo
    flushing = watched(file.datasync()).finally(() => {
      flushing = undefined
    })
  }

  return {
    get takenTo() {
      return takenTo
    },
    get writtenTo() {
      return writtenTo
    },
    async write(chunk) {
      await written()
      await takeRoom(chunk.byteLength)
      flush()
      const at = takenTo
      takenTo += chunk.byteLength
      writing = watched(
        writeAll(file, chunk, at).then(() => {
          writtenTo = at + chunk.byteLength
        }),
      )
    },
    async settle() {
      await writing
      await flushing
      await written()
    },
  }
}

/** @param position in the file, in bytes */
export async function writeAll(file: StageFile, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done)
    done += bytesWritten
  }
}
