/**
 * A tar archive of a layout as a target. Sources give blobs in any order and several at once, an archive takes them in one row: they are
 * gathered in a folder beside it, and packed once all are there. An archive that is there already is carried over, and replaced in one step.
 */
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { openFolderFiles } from './folder-files.ts'
import { type LayoutTarget, openFolderTarget } from './folder-target.ts'
import { INDEX_PATH, LAYOUT_PATH, type LayoutFiles } from './layout-files.ts'
import { releaseWithFile, tryLock } from './layout-lock.ts'
import { listReachable } from './layout-reach.ts'
import { findTarFiles } from './tar-files.ts'
import { packTar } from './tar-pack.ts'

/** @throws AppError CONFLICT when another process writes it, UPSTREAM_INVALID when what is there is no archive of a layout */
export async function openTarTarget(file: string): Promise<LayoutTarget> {
  const title = `tar:${file}`
  const parts = `${file}.parts`
  const lockPath = join(parts, '.lock', 'lock')
  const mine = tryLock(lockPath)
  if (mine === undefined) throw new AppError('CONFLICT', `${title}: another process is writing it`)
  let isHeld = true
  const release = async (isKept: boolean) => {
    if (!isHeld) return
    isHeld = false
    await base?.close()
    if (!isKept)
      for (const name of await readdir(parts)) if (name !== '.lock') await rm(join(parts, name), { recursive: true })
    releaseWithFile(mine, lockPath)
    // Unless somebody else has begun to write it since, or this one is to be gone on with.
    await rmdir(parts).catch(() => {})
  }
  let base: Awaited<ReturnType<typeof findTarFiles>>
  let staging: LayoutTarget
  try {
    base = await findTarFiles(file)
    // What an earlier process has gathered is good by its digests; what it has published is not in the archive.
    for (const name of [INDEX_PATH, LAYOUT_PATH]) await rm(join(parts, 'layout', name), { force: true })
    staging = await openFolderTarget(join(parts, 'layout'), { title, base })
  } catch (error) {
    await release(true)
    throw error
  }

  return {
    ...staging,
    async finish({ signal } = {}) {
      const own = openFolderFiles(join(parts, 'layout'))
      await staging.close()
      if ((await own.findSize(INDEX_PATH)) !== undefined) await packAll(file, { own, base, title, signal })
      await release(false)
    },
    async close() {
      await staging.close()
      await release(true)
    },
  }
}

/** The same content gives the same bytes, in whatever order it came. */
async function packAll(
  file: string,
  o: {
    readonly own: LayoutFiles
    readonly base: LayoutFiles | undefined
    readonly title: string
    readonly signal: AbortSignal | undefined
  },
): Promise<void> {
  const { own, base, title, signal } = o
  const files: LayoutFiles = {
    title,
    findSize: async (path) => (await own.findSize(path)) ?? (await base?.findSize(path)),
    open: async (path, range) => {
      const from = (await own.findSize(path)) === undefined ? base : own
      if (from === undefined) throw new AppError('UPSTREAM_INVALID', `${title}: ${path} is not there any more`)
      return await from.open(path, range)
    },
    close: async () => {},
  }
  await packTar(file, files, [LAYOUT_PATH, INDEX_PATH, ...(await listReachable(files))], { signal })
}
