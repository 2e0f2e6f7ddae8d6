/** Where in a tar archive the files of a layout are: its headers are read one after the other, what is between them is skipped. */
import type { FileHandle } from 'node:fs/promises'
import type { Header } from 'tar-stream'
import { messageOf } from '../errors.ts'
import { lazily } from '../lib/lazily.ts'
import { quoted } from '../lib/quoted.ts'
import { createTurns } from '../lib/turns.ts'
import { INDEX_PATH, invalid, LAYOUT_PATH } from './layout-files.ts'

export const tarStream = lazily(() => require('tar-stream') as typeof import('tar-stream'))

export interface TarEntry {
  /** Of its first byte in the archive. */
  readonly offset: number
  readonly size: number
}

const BLOCK_BYTES = 512
/** What is read at once where a header is longer than one block. */
const STEP_BYTES = 16 * 1024
/** Of extended headers; real ones have some hundred bytes. */
const MAX_HEADER_BYTES = 256 * 1024
/** The largest repositories have tens of thousands of blobs. */
const MAX_ENTRIES = 1_000_000
const LAYOUT_FILE = /^blobs\/sha(?:256|512)\/[a-f0-9]+$/

/**
 * The layout's own files, by path, and those that are asked for beside them; others are left alone. Whatever could lead elsewhere, or mean two things, makes the whole archive invalid.
 * @throws AppError UPSTREAM_INVALID: no tar archive, cut off, a path that leads out, a link or device, a file twice, too many entries
 */
export async function readTarEntries(
  handle: FileHandle,
  title: string,
  isWanted: (path: string) => boolean = () => false,
): Promise<ReadonlyMap<string, TarEntry>> {
  const { size: archiveBytes } = await handle.stat()
  const entries = new Map<string, TarEntry>()
  const turns = createTurns()
  let count = 0
  let at = 0
  let isEnded = false
  refuseCompressed(await readAt(handle, 0, BLOCK_BYTES), title)
  while (at + BLOCK_BYTES <= archiveBytes) {
    const block = await readAt(handle, at, BLOCK_BYTES)
    if (block.every((byte) => byte === 0)) {
      isEnded = true
      break
    }
    if (++count > MAX_ENTRIES) throw invalid({ title }, `has more than ${MAX_ENTRIES} entries`)
    const { header, length } = await readHeader(handle, block, at, title)
    const offset = at + length
    const path = pathOf(header, title)
    if (offset + header.size > archiveBytes) {
      throw invalid({ title }, `is cut off: ${quoted(header.name, 200)} goes beyond its ${archiveBytes} bytes`)
    }
    if (path === INDEX_PATH || path === LAYOUT_PATH || LAYOUT_FILE.test(path) || isWanted(path)) {
      if (entries.has(path)) throw invalid({ title }, `has ${path} twice, want each file once`)
      if (header.type !== 'directory') entries.set(path, { offset, size: header.size })
    }
    at = offset + Math.ceil((header.type === 'directory' ? 0 : header.size) / BLOCK_BYTES) * BLOCK_BYTES
    await turns()
  }
  if (archiveBytes < BLOCK_BYTES) throw invalid({ title }, `has ${archiveBytes} bytes, which is no tar archive`)
  if (!isEnded) throw invalid({ title }, 'is cut off: it has no end mark')
  return entries
}

/** By the library that reads archives, which is given the header and none of the file. */
async function readHeader(
  handle: FileHandle,
  block: Uint8Array,
  at: number,
  title: string,
): Promise<{ readonly header: Header; readonly length: number }> {
  const tar = tarStream().extract()
  let found: (Header & { readonly byteOffset: number }) | undefined
  let failed: Error | undefined
  tar.on('entry', (header, stream) => {
    stream.on('error', () => {})
    found ??= header as Header & { readonly byteOffset: number }
  })
  tar.on('error', (error) => {
    failed ??= error
  })
  try {
    let fed = 0
    for (let bytes = block; ; bytes = await readAt(handle, at + fed, STEP_BYTES)) {
      fed += bytes.byteLength
      tar.write(bytes)
      // It parses between two turns.
      await new Promise((resolve) => setImmediate(resolve))
      if (failed !== undefined) throw failed
      if (found !== undefined) return { header: found, length: found.byteOffset }
      if (bytes.byteLength === 0) throw new Error('it is cut off within a header')
      if (fed > MAX_HEADER_BYTES) throw new Error(`a header is longer than ${MAX_HEADER_BYTES} bytes`)
    }
  } catch (error) {
    const where = at === 0 ? 'is no tar archive' : `has no readable header at byte ${at}`
    throw invalid({ title }, `${where}: ${messageOf(error)}`, error)
  } finally {
    tar.destroy()
  }
}

/** @throws AppError UPSTREAM_INVALID for what is neither a file nor a directory inside the archive */
function pathOf(header: Header, title: string): string {
  const shown = quoted(header.name, 200)
  const parts = header.name.split('/').filter((part) => part !== '' && part !== '.')
  if (header.name.startsWith('/') || parts.includes('..') || /[\0\\]/.test(header.name)) {
    throw invalid({ title }, `the path ${shown} leads out of the archive`)
  }
  const { type, pax } = header
  const isSparse = Object.keys((pax ?? {}) as object).some((key) => key.startsWith('GNU.sparse'))
  const isPlain = type === 'file' || type === 'contiguous-file' || type === 'directory'
  if (!isPlain || isSparse) {
    throw invalid(
      { title },
      `${shown} is ${isSparse ? 'a sparse file' : `of type ${type ?? 'unknown'}`}, want files and directories`,
    )
  }
  if (!Number.isSafeInteger(header.size)) throw invalid({ title }, `${shown} has no size that can be`)
  return parts.join('/')
}

const COMPRESSED: readonly (readonly [name: string, unpack: string, start: readonly number[]])[] = [
  ['gzip', 'gunzip', [0x1f, 0x8b]],
  ['zstd', 'unzstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', 'unxz', [0xfd, 0x37, 0x7a, 0x58]],
  ['bzip2', 'bunzip2', [0x42, 0x5a, 0x68]],
]

function refuseCompressed(block: Uint8Array, title: string): void {
  const found = COMPRESSED.find(([, , start]) => start.every((byte, i) => block[i] === byte))
  if (found === undefined) return
  throw invalid({ title }, `is compressed by ${found[0]}, want a plain tar archive: unpack it first by ${found[1]}`)
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
