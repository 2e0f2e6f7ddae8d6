/** A layout in a folder as a target: content first, each file whole before it has its name, then `index.json` in one step. */
import { constants } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectorySync } from '../blobs/directory-sync.ts'
import type { DirectoryLock } from '../db/engine/directory-lock.ts'
import { AppError } from '../errors.ts'
import { randomHex } from '../lib/ids.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, verifyDigest } from '../oci/digest.ts'
import { referencesOf } from '../oci/manifest.ts'
import { isNonDistributable } from '../oci/media-types.ts'
import type { Abortable, RepositoryWriter, TagOutcome } from '../oci/repository.ts'
import type { TargetRepository } from '../oci/target-repository.ts'
import { failing, openSink } from './blob-sink.ts'
import { openFolderFiles } from './folder-files.ts'
import { changeIndex, type IndexChange } from './index-change.ts'
import { blobPath, INDEX_PATH, LAYOUT_PATH, LAYOUT_TEXT, type LayoutFiles } from './layout-files.ts'
import { EMPTY_INDEX, findLayoutIndex } from './layout-index.ts'
import { lock, releaseWithFile, tryLock } from './layout-lock.ts'
import { createLayoutReader } from './layout-reader.ts'

/**
 * Where what is not whole yet lies, and the lock of the index: on the same disk, and no part of the layout. Each who writes has a folder
 * there, and the lock of that for as long as he lives.
 */
const OWN_FOLDER = '.kagami'
const LOCK = 'lock'

export interface LayoutTarget extends TargetRepository {
  /** Whether the manifest is there, and its blobs, but for those that may be left out, with the sizes that it says. */
  holdsWhole(digest: Digest): Promise<boolean>
  /** Makes durable what was written, where that is still to be done, and lets go of the layout. */
  finish(o?: Abortable): Promise<void>
  /** Lets go of the layout without that. Safe after `finish`. */
  close(): Promise<void>
}

export interface FolderTargetOptions {
  /** In errors; `oci:FOLDER` when left out. */
  readonly title?: string
  /** Content that counts as being there already, and the index that is gone on from while the folder has none. */
  readonly base?: LayoutFiles | undefined
}

/**
 * An existing layout is added to; a folder that is not there is made by `prepare`. Several processes may write one folder at once.
 * @throws AppError CONFLICT for a folder that holds other things, UPSTREAM_INVALID for a layout that cannot be read
 */
export async function openFolderTarget(folder: string, o: FolderTargetOptions = {}): Promise<LayoutTarget> {
  const own = openFolderFiles(folder)
  const title = o.title ?? own.title
  const files: LayoutFiles = o.base === undefined ? own : layered(title, own, o.base)
  const reader = createLayoutReader(files, { mayBeAbsent: true })
  await refuseOther(folder, title)
  await reader.readIndex()
  const top = join(folder, OWN_FOLDER)
  const indexLock = join(top, LOCK)
  let scratch = top
  let mine: DirectoryLock | undefined
  const syncDirectory = createDirectorySync()
  const algorithms = new Set<string>()
  let sentBytes = 0
  let prepared: Promise<void> | undefined

  const prepare = () => {
    prepared ??= make()
    return prepared
  }

  async function make(): Promise<void> {
    await mkdir(top, { recursive: true }).catch(failing(title))
    await access(folder, constants.W_OK)
    // Somebody who looks for what was left behind may be quicker than whoever has just begun.
    while (mine === undefined) {
      scratch = join(top, randomHex(8))
      mine = tryLock(join(scratch, LOCK))
    }
    for (const name of await readdir(top)) {
      const other = join(top, name)
      if (name === LOCK || other === scratch) continue
      const lockOfOther = tryLock(join(other, LOCK))
      if (lockOfOther === undefined) continue
      await emptyFolder(other)
      releaseWithFile(lockOfOther, join(other, LOCK))
    }
  }

  async function placeOf(digest: Digest): Promise<string> {
    await prepare()
    const directory = join(folder, 'blobs', algorithmOf(digest))
    if (!algorithms.has(directory)) {
      await mkdir(directory, { recursive: true }).catch(failing(title))
      algorithms.add(directory)
    }
    return join(folder, blobPath(digest))
  }

  async function stage(blob: Descriptor) {
    if ((await files.findSize(blobPath(blob.digest))) === blob.size) return 'present' as const
    return await openSink(blob, {
      title,
      path: await placeOf(blob.digest),
      temporary: join(scratch, `${randomHex(12)}.part`),
      onStored: (bytes) => {
        sentBytes += bytes
      },
    })
  }

  /** Those who publish at the same time share one write of the index. */
  const waiting: { readonly change: IndexChange; readonly settle: PromiseWithResolvers<readonly TagOutcome[]> }[] = []
  let isWriting = false

  async function writeWaiting(signal: AbortSignal | undefined): Promise<void> {
    if (isWriting) return
    isWriting = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0)
      try {
        const outcomes = await writeIndex(
          batch.map(({ change }) => change),
          signal,
        )
        for (const [i, { settle }] of batch.entries()) settle.resolve(outcomes[i] ?? [])
      } catch (error) {
        for (const { settle } of batch) settle.reject(error)
      }
    }
    isWriting = false
  }

  async function writeIndex(
    changes: readonly IndexChange[],
    signal: AbortSignal | undefined,
  ): Promise<readonly (readonly TagOutcome[])[]> {
    await prepare()
    for (const directory of algorithms) await syncDirectory(directory)
    if (algorithms.size > 0) await syncDirectory(join(folder, 'blobs'))
    const held = await lock(indexLock, title, signal)
    try {
      // Others may have written it since.
      const index = (await findLayoutIndex(files)) ?? EMPTY_INDEX
      const { document, outcomes, isChanged } = changeIndex(index, changes)
      if (isChanged) {
        await replace(LAYOUT_PATH, LAYOUT_TEXT)
        await replace(INDEX_PATH, `${JSON.stringify(document)}\n`)
        await syncDirectory(folder)
      }
      return outcomes
    } finally {
      held.release()
    }
  }

  async function replace(path: string, text: string): Promise<void> {
    if (path === LAYOUT_PATH && (await own.findSize(path)) !== undefined) return
    const temporary = join(scratch, `${randomHex(12)}.${path}`)
    const handle = await open(temporary, 'wx', 0o666).catch(failing(title))
    try {
      await handle.writeFile(text).catch(failing(title))
      await handle.sync().catch(failing(title))
      await rename(temporary, join(folder, path))
    } finally {
      await handle.close()
      await rm(temporary, { force: true })
    }
  }

  const writer: RepositoryWriter = {
    stageBlob: (blob) => stage(blob),
    async writeManifest({ descriptor, bytes }) {
      verifyDigest(descriptor.digest, bytes)
      const sink = await stage({ ...descriptor, size: bytes.byteLength })
      if (sink === 'present') return
      try {
        await sink.write(0, new Blob([new Uint8Array(bytes)]).stream())
        await sink.commit()
      } finally {
        await sink.close()
      }
    },
    async publish({ roots, tags }, read, { signal }: Abortable = {}) {
      const typed: Descriptor[] = []
      for (const root of roots) typed.push(await withType(root, read))
      const settle = Promise.withResolvers<readonly TagOutcome[]>()
      waiting.push({ change: { roots: typed, tags }, settle })
      await writeWaiting(signal)
      return await settle.promise
    },
    // What a layout holds of others is theirs.
    unlink: async () => [],
  }

  async function close(): Promise<void> {
    if (prepared === undefined) return
    await prepared.catch(() => {})
    prepared = undefined
    // It could not even be made.
    if (mine === undefined) return
    await emptyFolder(scratch)
    releaseWithFile(mine, join(scratch, LOCK))
    mine = undefined
    const held = tryLock(indexLock)
    if (held !== undefined) releaseWithFile(held, indexLock)
  }

  return {
    reader,
    writer,
    async head({ tag, digest }) {
      if (digest !== undefined) return (await files.findSize(blobPath(digest))) === undefined ? undefined : digest
      return (await findLayoutIndex(files))?.tags.get(tag)?.digest
    },
    findVisibility: async () => 'private',
    prepare,
    usage: () => ({ requests: 0, sentBytes, mountsTried: 0, mountsDone: 0 }),
    async holdsWhole(digest) {
      const manifest = await reader.readManifest({ digest })
      if (manifest === undefined) return false
      const { config, layers } = referencesOf(manifest.bytes)
      for (const blob of config === undefined ? layers : [config, ...layers]) {
        const size = await files.findSize(blobPath(blob.digest))
        if (size !== blob.size && !(size === undefined && isNonDistributable(blob.mediaType))) return false
      }
      return true
    },
    finish: close,
    close,
  }
}

/** But for its lock, which is held. */
async function emptyFolder(path: string): Promise<void> {
  for (const name of await readdir(path)) if (name !== LOCK) await rm(join(path, name), { force: true })
}

/** `artifactType` in lists tells what a referrer is without reading it. */
async function withType(root: Descriptor, read: (of: Descriptor) => Promise<Uint8Array>): Promise<Descriptor> {
  const { mediaType, digest, size } = root
  const { artifactType, subject } = referencesOf(await read(root))
  return { mediaType, digest, size, ...(subject === undefined || artifactType === undefined ? {} : { artifactType }) }
}

function layered(title: string, first: LayoutFiles, then: LayoutFiles): LayoutFiles {
  return {
    title,
    findSize: async (path) => (await first.findSize(path)) ?? (await then.findSize(path)),
    open: async (path, range) => ((await first.findSize(path)) === undefined ? then : first).open(path, range),
    close: async () => {},
  }
}

/** @throws AppError CONFLICT for a place where something else is */
async function refuseOther(folder: string, title: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (isNoEntry(error)) return
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTDIR') throw new AppError('CONFLICT', `${title} is a file, want a folder`)
    throw error
  }
  const isLayout = names.includes(INDEX_PATH) || names.includes(LAYOUT_PATH)
  const others = names.filter((name) => name !== OWN_FOLDER && name !== 'blobs')
  if (isLayout || others.length === 0) return
  const shown = others.slice(0, 3).join(', ')
  throw new AppError('CONFLICT', `${title} holds other things (${shown}) and no OCI image layout: nothing was written`)
}
