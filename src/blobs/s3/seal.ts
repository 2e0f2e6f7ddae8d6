/** How a stage becomes an object: one PUT where it is small, else at the server, without its bytes passing through here. */
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { unavailable } from './failure.ts'
import { PART_BYTES, partEnd } from './memory.ts'
import type { S3Objects, Upload } from './objects.ts'
import { type Part, type Segment, segmentsOf } from './parts.ts'

/** An object of one part is copied whole up to this; S3's own limit is 5 GiB. */
const MAX_COPY_BYTES = 4 * 1024 ** 3
/** Parts under way at once, of which each may be in memory. */
const PARTS_AT_ONCE = 4

export interface Unsealed {
  readonly parts: readonly Part[]
  /** Bytes behind those of the parts that are in memory alone. */
  readonly tail: Uint8Array
  readonly sizeBytes: number
}

/** @throws AppError STORAGE_UNAVAILABLE; nothing is left under the key then, but perhaps an object that nothing refers to */
export async function sealAs(objects: S3Objects, key: string, { parts, tail, sizeBytes }: Unsealed): Promise<void> {
  const stored = sizeBytes - tail.byteLength
  const segments = segmentsOf(parts, stored)
  if ((segments.at(-1)?.to ?? 0) !== stored) throw unavailable('parts of the stage are missing')
  const read = (from: number, to: number) => readSegments(objects, { segments, tail, stored }, { from, to })
  const [only] = segments
  if (sizeBytes <= PART_BYTES && (segments.length !== 1 || tail.byteLength > 0))
    return objects.put(key, await read(0, sizeBytes))
  if (
    segments.length === 1 &&
    only !== undefined &&
    isWhole(only) &&
    stored === sizeBytes &&
    sizeBytes <= MAX_COPY_BYTES
  ) {
    await objects.copy(only.part.key, key)
  } else {
    await sealInParts(objects, key, { segments, sizeBytes, read })
  }
  const got = await objects.sizeOf(key)
  if (got === sizeBytes) return
  throw unavailable(`the blob store made ${got ?? 'nothing'} of ${sizeBytes} bytes under ${key}`)
}

const isWhole = ({ part, from, to }: Segment) => part.from === from && part.to === to

interface Sealing {
  readonly segments: readonly Segment[]
  readonly sizeBytes: number
  readonly read: (from: number, to: number) => Promise<Uint8Array>
}

/** Some servers want all parts but the last to be of one size: they are cut at the places where stages cut theirs. */
async function sealInParts(objects: S3Objects, key: string, { segments, sizeBytes, read }: Sealing): Promise<void> {
  const { multipart } = objects
  const upload: Upload = { key, id: await multipart.begin(key) }
  const places: { from: number; to: number }[] = []
  for (let from = 0; from < sizeBytes; from = partEnd(from))
    places.push({ from, to: Math.min(partEnd(from), sizeBytes) })
  const whole = new Map(segments.filter(isWhole).map((segment) => [segment.from, segment]))
  const etags: string[] = []
  try {
    await forEachConcurrent(places.entries(), PARTS_AT_ONCE, async ([n, { from, to }]) => {
      const one = whole.get(from)
      const copied = one?.to === to ? await multipart.copy(upload, n + 1, one.part.key) : undefined
      etags[n] = copied ?? (await multipart.put(upload, n + 1, await read(from, to)))
    })
    await multipart.complete(upload, etags)
  } catch (error) {
    // What this does not reach is found among the uploads that nobody finished.
    await multipart.abort(upload).catch(() => {})
    throw error
  }
}

async function readSegments(
  objects: S3Objects,
  {
    segments,
    tail,
    stored,
  }: { readonly segments: readonly Segment[]; readonly tail: Uint8Array; readonly stored: number },
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from)
  for (const segment of segments) {
    const [start, end] = [Math.max(from, segment.from), Math.min(to, segment.to)]
    if (start >= end) continue
    const { part } = segment
    const got = await objects.get(part.key, { from: start - part.from, to: end - part.from })
    if (got === undefined) throw unavailable(`the part ${part.key} of the stage is gone`)
    bytes.set(got, start - from)
  }
  if (to > stored) bytes.set(tail.subarray(Math.max(0, from - stored), to - stored), Math.max(stored, from) - from)
  return bytes
}
