/** All that a repository has below some digests: what they name, what hangs on it at every level, and what it does not have. */
import { AppError, isAppError } from '../../errors.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { referencesOf } from '../../oci/manifest.ts'
import { isManifestType, isNonDistributable } from '../../oci/media-types.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'

export interface Collected {
  readonly manifests: ReadonlyMap<Digest, CollectedManifest>
  readonly blobs: ReadonlyMap<Digest, Descriptor>
  /** Named, and not there, as it may be: layers that need not be kept, parts of sparse indexes. */
  readonly absent: ReadonlySet<Digest>
}

export interface CollectedManifest {
  readonly descriptor: Descriptor
  readonly children: readonly Digest[]
  /** No tag leads there, only history does. */
  readonly isPast: boolean
  /** Of small ones, so that they need not be asked for again. */
  readonly bytes: Uint8Array | undefined
}

const AT_ONCE = 8
/** Together, in bytes; larger ones are read again when they are written. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024

type Due = { readonly digest: Digest; readonly why: 'tag' | 'history' | 'part' | 'referrer' }

/**
 * @param o.tags digests that have to be there @param o.history digests that may be gone
 * @throws AppError MANIFEST_UNKNOWN when something that has to be there is not, UPSTREAM_* as the reader
 */
export async function collectContent(
  reader: RepositoryReader,
  o: Abortable & { readonly tags: Iterable<Digest>; readonly history: Iterable<Digest> },
): Promise<Collected> {
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const manifests = new Map<Digest, CollectedManifest>()
  const blobs = new Map<Digest, Descriptor>()
  const absent = new Set<Digest>()
  const seen = new Set<Digest>()
  let keptBytes = 0
  let isPast = false

  async function visit({ digest, why }: Due, next: Due[]): Promise<void> {
    const found = await reader.readManifest({ digest }, abortable)
    if (found === undefined) {
      if (why === 'history') return
      if (why !== 'part') throw goneMeanwhile(digest)
      absent.add(digest)
      return
    }
    const { descriptor, bytes } = found
    const { config, layers, children } = referencesOf(bytes)
    const isKept = keptBytes + bytes.byteLength <= MAX_KEPT_BYTES
    if (isKept) keptBytes += bytes.byteLength
    const { mediaType, size } = descriptor
    manifests.set(digest, {
      descriptor: { mediaType, digest, size },
      children: children.map((child) => child.digest),
      isPast,
      bytes: isKept ? bytes : undefined,
    })
    for (const blob of config === undefined ? layers : [config, ...layers]) await noteBlob(blob)
    for (const child of children) {
      if (isManifestType(child.mediaType)) next.push({ digest: child.digest, why: 'part' })
      else await noteBlob(child)
    }
    const list = await reader.listReferrers(descriptor, abortable)
    if (list === 'unchanged') return
    for await (const item of list.items) next.push({ digest: item.digest, why: 'referrer' })
    const [lost] = list.leftOut ?? []
    if (lost !== undefined) throw new AppError(lost.code, `a referrer of ${digest} cannot be had: ${lost.message}`)
  }

  async function noteBlob({ mediaType, digest, size }: Descriptor): Promise<void> {
    if (blobs.has(digest) || absent.has(digest)) return
    const blob = { mediaType, digest, size }
    if (!isNonDistributable(mediaType) || (await isThere(blob))) blobs.set(digest, blob)
    else absent.add(digest)
  }

  async function isThere(blob: Descriptor): Promise<boolean> {
    try {
      const { stream } = await reader.openBlob(blob, { ...abortable, length: 1 })
      await stream.cancel()
      return true
    } catch (error) {
      if (isAppError(error, 'UPSTREAM_NOT_FOUND') || isAppError(error, 'BLOB_UNKNOWN')) return false
      throw error
    }
  }

  async function walk(digests: Iterable<Digest>, why: Due['why']): Promise<void> {
    let wave = [...digests].map((digest): Due => ({ digest, why }))
    while (wave.length > 0) {
      const next: Due[] = []
      const fresh = wave.filter(({ digest }) => !seen.has(digest) && seen.add(digest))
      await forEachConcurrent(fresh, AT_ONCE, (one) => visit(one, next))
      wave = next
    }
  }

  await walk(o.tags, 'tag')
  isPast = true
  await walk(o.history, 'history')
  return { manifests, blobs, absent }
}

function goneMeanwhile(digest: Digest): AppError {
  return new AppError('MANIFEST_UNKNOWN', `${digest} was there, and is not there any more: it was deleted meanwhile`)
}
