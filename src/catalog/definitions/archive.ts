/** Definitions out of a `.tar` or `.tar.gz`, read as it comes: only what is wanted is held, whatever else it unpacks to. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { extract } from 'tar-stream'
import { AppError, isAppError } from '../../errors.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { lazily } from '../../lib/lazily.ts'
import { createFileCollector, type DefinitionFiles } from './files.ts'

const tarStream = lazily(() => require('tar-stream') as typeof import('tar-stream'))

/** As it comes, and unpacked: the public catalog has 120 MB. */
export interface ArchiveLimits {
  readonly packedBytes: number
  readonly bytes: number
  readonly entries: number
}

const LIMITS: ArchiveLimits = {
  packedBytes: 256 * 1024 * 1024,
  bytes: 1024 * 1024 * 1024,
  entries: 200_000,
}

/**
 * Nothing is ever written to a disk: paths that lead elsewhere, links and devices are not wanted, and are skipped.
 * @param what names the archive in errors
 * @throws AppError UPSTREAM_INVALID when it is no archive or over a limit, CANCELLED
 */
export async function readArchive(
  body: ReadableStream<Uint8Array>,
  what: string,
  signal: AbortSignal,
  limits: ArchiveLimits = LIMITS,
): Promise<DefinitionFiles> {
  const collector = createFileCollector()
  const tar = tarStream().extract()
  const feeding = feed(unpacked(body, what, signal, limits), tar)
  // Whoever reads hears of it too, and tells it.
  feeding.catch(() => {})
  let entries = 0
  try {
    for await (const entry of tar) {
      if (++entries > limits.entries) throw invalid(`${what} has more than ${limits.entries} entries`)
      const { name, type, size = 0 } = entry.header
      const path = type === 'file' || type === 'contiguous-file' ? collector.wants(name, size) : undefined
      if (path === undefined) entry.resume()
      else {
        const parts: Uint8Array[] = []
        for await (const part of entry) parts.push(part as Uint8Array)
        collector.keep(path, Buffer.concat(parts))
      }
    }
    await feeding
  } catch (error) {
    tar.destroy()
    await body.cancel().catch(() => {})
    if (signal.aborted) throw cancelledBy(signal)
    throw isAppError(error) ? error : invalid(`${what} is no .tar or .tar.gz archive that can be read`, error)
  }
  return collector.done()
}

async function feed(chunks: AsyncIterable<Uint8Array>, tar: ReturnType<typeof extract>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (tar.destroyed) return
      if (!tar.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) {
        await new Promise<void>((resolve) => {
          const go = () => {
            tar.off('drain', go).off('close', go)
            resolve()
          }
          tar.on('drain', go).on('close', go)
        })
      }
    }
    tar.end(undefined)
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

async function* unpacked(
  body: ReadableStream<Uint8Array>,
  what: string,
  signal: AbortSignal,
  limits: ArchiveLimits,
): AsyncGenerator<Uint8Array> {
  let packed = 0
  const counted = async function* () {
    const reader = body.getReader()
    try {
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return
        packed += value.byteLength
        if (packed > limits.packedBytes) throw invalid(`${what} has more than ${limits.packedBytes} bytes`)
        if (signal.aborted) throw cancelledBy(signal)
        yield value
      }
    } finally {
      reader.releaseLock()
    }
  }
  const chunks = counted()
  const first = await chunks.next()
  if (first.done) throw invalid(`${what} is empty`)
  const all = async function* () {
    yield first.value
    yield* chunks
  }
  const isGzip = first.value[0] === 0x1f && first.value[1] === 0x8b
  const source = Readable.from(all(), { objectMode: false })
  const gunzip = isGzip ? createGunzip() : undefined
  if (gunzip !== undefined) {
    source.on('error', (error) => gunzip.destroy(error))
    source.pipe(gunzip)
  }
  let bytes = 0
  for await (const chunk of gunzip ?? source) {
    bytes += (chunk as Uint8Array).byteLength
    if (bytes > limits.bytes) throw invalid(`${what} unpacks to more than ${limits.bytes} bytes`)
    yield chunk as Uint8Array
  }
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError('UPSTREAM_INVALID', message, { cause })
}
