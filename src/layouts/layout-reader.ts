/** A layout as a repository that is read: its tags, and as referrers whatever in it names a subject. */
import { AppError, isAppError, messageOf } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, type ParsedManifest, parseManifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-types.ts'
import type { Tag } from '../oci/reference.ts'
import type { Manifest, ManifestKey, RepositoryReader } from '../oci/repository.ts'
import { blobPath, invalid, type LayoutFiles, readSmall } from './layout-files.ts'
import { EMPTY_INDEX, findLayoutIndex, type LayoutIndex } from './layout-index.ts'
import { scanLayout } from './layout-scan.ts'

export interface LayoutReader extends RepositoryReader {
  /** @throws AppError UPSTREAM_INVALID, UPSTREAM_NOT_FOUND when there is no layout */
  readIndex(): Promise<LayoutIndex>
}

/** Reads the layout as it is when it is first asked. @param o.mayBeAbsent one that is not there yet is an empty one */
export function createLayoutReader(
  files: LayoutFiles,
  { mayBeAbsent = false }: { readonly mayBeAbsent?: boolean } = {},
): LayoutReader {
  const types = new Map<Digest, string>()
  let index: Promise<LayoutIndex> | undefined
  let scanned: ReturnType<typeof scanLayout> | undefined

  async function readIndex(): Promise<LayoutIndex> {
    const found = await findLayoutIndex(files)
    if (found === undefined && !mayBeAbsent) {
      throw new AppError('UPSTREAM_NOT_FOUND', `${files.title}: there is no OCI image layout (no index.json)`)
    }
    const { entries } = found ?? EMPTY_INDEX
    for (const { descriptor } of entries) if (descriptor !== undefined) noteType(descriptor)
    return found ?? EMPTY_INDEX
  }
  const indexOnce = () => {
    index ??= readIndex()
    return index
  }

  /** A manifest that does not name its type has the one that whoever refers to it says. */
  function noteType({ digest, mediaType }: Descriptor): void {
    if (isManifestType(mediaType) && !types.has(digest)) types.set(digest, mediaType)
  }

  function parse(bytes: Uint8Array, { digest, mediaType }: ManifestKey): ParsedManifest {
    const algorithm = algorithmOf(digest)
    for (const said of [mediaType, types.get(digest)]) {
      if (said === undefined || !isManifestType(said)) continue
      try {
        return parseManifest(bytes, said, algorithm)
      } catch (error) {
        if (!isAppError(error)) throw error
      }
    }
    try {
      return parseManifest(bytes, undefined, algorithm)
    } catch (error) {
      if (!isAppError(error)) throw error
      const isSchema1 = (error.detail as { schemaVersion?: unknown } | undefined)?.schemaVersion === 1
      const code = isSchema1 ? 'UPSTREAM_UNSUPPORTED' : 'UPSTREAM_INVALID'
      throw new AppError(code, `${files.title}: ${digest}: ${messageOf(error)}`, { cause: error })
    }
  }

  async function readManifest(of: ManifestKey): Promise<Manifest | undefined> {
    await indexOnce()
    const bytes = await readSmall(files, blobPath(of.digest), MAX_MANIFEST_BYTES)
    if (bytes === undefined) return undefined
    const got = digestOf(bytes, algorithmOf(of.digest))
    if (got !== of.digest) throw invalid(files, `the bytes of ${of.digest} hash to ${got}`)
    if (of.size !== undefined && of.size !== bytes.byteLength) {
      throw invalid(files, `${of.digest} has ${bytes.byteLength} bytes, its descriptor says ${of.size}`)
    }
    const { descriptor, children } = parse(bytes, of)
    for (const child of children) noteType(child)
    const { mediaType } = descriptor
    return { descriptor: { mediaType, digest: of.digest, size: bytes.byteLength }, bytes }
  }

  async function find(tag: Tag): Promise<Descriptor | undefined> {
    const { tags, ambiguous } = await indexOnce()
    const several = ambiguous.get(tag)
    if (several !== undefined) throw invalid(files, `the tag ${tag} stands for several digests: ${several.join(', ')}`)
    return tags.get(tag)
  }

  return {
    readIndex: indexOnce,
    async *listTags() {
      const { tags, ambiguous } = await indexOnce()
      for (const tag of [...tags.keys(), ...ambiguous.keys()].sort()) yield { tag }
    },
    async resolve(reference, { isRead = false } = {}) {
      const named = reference.tag === undefined ? undefined : await find(reference.tag)
      const digest = reference.digest ?? named?.digest
      if (digest === undefined) return undefined
      if (!isRead && named !== undefined && isManifestType(named.mediaType)) {
        return { mediaType: named.mediaType, digest, size: named.size }
      }
      return (await readManifest({ digest }))?.descriptor
    },
    readManifest: (of) => readManifest(of),
    async openBlob(blob, o = {}) {
      const path = blobPath(blob.digest)
      const totalBytes = await files.findSize(path)
      if (totalBytes === undefined) throw new AppError('BLOB_UNKNOWN', `${files.title} has no blob ${blob.digest}`)
      const offset = Math.min(o.offset ?? 0, totalBytes)
      const length = Math.min(o.length ?? totalBytes, totalBytes - offset)
      return { stream: await files.open(path, { from: offset, to: offset + length }), offset, length, totalBytes }
    },
    async listReferrers(subject) {
      scanned ??= scanLayout(files.title, { index: await indexOnce(), readManifest })
      const items = (await scanned).get(subject.digest) ?? []
      return {
        isByApi: true,
        items: (async function* () {
          yield* items
        })(),
      }
    },
  }
}
