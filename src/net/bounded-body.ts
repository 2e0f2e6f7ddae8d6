import { AppError } from '../errors.ts'
import { takeChunks } from '../lib/chunks.ts'
import { brokenOff } from './connection-failure.ts'

/** What an operator gets to see of an answer that is an error, in bytes. */
const ERROR_EXCERPT_BYTES = 1024

interface Readable {
  readonly body: ReadableStream<Uint8Array>
}

/**
 * The whole body.
 * @param what names the body in the error, e.g. `registry.example: manifest of app:1`
 * @throws AppError UPSTREAM_INVALID once more than `limitBytes` have come; the rest is not read. UPSTREAM_UNAVAILABLE when it breaks off
 */
export async function readBytes(response: Readable, limitBytes: number, what: string): Promise<Uint8Array> {
  const { bytes, complete } = await readUpTo(response.body, limitBytes).catch((error) => {
    throw brokenOff(error, what)
  })
  if (complete) return bytes
  throw new AppError('UPSTREAM_INVALID', `${what} has more than ${limitBytes} bytes, want at most that`)
}

/** The body as text in UTF-8; malformed bytes become U+FFFD. @throws AppError UPSTREAM_INVALID over the limit */
export async function readText(response: Readable, limitBytes: number, what: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, limitBytes, what))
}

/** The first bytes of a body as text, 1 KiB unless told otherwise, and no more of it; a body that breaks off gives what came. */
export async function readExcerpt(response: Readable, limitBytes = ERROR_EXCERPT_BYTES): Promise<string> {
  try {
    const { bytes } = await readUpTo(response.body, limitBytes)
    return new TextDecoder().decode(bytes)
  } catch {
    return ''
  }
}

/** Gives the connection back without reading the body. */
export async function discard(response: Readable): Promise<void> {
  await response.body.cancel().catch(() => {})
}

async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  limitBytes: number,
): Promise<{ bytes: Uint8Array; complete: boolean }> {
  const read: Uint8Array[] = []
  let size = 0
  const chunks = takeChunks(stream)
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    const room = limitBytes - size
    read.push(chunk.byteLength > room ? chunk.subarray(0, room) : chunk)
    size += Math.min(chunk.byteLength, room)
    if (chunk.byteLength > room) {
      await chunks.cancel().catch(() => {})
      return { bytes: Buffer.concat(read), complete: false }
    }
  }
  return { bytes: Buffer.concat(read), complete: true }
}
