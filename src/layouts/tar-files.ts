/** A layout in a tar archive, which is never unpacked: each file is read where it lies. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import { INDEX_PATH, invalid, type LayoutFiles, streamOfHandle } from './layout-files.ts'
import { readTarEntries, type TarEntry } from './tar-entries.ts'

/** With the paths of all its files. */
export interface TarFiles extends LayoutFiles {
  readonly paths: readonly string[]
}

interface TarOptions {
  /** Names it in errors. */
  readonly title?: string
  /** Files at other paths than a layout's that are wanted too. */
  readonly isWanted?: (path: string) => boolean
  /** False: an archive of something else, with blobs at the paths of a layout. */
  readonly isLayout?: boolean
}

/** @returns undefined when there is no such file. @throws AppError UPSTREAM_INVALID when it is no archive of a layout */
export async function findTarFiles(
  file: string,
  { title = `tar:${file}`, isWanted, isLayout = true }: TarOptions = {},
): Promise<TarFiles | undefined> {
  let handle: FileHandle
  try {
    // A pipe, of which nothing could be read where it lies, is not waited for.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw error
  }
  let entries: ReadonlyMap<string, TarEntry>
  try {
    if (!(await handle.stat()).isFile()) throw invalid({ title }, 'is no regular file')
    entries = await readTarEntries(handle, title, isWanted)
    if (isLayout && !entries.has(INDEX_PATH)) {
      throw invalid(
        { title },
        `has no ${INDEX_PATH}: want an archive of an OCI image layout (not of docker save before version 25)`,
      )
    }
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    title,
    paths: [...entries.keys()],
    findSize: async (path) => entries.get(path)?.size,
    async open(path, { from, to }) {
      const entry = entries.get(path)
      if (entry === undefined || to > entry.size) throw invalid({ title }, `${path} does not have ${to} bytes`)
      const range = { from: entry.offset + from, to: entry.offset + to }
      return streamOfHandle(handle, range, { what: `${title}: ${path}`, end: async () => {} })
    },
    close: () => handle.close(),
  }
}

/** @throws AppError UPSTREAM_NOT_FOUND, UPSTREAM_INVALID */
export async function openTarFiles(file: string, also: readonly string[] = []): Promise<TarFiles> {
  const found = await findTarFiles(file, { isWanted: (path) => also.includes(path) })
  if (found !== undefined) return found
  throw new AppError('UPSTREAM_NOT_FOUND', `tar:${file}: there is no such file`)
}
