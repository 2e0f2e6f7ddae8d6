/** Writes a bundle: a repository with all that its tags and their history name, as an OCI image layout in an archive. */
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { blobPath, INDEX_PATH, LAYOUT_PATH, LAYOUT_TEXT, type LayoutFiles } from '../../layouts/layout-files.ts'
import { REF_NAME } from '../../layouts/layout-index.ts'
import { releaseWithFile, tryLock } from '../../layouts/layout-lock.ts'
import { packTar } from '../../layouts/tar-pack.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { type Digest, digestOf } from '../../oci/digest.ts'
import { MediaType } from '../../oci/media-types.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'
import { BUNDLE_PATH, type BundleManifest, type BundleMove, emptyBundle, type OpenedBundle } from './bundle-manifest.ts'
import { type Collected, collectContent } from './collect.ts'
import { openSteadyBlob } from './steady-blob.ts'

export interface ExportRequest {
  readonly reader: RepositoryReader
  readonly repository: BundleManifest['repository']
  /** Read before `history`: what moved in between is in both, and the history says it last. */
  readonly tags: readonly { readonly tag: string; readonly digest: string }[]
  /** Oldest first. */
  readonly history: readonly BundleMove[]
  readonly file: string
  readonly since: Pick<OpenedBundle, 'manifest' | 'digest'> | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** So many bytes of content are written, of so many. */
  onBytes?(done: number, total: number): void
}

export interface ExportReport {
  readonly repository: string
  readonly file: string
  /** Of the bundle's manifest. */
  readonly digest: string
  readonly since: string | null
  readonly counts: {
    readonly tags: number
    readonly moves: number
    readonly manifests: number
    readonly blobs: number
    /** Of content, in the bundle. */
    readonly sizeBytes: number
    readonly leftOut: number
    readonly absent: number
    /** Digests of the past whose content is gone. */
    readonly gone: number
  }
}

/**
 * The file is there only once it is whole. Blobs pass through, each once; of manifests small ones are kept in memory.
 * @throws AppError CONFLICT (another process writes the file), INVALID_REQUEST (`since` is of another repository), MANIFEST_UNKNOWN
 *   (deleted meanwhile), STORAGE_FULL, UPSTREAM_* of the reader, CANCELLED
 */
export async function exportBundle(o: ExportRequest): Promise<ExportReport> {
  const { file, since, repository } = o
  if (since !== undefined && since.manifest.repository.name !== repository.name) {
    const other = since.manifest.repository.name
    throw new AppError('INVALID_REQUEST', `--since: got a bundle of ${other}, want one of ${repository.name}`)
  }
  const lockPath = join(`${file}.lock`, 'lock')
  const mine = tryLock(lockPath)
  if (mine === undefined) throw new AppError('CONFLICT', `${file}: another process is writing it`)
  try {
    return await writeBundle(o)
  } finally {
    releaseWithFile(mine, lockPath)
  }
}

async function writeBundle(o: ExportRequest): Promise<ExportReport> {
  const { reader, history, file, since, signal } = o
  const tags = currentTags(o)
  const past = new Set(history.flatMap(({ from, to }) => [from, to].filter((one) => one !== null)) as Digest[])
  const content = await collectContent(reader, { tags: new Set(tags.values()), history: past, signal })
  const { manifests, blobs, absent } = content
  const known = new Set(
    since === undefined ? [] : [...since.manifest.manifests, ...since.manifest.blobs].map((one) => one.digest),
  )
  const all = [...new Set([...manifests.keys(), ...blobs.keys()])].sort()
  const bundle = emptyBundle({
    repository: o.repository,
    madeAt: isoTime(o.clock.now()),
    since: since === undefined ? null : { digest: since.digest, madeAt: since.manifest.madeAt },
    tags: [...tags].map(([tag, digest]) => ({ tag, digest })),
    history: [...history],
    manifests: sorted([...manifests.values()].map(({ descriptor }) => descriptor)).map((one) => ({
      ...one,
      past: manifests.get(one.digest)?.isPast === true,
    })),
    blobs: sorted([...blobs.values()]).map(({ digest, size }) => ({ digest, size })),
    leftOut: all.filter((digest) => known.has(digest)),
    absent: [...absent].sort(),
  })
  const text = `${JSON.stringify(bundle)}\n`
  const here = new Map(
    all.flatMap((digest): [string, Descriptor][] => {
      const descriptor = manifests.get(digest)?.descriptor ?? blobs.get(digest)
      return known.has(digest) || descriptor === undefined ? [] : [[blobPath(digest), descriptor]]
    }),
  )
  const small = new Map(
    [
      [LAYOUT_PATH, LAYOUT_TEXT],
      [BUNDLE_PATH, text],
      [INDEX_PATH, `${JSON.stringify(indexOf(content, tags, known))}\n`],
    ].map(([path = '', one = '']) => [path, new TextEncoder().encode(one)]),
  )
  const sizeBytes = [...here.values()].reduce((total, { size }) => total + size, 0)
  let done = 0
  const files: LayoutFiles = {
    title: file,
    findSize: async (path) => small.get(path)?.byteLength ?? here.get(path)?.size,
    async open(path) {
      const bytes = small.get(path)
      if (bytes !== undefined) return new Blob([bytes]).stream()
      const one = here.get(path)
      if (one === undefined) throw new AppError('INTERNAL', `${path} is not of this bundle`)
      const stream = await openContent(reader, one, content, signal)
      done += one.size
      o.onBytes?.(done, sizeBytes)
      return stream
    },
    close: async () => {},
  }
  await packTar(file, files, [...small.keys(), ...[...here.keys()].sort()], { signal })
  const isHere = ({ digest }: { digest: string }) => !known.has(digest)
  return {
    repository: o.repository.name,
    file,
    digest: digestOf(text),
    since: since?.digest ?? null,
    counts: {
      tags: bundle.tags.length,
      moves: history.length,
      manifests: bundle.manifests.filter(isHere).length,
      blobs: bundle.blobs.filter(isHere).length,
      sizeBytes,
      leftOut: bundle.leftOut.length,
      absent: bundle.absent.length,
      gone: [...past].filter((digest) => !manifests.has(digest)).length,
    },
  }
}

/** Where its history has each tag last, by name. */
function currentTags({ tags, history }: ExportRequest): ReadonlyMap<string, Digest> {
  const current = new Map(tags.map(({ tag, digest }): [string, string | null] => [tag, digest]))
  for (const { tag, to } of history) current.set(tag, to)
  const there = [...current].flatMap(([tag, digest]): [string, Digest][] =>
    digest === null ? [] : [[tag, digest as Digest]],
  )
  return new Map(there.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function sorted(descriptors: readonly Descriptor[]) {
  const plain = descriptors.map(({ digest, mediaType, size }) => ({ digest, mediaType, size }))
  return plain.sort((a, b) => (a.digest < b.digest ? -1 : 1))
}

/** For other programs: the tags, and without a name what no other manifest leads to. Of a delta only what it holds itself. */
function indexOf({ manifests }: Collected, tags: ReadonlyMap<string, Digest>, known: ReadonlySet<string>): object {
  const parts = new Set([...manifests.values()].flatMap(({ children }) => children))
  const tagged = new Set(tags.values())
  const entry = (digest: Digest, annotations?: object) => {
    const found = known.has(digest) ? undefined : manifests.get(digest)?.descriptor
    return found === undefined ? [] : [{ ...found, ...(annotations && { annotations }) }]
  }
  const rest = [...manifests.keys()].filter((digest) => !parts.has(digest) && !tagged.has(digest)).sort()
  return {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: [
      ...[...tags].flatMap(([tag, digest]) => entry(digest, { [REF_NAME]: tag })),
      ...rest.flatMap((digest) => entry(digest)),
    ],
  }
}

async function openContent(
  reader: RepositoryReader,
  one: Descriptor,
  { manifests }: Collected,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const abortable: Abortable = { signal }
  const manifest = manifests.get(one.digest)
  if (manifest === undefined) return openSteadyBlob(reader, one, abortable)
  const bytes = manifest.bytes ?? (await reader.readManifest({ digest: one.digest }, abortable))?.bytes
  if (bytes === undefined) throw new AppError('MANIFEST_UNKNOWN', `${one.digest} was deleted meanwhile`)
  return new Blob([new Uint8Array(bytes)]).stream()
}
