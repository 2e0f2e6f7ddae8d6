/** A layout in a folder. Nothing in it leads out of it: links are refused, wherever they lead. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isNoEntry } from '../lib/no-entry.ts'
import { invalid, type LayoutFiles, streamOfHandle } from './layout-files.ts'

/** Without O_NONBLOCK a pipe in the place of a file would be waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** @param title names it in errors */
export function openFolderFiles(folder: string, title: string = `oci:${folder}`): LayoutFiles {
  const directories = new Set<string>()

  /** The folders between: the system's flag looks at the last part of a path alone. */
  async function refuseLinks(path: string): Promise<void> {
    for (let part = dirname(path); part !== '.'; part = dirname(part)) {
      if (directories.has(part)) continue
      const found = await lstat(join(folder, part))
      if (!found.isDirectory()) throw invalid({ title }, `${part} is no directory, want one that holds the blobs`)
      directories.add(part)
    }
  }

  async function openFile(path: string): Promise<{ handle: FileHandle; size: number } | undefined> {
    let handle: FileHandle
    try {
      await refuseLinks(path)
      handle = await open(join(folder, path), FLAGS)
    } catch (error) {
      if (isNoEntry(error)) return undefined
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ELOOP') throw invalid({ title }, `${path} is a symbolic link, want a file`)
      throw error
    }
    const found = await handle.stat()
    if (found.isFile()) return { handle, size: found.size }
    await handle.close()
    throw invalid({ title }, `${path} is no regular file`)
  }

  return {
    title,
    async findSize(path) {
      const file = await openFile(path)
      await file?.handle.close()
      return file?.size
    },
    async open(path, range) {
      const file = await openFile(path)
      if (file === undefined) throw invalid({ title }, `${path} is not there any more`)
      return streamOfHandle(file.handle, range, { what: `${title}: ${path}`, end: () => file.handle.close() })
    },
    async close() {},
  }
}
