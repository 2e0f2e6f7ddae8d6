/** An attestation's document as people read it: whole where it is small, cut where it is not. Values only: whoever shows it decides how. */
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { parseForeignJson } from '../lib/json.ts'
import { clipped } from '../lib/quoted.ts'
import { formOf } from '../oci/attestation-types.ts'
import type { Digest } from '../oci/digest.ts'
import { encodedOf } from '../oci/digest.ts'
import type { AttachedDocument } from './attached.ts'
import type { Storage } from './read-document.ts'

/** Parsed in one go, which takes some milliseconds; SBOMs that are larger are told by their packages. */
export const MAX_READABLE_BYTES = 1024 * 1024
/** Of what is told: values, and characters of one text. */
const MAX_VALUES = 4000
const MAX_TEXT = 4000
const MAX_KEY = 300
const MAX_TOLD = 512 * 1024

export interface Readable extends AttachedDocument {
  /** How the statement is wrapped; undefined: it is none. */
  readonly form: string | undefined
  /** What the statement itself names; it may be another than its annotation does. */
  readonly saidType: string | undefined
  /** Digests that the statement is about. */
  readonly subjects: readonly string[]
  /** Whether one of them is the manifest that it hangs on; undefined: it names none. */
  readonly isAboutParent: boolean | undefined
  /** The predicate, or the whole document where it is no statement. */
  readonly value: unknown
  readonly isCut: boolean
  /** Why there is no value. */
  readonly problem: string | undefined
}

export async function readReadable(
  { db, blobs }: Storage,
  repositoryId: string,
  document: AttachedDocument,
  parent: Digest,
): Promise<Readable> {
  const form = formOf(document.mediaType)
  const base = { ...document, form, saidType: undefined, subjects: [], isAboutParent: undefined, isCut: false }
  const without = (problem: string): Readable => ({ ...base, value: null, problem })
  const row = await findRepositoryBlob(db.read, repositoryId, document.blob)
  if (row === undefined) return without('the document is not in the repository')
  if (row.size_bytes > MAX_READABLE_BYTES) {
    return without(`the document has ${row.size_bytes} bytes, at most ${MAX_READABLE_BYTES} are shown`)
  }
  const bytes = await new Response(await blobs.open(row.storage_key)).bytes()
  try {
    const whole = parseForeignJson(new TextDecoder().decode(bytes))
    const payload = form === 'envelope' ? payloadOf(whole) : undefined
    const statement = payload === undefined ? whole : parseForeignJson(payload)
    if (form === undefined || !isObject(statement)) return { ...base, ...cut(statement), problem: undefined }
    const subjects = subjectsOf(statement.subject)
    return {
      ...base,
      saidType: typeof statement.predicateType === 'string' ? clipped(statement.predicateType, MAX_KEY) : undefined,
      subjects,
      isAboutParent: subjects.length === 0 ? undefined : subjects.includes(encodedOf(parent)),
      ...cut('predicate' in statement ? statement.predicate : statement),
      problem: undefined,
    }
  } catch {
    return without('the document is not JSON that can be shown')
  }
}

/** Of a DSSE envelope, alone or in a Sigstore bundle; undefined: what is there is no envelope. */
function payloadOf(whole: unknown): string | undefined {
  const envelope = isObject(whole) && isObject(whole.dsseEnvelope) ? whole.dsseEnvelope : whole
  const payload = isObject(envelope) ? envelope.payload : undefined
  return typeof payload === 'string' ? Buffer.from(payload, 'base64').toString('utf8') : undefined
}

function subjectsOf(value: unknown): string[] {
  const all = Array.isArray(value) ? value.slice(0, 100) : []
  return all.flatMap((one) => {
    const digests = isObject(one) && isObject(one.digest) ? Object.values(one.digest) : []
    return digests.filter((digest) => typeof digest === 'string').map((digest) => clipped(digest, 200))
  })
}

/** As much of a value as people read. */
function cut(value: unknown): { readonly value: unknown; readonly isCut: boolean } {
  let [left, weight, isCut] = [MAX_VALUES, MAX_TOLD, false]
  const short = (text: string, length: number) => {
    if (text.length > length) isCut = true
    weight -= Math.min(text.length, length)
    return clipped(text, length)
  }
  const walk = (one: unknown): unknown => {
    left--
    if (typeof one === 'string') return short(one, MAX_TEXT)
    if (typeof one !== 'object' || one === null) return one
    const isOver = () => {
      if (left > 0 && weight > 0) return false
      isCut = true
      return true
    }
    if (Array.isArray(one)) {
      const items: unknown[] = []
      for (const item of one) {
        if (isOver()) break
        items.push(walk(item))
      }
      return items
    }
    const members: [string, unknown][] = []
    for (const [name, member] of Object.entries(one)) {
      if (isOver()) break
      members.push([short(name, MAX_KEY), walk(member)])
    }
    // A name such as `__proto__` is a name.
    return Object.fromEntries(members)
  }
  return { value: walk(value), isCut }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
