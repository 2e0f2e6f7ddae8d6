/** Whether a bundle is whole and is what it says: looked at before anything of it is published. */
import { type AppError, isAppError, messageOf } from '../../errors.ts'
import { blobPath, invalid, readSmall } from '../../layouts/layout-files.ts'
import { findLayoutIndex } from '../../layouts/layout-index.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { takeChunks } from '../../lib/chunks.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { algorithmOf, type Digest, digestFromHash, newHash } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES, type ParsedManifest, parseManifest } from '../../oci/manifest.ts'
import { isManifestType } from '../../oci/media-types.ts'
import { BUNDLE_PATH, type OpenedBundle } from './bundle-manifest.ts'

export interface VerifiedManifest {
  readonly descriptor: Descriptor
  readonly blobs: readonly Descriptor[]
  readonly children: readonly Digest[]
  readonly subject: Digest | undefined
}

export interface VerifiedBundle extends OpenedBundle {
  /** Those that it holds itself. */
  readonly manifests: ReadonlyMap<Digest, VerifiedManifest>
  readonly leftOut: ReadonlySet<Digest>
  readonly absent: ReadonlySet<Digest>
}

interface Options {
  readonly signal: AbortSignal
  /** So many bytes of content are verified, of so many. */
  onBytes?(done: number, total: number): void
}

/**
 * Reads all of it once: each file has the size and the digest that it is listed with, no other is there, each manifest is one, and
 * everything that it names is here, is left out, or is said to be absent.
 * @throws AppError UPSTREAM_INVALID with what was got and what was wanted, CANCELLED
 */
export async function verifyBundle(bundle: OpenedBundle, o: Options): Promise<VerifiedBundle> {
  const { files, manifest } = bundle
  const leftOut = new Set(manifest.leftOut as Digest[])
  const absent = new Set(manifest.absent as Digest[])
  const types = new Map(manifest.manifests.map(({ digest, mediaType }) => [digest as Digest, mediaType]))
  const sizes = new Map([...manifest.manifests, ...manifest.blobs].map(({ digest, size }) => [digest as Digest, size]))
  const here = [...sizes].filter(([digest]) => !leftOut.has(digest)).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [digest, size] of here) {
    const got = await files.findSize(blobPath(digest))
    if (got === undefined) throw invalid(files, `${blobPath(digest)} is missing, ${BUNDLE_PATH} lists it`)
    if (got !== size) throw invalid(files, `${blobPath(digest)} has ${got} bytes, ${BUNDLE_PATH} says ${size}`)
    if (types.has(digest) && size > MAX_MANIFEST_BYTES) {
      throw invalid(files, `the manifest ${digest} has ${size} bytes, want at most ${MAX_MANIFEST_BYTES}`)
    }
  }
  const listed = new Set(here.map(([digest]) => blobPath(digest)))
  const stranger = files.paths.find((path) => path.startsWith('blobs/') && !listed.has(path))
  if (stranger !== undefined) throw invalid(files, `holds ${stranger}, which ${BUNDLE_PATH} does not list`)

  const total = here.reduce((sum, [, size]) => sum + size, 0)
  let done = 0
  const manifests = new Map<Digest, VerifiedManifest>()
  for (const [digest, size] of here) {
    if (o.signal.aborted) throw cancelledBy(o.signal)
    await verifyDigestOf(bundle, digest, size, o.signal)
    const mediaType = types.get(digest)
    if (mediaType !== undefined) manifests.set(digest, await readOne(bundle, digest, mediaType))
    done += size
    o.onBytes?.(done, total)
  }
  for (const [digest, { blobs, children }] of manifests) {
    for (const { digest: part, size } of blobs) {
      const known = sizes.get(part)
      if (known === undefined && !absent.has(part)) throw incomplete(bundle, digest, part)
      if (known !== undefined && known !== size) {
        throw invalid(files, `${digest} says that ${part} has ${size} bytes, ${BUNDLE_PATH} says ${known}`)
      }
    }
    for (const part of children) if (!types.has(part) && !absent.has(part)) throw incomplete(bundle, digest, part)
  }
  await verifyIndex(bundle, leftOut)
  return { ...bundle, manifests, leftOut, absent }
}

function incomplete({ files }: OpenedBundle, digest: Digest, part: Digest): AppError {
  return invalid(files, `is incomplete: ${digest} names ${part}, which ${BUNDLE_PATH} does not list`)
}

async function verifyDigestOf(
  { files }: OpenedBundle,
  digest: Digest,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const path = blobPath(digest)
  const hash = newHash(algorithmOf(digest))
  const chunks = takeChunks(await files.open(path, { from: 0, to: size }))
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    if (signal.aborted) {
      await chunks.cancel()
      throw cancelledBy(signal)
    }
    hash.update(chunk)
  }
  const got = digestFromHash(algorithmOf(digest), hash)
  if (got !== digest) throw invalid(files, `the bytes of ${path} hash to ${got}, want ${digest}`)
}

async function readOne({ files }: OpenedBundle, digest: Digest, mediaType: string): Promise<VerifiedManifest> {
  const bytes = await readSmall(files, blobPath(digest), MAX_MANIFEST_BYTES)
  let parsed: ParsedManifest
  try {
    parsed = parseManifest(bytes ?? new Uint8Array(), mediaType, algorithmOf(digest))
  } catch (error) {
    if (!isAppError(error)) throw error
    throw invalid(files, `${digest} is no manifest of type ${mediaType}: ${messageOf(error)}`, error)
  }
  const { config, layers, children, subject } = parsed
  const named = config === undefined ? layers : [config, ...layers]
  return {
    descriptor: { mediaType, digest, size: parsed.descriptor.size },
    blobs: [...named, ...children.filter((child) => !isManifestType(child.mediaType))],
    children: children.filter((child) => isManifestType(child.mediaType)).map((child) => child.digest),
    subject: subject?.digest,
  }
}

/** What other programs read of it is the same as what we do. */
async function verifyIndex({ files, manifest }: OpenedBundle, leftOut: ReadonlySet<Digest>): Promise<void> {
  const index = await findLayoutIndex(files)
  const [ambiguous] = index?.ambiguous.keys() ?? []
  if (ambiguous !== undefined) throw invalid(files, `index.json has the tag ${ambiguous} with several digests`)
  const want = new Map(manifest.tags.map(({ tag, digest }) => [tag, digest as Digest]))
  for (const [tag, { digest }] of index?.tags ?? []) {
    const listed = want.get(tag)
    if (listed !== digest) {
      throw invalid(files, `index.json has ${tag} at ${digest}, ${BUNDLE_PATH} at ${listed ?? 'nothing'}`)
    }
  }
  for (const [tag, digest] of want) {
    if (leftOut.has(digest) || index?.tags.has(tag as never)) continue
    throw invalid(files, `index.json has no tag ${tag}, ${BUNDLE_PATH} has it at ${digest}`)
  }
}
