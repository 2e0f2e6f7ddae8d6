import { AppError, isAppError, messageOf } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { brokenOff } from '../net/connection-failure.ts'
import { type JsonField, readJsonItems } from '../net/json-items.ts'
import { peekBody } from '../net/peek-body.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { findDigest } from '../oci/digest.ts'
import { parseDescriptor } from '../oci/manifest.ts'
import { bareMediaType, isManifestType, MediaType } from '../oci/media-types.ts'
import type { LeftOut } from '../oci/repository.ts'
import type { ListingMeter } from './pages.ts'

/** Named in a run's failures, where a few say as much as thousands. */
const MAX_LEFT_OUT = 100

/** The entries of an index of referrers. */
export interface ReferrersIndex {
  readonly items: readonly Descriptor[]
  /** How many there were, with those that are no descriptors. */
  readonly entries: number
}

export interface IndexOptions {
  /** As the answer's header has it; '' for none. */
  readonly contentType: string
  /** A Content-Encoding that was not asked for: when the body is no JSON, it may be an index all the same. */
  readonly isEncoded?: boolean
  /** The registry has given an index before: a web page in its place says nothing about this subject. */
  readonly isExpected?: boolean
  readonly meter: ListingMeter
  /** Takes what is listed and is no descriptor. */
  leaveOut(item: LeftOut): void
  /** Names the body in errors. */
  readonly what: string
}

/**
 * The body tells whether it is an index of referrers, whatever its Content-Type says (Harbor 2.8 to 2.10 says `application/json`):
 * an object that is typed as one, or lists `manifests`, and is nothing else. `manifests` may be null or absent, as Go writes and reads
 * an empty one.
 * @returns undefined when the body neither is an index nor was announced as one: a web page, a text, nothing
 * @throws AppError UPSTREAM_INVALID for what was announced as an index and is none, for an error in the place of an index, and for JSON
 *   that breaks a rule of `readJsonItems`; UPSTREAM_UNAVAILABLE when the body breaks off
 */
export async function readReferrersIndex(
  response: { readonly body: ReadableStream<Uint8Array> },
  o: IndexOptions,
): Promise<ReferrersIndex | undefined> {
  const type = bareMediaType(o.contentType)
  const isAnnounced = type === MediaType.ociIndex
  const { first, body } = await peekBody(response).catch((error) => {
    throw brokenOff(error, o.what)
  })
  const none = async (got: string, isExpected = false) => {
    await body.cancel().catch(() => {})
    if (isAnnounced || o.isEncoded || isExpected)
      throw new AppError('UPSTREAM_INVALID', `${o.what} is ${got}, want an OCI index`)
    return undefined
  }
  if (first === undefined) return none('empty')
  if (first !== '{') return none(`something that begins with ${JSON.stringify(first)}`, o.isExpected)

  const items: Descriptor[] = []
  const codes: unknown[] = []
  let entries = 0
  o.meter.page()
  const fields = await readJsonItems(
    { body },
    {
      fields: ['schemaVersion', 'mediaType', 'manifests', ...FOREIGN_FIELDS],
      paths: ['$.manifests.*', '$.errors.*.code'],
      onItem(value, [field]) {
        o.meter.entry()
        if (field === 'errors') {
          codes.push(value)
          return
        }
        const item = entryOf(value, entries++)
        if ('message' in item) o.leaveOut(item)
        else items.push(item)
      },
      onBytes: o.meter.bytes,
      what: o.what,
    },
  )
  if (isIndex(fields, isAnnounced)) return { items, entries }
  // An error that came with 200 says nothing about referrers, unless it says that it knows no such thing.
  const isError = fields.has('errors') && !(codes.length > 0 && codes.every((code) => code === 'UNSUPPORTED'))
  if (isAnnounced || isError || fields.has('manifests')) {
    const told = isError ? `the error ${quoted(String(codes[0] ?? 'without a code'), 80)}` : 'another JSON object'
    throw new AppError('UPSTREAM_INVALID', `${o.what} is ${told}, want an OCI index`)
  }
  return undefined
}

/** What a manifest, an index of another kind or an error has, and an OCI index has not. */
const FOREIGN_FIELDS = ['config', 'layers', 'fsLayers', 'errors'] as const

function isIndex(fields: ReadonlyMap<string, JsonField>, isAnnounced: boolean): boolean {
  const plain = (name: string) => fields.get(name)?.value ?? undefined
  const manifests = fields.get('manifests')?.kind
  if (FOREIGN_FIELDS.some((name) => fields.has(name))) return false
  if (manifests !== undefined && manifests !== 'array' && manifests !== 'null') return false
  const mediaType = plain('mediaType') === '' ? undefined : plain('mediaType')
  if (mediaType !== undefined && mediaType !== MediaType.ociIndex) return false
  const version = plain('schemaVersion')
  if (version !== undefined && version !== 2) return false
  if (mediaType !== undefined || manifests === 'array') return true
  return isAnnounced ? version === 2 || manifests === 'null' : version === 2 && manifests === 'null'
}

/**
 * An entry counts by its digest. What else it says is a hint, and none where it cannot be read: the manifest says it better, and no image
 * is to be lost for it.
 */
function entryOf(value: unknown, position: number): Descriptor | LeftOut {
  const field = `manifests[${position}]`
  try {
    return parseDescriptor(value, field)
  } catch (error) {
    if (!isAppError(error)) throw error
    const { mediaType, digest, size } = (typeof value === 'object' && value !== null ? value : {}) as Json
    const found = typeof digest === 'string' ? findDigest(digest) : undefined
    const message = `its entry cannot be read: ${messageOf(error)}`
    if (found === undefined) return { digest: undefined, code: error.code, message }
    return {
      mediaType: typeof mediaType === 'string' && isManifestType(mediaType) ? mediaType : MediaType.octetStream,
      digest: found,
      size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0,
    }
  }
}

type Json = Readonly<Record<string, unknown>>

/** A list of what was left out that stays short. */
export function createLeftOut(): { readonly all: readonly LeftOut[]; leaveOut(item: LeftOut): void } {
  const all: LeftOut[] = []
  return { all, leaveOut: (item) => void (all.length < MAX_LEFT_OUT && all.push(item)) }
}
