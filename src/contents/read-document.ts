/** Reads one attestation in the memory of its largest entry, however large it is; a DSSE envelope in that of itself. */
import type { BlobStore } from '../blobs/blob-store.ts'
import { findRepositoryBlob } from '../db/content/blobs.ts'
import type { Queries } from '../db/engine/engine.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { readJsonItems } from '../net/json-items.ts'
import { encodedOf } from '../oci/digest.ts'
import { type Document, kindOfPredicate } from './documents.ts'

/** SBOMs of whole distributions have some tens of MiB. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
/** These are held in memory, and once more as what they wrap. */
export const MAX_ENVELOPE_BYTES = 32 * 1024 * 1024
const STEP_BYTES = 64 * 1024

export interface Storage {
  readonly db: { readonly read: Queries }
  readonly blobs: Pick<BlobStore, 'open'>
}

export interface DocumentItems {
  /** Below the document itself, e.g. `packages.*`: what wraps it is added. */
  readonly paths: readonly string[]
  /** @param keys below the document itself */
  onItem(value: unknown, keys: readonly (string | number)[]): void
}

/**
 * @returns whether the document is what it was found as: about its image, and of its kind. What was handed out before counts only then
 * @throws AppError SIZE_INVALID over the limit, UPSTREAM_INVALID when it is no JSON, BLOB_UNKNOWN, CANCELLED
 */
export async function readDocument(
  { db, blobs }: Storage,
  repositoryId: string,
  document: Document,
  items: DocumentItems,
  signal: AbortSignal,
): Promise<boolean> {
  const row = await findRepositoryBlob(db.read, repositoryId, document.blob)
  if (row === undefined) throw new AppError('BLOB_UNKNOWN', `${document.blob} is not in the repository`)
  const limit = document.form === 'envelope' ? MAX_ENVELOPE_BYTES : MAX_DOCUMENT_BYTES
  if (row.size_bytes > limit) {
    const why = `the attestation ${document.blob} has ${row.size_bytes} bytes, at most ${limit} are read`
    throw new AppError('SIZE_INVALID', why)
  }
  const stored = await blobs.open(row.storage_key)
  const body = document.form === 'envelope' ? payloadOf(await bytesOf(stored, signal), document) : stored
  const isBare = document.form === 'bare'
  const prefix = isBare ? '$' : '$.predicate'
  const subjects: unknown[] = []
  const fields = await readJsonItems(
    { body },
    {
      fields: ['predicateType'],
      paths: [...items.paths.map((path) => `${prefix}.${path}`), ...(isBare ? [] : ['$.subject.*'])],
      onItem(value, keys) {
        if (!isBare && keys[0] === 'subject') {
          if (subjects.length < 100) subjects.push(value)
        } else items.onItem(value, isBare ? keys : keys.slice(1))
      },
      onBytes() {
        if (signal.aborted) throw cancelledBy(signal)
      },
      what: `attestation ${document.blob}`,
    },
  )
  if (isBare) return true
  const said = fields.get('predicateType')?.value
  return (
    kindOfPredicate(typeof said === 'string' ? said : undefined) === document.kind && subjects.some(isAbout(document))
  )
}

function isAbout({ subject }: Document) {
  const hex = encodedOf(subject)
  return (one: unknown): boolean => {
    const digest = (one as { digest?: Record<string, unknown> } | null)?.digest
    return typeof digest === 'object' && digest !== null && Object.values(digest).includes(hex)
  }
}

async function bytesOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) {
    if (signal.aborted) throw cancelledBy(signal)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * What a DSSE envelope wraps, decoded piece by piece. Its one long text is looked for by its name, since a parser would hold it once more:
 * base64 has no escapes but `\/`, and the name stands nowhere else in an envelope or a bundle.
 */
function payloadOf(envelope: Buffer, { blob }: Document): ReadableStream<Uint8Array> {
  const name = envelope.indexOf('"payload"')
  const start = /^"payload"\s*:\s*"/.exec(envelope.toString('latin1', Math.max(0, name), name + 64))
  const from = name === -1 || start === null ? -1 : name + start[0].length
  const to = from === -1 ? -1 : envelope.indexOf(0x22, from)
  if (to === -1) throw new AppError('UPSTREAM_INVALID', `attestation ${blob} has no payload, want a DSSE envelope`)
  let offset = from
  let rest = ''
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= to) {
        if (rest !== '') controller.enqueue(Buffer.from(rest, 'base64'))
        controller.close()
        return
      }
      const end = Math.min(to, offset + STEP_BYTES)
      const text = rest + envelope.toString('latin1', offset, end).replaceAll('\\', '')
      // Four characters stand for three bytes.
      const whole = text.length - (text.length % 4)
      rest = text.slice(whole)
      offset = end
      controller.enqueue(Buffer.from(text.slice(0, whole), 'base64'))
    },
  })
}
