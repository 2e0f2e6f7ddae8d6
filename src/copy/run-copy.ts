/** Opens both ends of a copy, runs it, and closes them: a layout's new index, or a new archive, is there only once all of it is. */
import { AppError } from '../errors.ts'
import { openFolderFiles } from '../layouts/folder-files.ts'
import { type LayoutTarget, openFolderTarget } from '../layouts/folder-target.ts'
import type { LayoutFiles } from '../layouts/layout-files.ts'
import { createLayoutReader } from '../layouts/layout-reader.ts'
import { openTarFiles } from '../layouts/tar-files.ts'
import { openTarTarget } from '../layouts/tar-target.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, RepositoryName, Tag } from '../oci/reference.ts'
import type { Abortable, RepositoryReader } from '../oci/repository.ts'
import type { TargetMemory } from '../oci/target-repository.ts'
import type { RegistryNetwork } from '../remote/network.ts'
import { openRemoteRepository } from '../remote/remote-repository.ts'
import { openRemoteTarget } from '../remote/remote-target.ts'
import { asTargetError } from '../remote/target-errors.ts'
import { type CopyRequest, copyRepository } from './copy-repository.ts'
import { formatPlace, formatWhere, type Place, type RegistryPlace } from './place.ts'
import { countedNetwork, createNetwork, endpointOf, type RegistryAccess } from './registry-places.ts'
import type { CopyReport } from './report.ts'
import type { CopyTarget } from './target-known.ts'

export interface CopyOptions
  extends Omit<CopyRequest, 'source' | 'referrers' | 'target' | 'single' | 'globs' | 'hasReferrers'> {
  readonly source: Place
  readonly target: Place
  readonly referrersFrom: RegistryPlace | undefined
  /** All tags of the source, or those that the globs take; otherwise the one image that `source` names. */
  readonly isAllTags: boolean
  readonly globs: readonly string[] | undefined
  readonly hasReferrers: boolean
  /** How a registry is reached: `src` reads, `dst` is written to. */
  accessOf(place: RegistryPlace, side: 'src' | 'dst'): Promise<RegistryAccess>
}

interface Opened {
  readonly usage: () => { readonly requests: number; readonly readBytes: number }
  close(): Promise<void>
}

/** @throws AppError INVALID_REQUEST for places that do not fit, and as `copyRepository` */
export async function runCopy(o: CopyOptions): Promise<CopyReport> {
  const { source, target, signal } = o
  const isMany = o.isAllTags || o.globs !== undefined
  refuseMisfit(o, isMany)
  const network = createNetwork()
  const opened: Opened[] = []
  try {
    const from = await openSource(network, source, o)
    opened.push(from)
    const named = isMany ? undefined : await imageOf(source, from)
    const single = named && {
      from: named.from,
      to: target.tag ?? (target.digest === undefined ? named.tag : undefined),
    }
    refuseOtherDigest(target, named?.from)
    const referrers = o.referrersFrom && (await openSource(network, o.referrersFrom, o))
    if (referrers !== undefined) opened.push(referrers)
    const to = await openTarget(network, o)
    opened.push(to)
    const { counts, ...result } = await copyRepository({
      ...o,
      ...{ source: from.reader, referrers: referrers?.reader, target: to.target, single },
    })
    if (!o.isDryRun) await to.finish?.({ signal })
    const reads = [from, ...(referrers === undefined ? [] : [referrers])].map(({ usage }) => usage())
    const sum = (of: 'requests' | 'readBytes') => reads.reduce((total, one) => total + one[of], 0)
    if (signal.aborted) throw new AppError('CANCELLED', 'the copy was cancelled')
    return {
      outcome: result.outcome,
      source: formatPlace(source),
      target: formatPlace({ ...target, tag: single === undefined ? target.tag : single.to }),
      dryRun: o.isDryRun,
      counts: { ...counts, readBytes: sum('readBytes'), sourceRequests: sum('requests') },
      ...{ tags: result.tags, failures: result.failures, notes: result.notes },
    }
  } catch (error) {
    throw asFileFault(error)
  } finally {
    for (const one of opened.reverse()) await one.close()
  }
}

/** What the system says of files is for people, and no bug of ours. */
function asFileFault(error: unknown): unknown {
  const isOfSystem = error instanceof Error && !(error instanceof AppError) && 'syscall' in error && 'code' in error
  return isOfSystem ? new AppError('UNAVAILABLE', error.message, { cause: error }) : error
}

function refuseMisfit({ source, target, referrersFrom, hasReferrers }: CopyOptions, isMany: boolean): void {
  const refuse = (message: string) => new AppError('INVALID_REQUEST', message)
  if (isMany && (source.tag !== undefined || source.digest !== undefined)) {
    throw refuse(
      `${formatPlace(source)} names one image, and --all-tags or --tag want several: want ${formatWhere(source)}`,
    )
  }
  if (isMany && (target.tag !== undefined || target.digest !== undefined)) {
    throw refuse(
      `${formatPlace(target)} names one image, and several are copied under their own tags: want ${formatWhere(target)}`,
    )
  }
  if (!isMany && source.kind === 'registry' && source.tag === undefined && source.digest === undefined) {
    throw refuse(
      `${formatPlace(source)} names no image: want a tag (…:TAG), a digest (…@sha256:…), --all-tags or --tag GLOB`,
    )
  }
  if (referrersFrom !== undefined && !hasReferrers)
    throw refuse('--referrers-from and --no-referrers exclude each other')
  if (referrersFrom?.tag !== undefined || referrersFrom?.digest !== undefined) {
    throw refuse(
      `--referrers-from: got ${formatPlace(referrersFrom)}, want a repository, ${formatWhere(referrersFrom)}`,
    )
  }
}

/** `…@sha256:…` as a target says what is to come there. */
function refuseOtherDigest(target: Place, from: Reference | undefined): void {
  if (target.digest === undefined || from === undefined || target.digest === from.digest) return
  throw new AppError(
    'INVALID_REQUEST',
    `${formatPlace(target)} names a digest, and the source is ${from.digest ?? `the tag ${from.tag}`}: want a tag, or the same digest on both sides`,
  )
}

interface OpenedSource extends Opened {
  readonly reader: RepositoryReader
  /** Of a layout. */
  readonly only?: () => Promise<{ readonly from: Reference; readonly tag: Tag | undefined }>
}

async function openSource(network: RegistryNetwork, place: Place, o: CopyOptions): Promise<OpenedSource> {
  if (place.kind === 'registry') {
    const counted = countedNetwork(network, place.repository)
    const endpoint = await endpointOf(network, place, await o.accessOf(place, 'src'), { signal: o.signal })
    const { onRequest, usage } = counted
    const reader = openRemoteRepository(counted.network, endpoint, place.repository, { onRequest })
    return { reader, usage, close: async () => {} }
  }
  const files: LayoutFiles = place.kind === 'oci' ? openFolderFiles(place.path) : await openTarFiles(place.path)
  const reader = createLayoutReader(files)
  return {
    reader,
    usage: () => ({ requests: 0, readBytes: 0 }),
    close: () => files.close(),
    async only() {
      const { tags, entries, ambiguous } = await reader.readIndex()
      const [tag, ...others] = tags.keys()
      if (tag !== undefined && others.length === 0 && ambiguous.size === 0) return { from: { tag }, tag }
      const [first, ...more] = entries.flatMap(({ descriptor, name }) => (name === undefined ? (descriptor ?? []) : []))
      if (tag === undefined && first !== undefined && more.length === 0) return { from: { digest: first.digest }, tag }
      const shown = [...tags.keys()].slice(0, 10).join(', ')
      const has = tags.size === 0 ? `lists ${entries.length} manifests and no tag` : `has ${tags.size} tags (${shown})`
      throw new AppError('INVALID_REQUEST', `${formatPlace(place)} ${has}: name one, or say --all-tags`)
    },
  }
}

/** The image that the source names, and the tag that it has there. */
async function imageOf(
  { tag, digest }: Place,
  { only }: OpenedSource,
): Promise<{ readonly from: Reference; readonly tag: Tag | undefined }> {
  if (digest !== undefined) return { from: { digest }, tag }
  if (tag !== undefined) return { from: { tag }, tag }
  if (only === undefined) throw new AppError('INVALID_REQUEST', 'the source names no image')
  return await only()
}

async function openTarget(
  network: RegistryNetwork,
  o: CopyOptions,
): Promise<Opened & { readonly target: CopyTarget; finish?(o: Abortable): Promise<void> }> {
  const place = o.target
  const nothing = { requests: 0, readBytes: 0 }
  if (place.kind === 'registry') {
    const endpoint = await endpointOf(network, place, await o.accessOf(place, 'dst'), { signal: o.signal })
    const target = openRemoteTarget({ ...network, about: place.repository }, endpoint, place.repository, {
      memory: memoryOf(o.source, place),
    })
    return { target, usage: () => nothing, close: async () => {} }
  }
  const open = place.kind === 'oci' ? openFolderTarget : openTarTarget
  const target: LayoutTarget = await open(place.path).catch((error) => {
    throw asTargetError(error)
  })
  return { target, usage: () => nothing, close: () => target.close(), finish: (how) => target.finish(how) }
}

/** What this copy learns of its target. What a repository of the same registry has may be mounted from there. */
function memoryOf(source: Place, target: RegistryPlace): TargetMemory {
  const manifests = new Set<Digest>()
  const blobs = new Set<Digest>()
  const isSame = source.kind === 'registry' && source.host === target.host && source.repository !== target.repository
  const mounts: readonly RepositoryName[] = isSame ? [source.repository] : []
  return {
    hasManifest: (digest) => manifests.has(digest),
    hasBlob: (digest) => blobs.has(digest),
    mountsOf: () => mounts,
    noteBlob: (digest) => void blobs.add(digest),
    noteManifest(digest, named) {
      manifests.add(digest)
      for (const one of named) blobs.add(one)
    },
    forget(digest) {
      manifests.delete(digest)
      blobs.delete(digest)
    },
  }
}
