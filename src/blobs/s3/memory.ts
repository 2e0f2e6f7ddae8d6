/** Bytes on their way to S3: a stage holds at most one part of them, and all stages of a process together little more than a quarter of a gigabyte. */

export const PART_BYTES = 8 * 1024 * 1024
/** S3 takes 10,000 parts an object: beyond 16 GiB they are larger, which is enough for 270 GiB. */
const LARGE_PART_BYTES = 4 * PART_BYTES
const LARGE_FROM = 16 * 1024 ** 3

const FIRST_BYTES = 64 * 1024
const MAX_HELD_BYTES = 256 * 1024 * 1024
/** Where many stages hold bytes, each gives up its own in portions of this. */
const LEAST_PART_BYTES = 256 * 1024

let heldBytes = 0

/** Where the part that byte `at` belongs to ends: parts of all stages begin and end at the same places. */
export function partEnd(at: number): number {
  const size = at < LARGE_FROM ? PART_BYTES : LARGE_PART_BYTES
  return (Math.floor(at / size) + 1) * size
}

export interface PartBuffer {
  readonly from: number
  readonly to: number
  /** Takes what fits. @returns how many bytes it took; the caller sends the part when that is not all, or `isFull` */
  take(chunk: Uint8Array): number
  readonly isFull: boolean
  /** Valid until `clear`. */
  readonly bytes: Uint8Array
  /** Begins anew behind what was there, or elsewhere. */
  clear(from?: number): void
  /** Gives up its memory; it can be used again. */
  release(): void
}

/** @param start the place of its first byte in the stage */
export function createPartBuffer(start: number): PartBuffer {
  let from = start
  let length = 0
  let buffer = new Uint8Array()
  const resize = (size: number) => {
    heldBytes += size - buffer.byteLength
    const larger = new Uint8Array(size)
    larger.set(buffer.subarray(0, length))
    buffer = larger
  }
  return {
    get from() {
      return from
    },
    get to() {
      return from + length
    },
    get isFull() {
      return from + length === partEnd(from) || (heldBytes > MAX_HELD_BYTES && length >= LEAST_PART_BYTES)
    },
    get bytes() {
      return buffer.subarray(0, length)
    },
    take(chunk) {
      const room = partEnd(from) - from
      const taken = Math.min(chunk.byteLength, room - length)
      if (length + taken > buffer.byteLength) {
        resize(Math.min(room, Math.max(FIRST_BYTES, 2 * buffer.byteLength, length + taken)))
      }
      buffer.set(chunk.subarray(0, taken), length)
      length += taken
      return taken
    },
    clear(at = from + length) {
      from = at
      length = 0
      // Otherwise it would hold on to the most that it ever had.
      if (heldBytes > MAX_HELD_BYTES) this.release()
    },
    release() {
      heldBytes -= buffer.byteLength
      buffer = new Uint8Array()
      length = 0
    },
  }
}
