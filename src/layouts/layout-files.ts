/** The files of an OCI image layout (image-spec image-layout.md), whatever holds them. */
import type { FileHandle } from 'node:fs/promises'
import type { z } from 'zod'
import { AppError } from '../errors.ts'
import { streamOf } from '../lib/chunks.ts'
import { parseForeignJson } from '../lib/json.ts'
import { quoted } from '../lib/quoted.ts'
import { algorithmOf, type Digest, encodedOf } from '../oci/digest.ts'

/** Paths are those of `INDEX_PATH`, `LAYOUT_PATH` and `blobPath`, never what somebody else has written. */
export interface LayoutFiles {
  /** Names it in errors: `oci:FOLDER` or `tar:FILE`. */
  readonly title: string
  /** In bytes; undefined: there is no such file. @throws AppError UPSTREAM_INVALID for a link, a device, a directory in its place */
  findSize(path: string): Promise<number | undefined>
  /** Bytes of a file, `to` exclusive; reads no further ahead than its reader. @throws as `findSize` */
  open(path: string, range: { readonly from: number; readonly to: number }): Promise<ReadableStream<Uint8Array>>
  close(): Promise<void>
}

export const INDEX_PATH = 'index.json'
export const LAYOUT_PATH = 'oci-layout'
export const LAYOUT_TEXT = '{"imageLayoutVersion":"1.0.0"}'

const CHUNK_BYTES = 256 * 1024

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`
}

/**
 * A whole small file; undefined: there is none.
 * @throws AppError UPSTREAM_INVALID for more than `maxBytes`, and what `LayoutFiles` throws
 */
export async function readSmall(files: LayoutFiles, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const size = await files.findSize(path)
  if (size === undefined) return undefined
  if (size > maxBytes) throw invalid(files, `${path} has ${size} bytes, want at most ${maxBytes}`)
  return await new Response(await files.open(path, { from: 0, to: size })).bytes()
}

/** @param end called when the stream is over, however it ends */
export function streamOfHandle(
  handle: FileHandle,
  range: { readonly from: number; readonly to: number },
  o: { readonly what: string; readonly end: () => Promise<void> },
): ReadableStream<Uint8Array> {
  let at = range.from
  return streamOf({
    async next() {
      try {
        if (at >= range.to) {
          await o.end()
          return undefined
        }
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, range.to - at))
        const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, at)
        if (bytesRead === 0) throw new AppError('UPSTREAM_INVALID', `${o.what} ended at byte ${at}, want ${range.to}`)
        at += bytesRead
        return chunk.subarray(0, bytesRead)
      } catch (error) {
        await o.end()
        throw error
      }
    },
    cancel: () => o.end(),
  })
}

export function invalid(files: Pick<LayoutFiles, 'title'>, problem: string, cause?: unknown): AppError {
  return new AppError('UPSTREAM_INVALID', `${files.title}: ${problem}`, cause === undefined ? {} : { cause })
}

/**
 * A document of ours among the files, of a schema that says its version.
 * @throws AppError UPSTREAM_INVALID: where, got and want
 */
export function parseDocument<T>(
  files: Pick<LayoutFiles, 'title'>,
  path: string,
  bytes: Uint8Array,
  schema: z.ZodType<T>,
): T {
  let value: unknown
  try {
    value = parseForeignJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid(files, `${path} is not JSON in UTF-8`, error)
  }
  const version = Object(value).schemaVersion
  if (typeof version === 'number' && version > 1) {
    throw invalid(files, `${path} is of schema version ${version}, want 1: a newer Kagami has made it`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.join('.') || 'the document'
  throw invalid(files, `${path}: ${quoted(where, 200)}: ${issue?.message ?? 'is of another shape'}`)
}
