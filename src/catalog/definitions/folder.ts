/** Definitions out of a folder or a file of this machine, which only its operator names (`KAGAMI_DEFINITIONS`). */
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { AppError, messageOf } from '../../errors.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { readArchive } from './archive.ts'
import { createFileCollector, type DefinitionFiles } from './files.ts'

const MAX_ENTRIES = 200_000

/** @throws AppError UPSTREAM_INVALID when it cannot be read, CANCELLED */
export async function readDefinitionsAt(path: string, signal: AbortSignal): Promise<DefinitionFiles> {
  try {
    if ((await stat(path)).isDirectory()) return await readFolder(path, signal)
    const body = Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array>
    return await readArchive(body, 'the archive of definitions', signal)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('UPSTREAM_INVALID', `the definitions cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** Symbolic links are not followed: what is not below the folder is not meant. */
async function readFolder(root: string, signal: AbortSignal): Promise<DefinitionFiles> {
  const collector = createFileCollector()
  let seen = 0
  const list = async (path: string) => {
    if (signal.aborted) throw cancelledBy(signal)
    const entries = await readdir(join(root, path), { withFileTypes: true }).catch((error) => {
      if ((error as { code?: unknown }).code === 'ENOENT') return []
      throw error
    })
    seen += entries.length
    if (seen > MAX_ENTRIES) throw new AppError('UPSTREAM_INVALID', `the folder has more than ${MAX_ENTRIES} files`)
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
  const take = async (path: string) => {
    const { size } = await lstat(join(root, path))
    const wanted = collector.wants(path, size)
    if (wanted !== undefined) collector.keep(wanted, await readFile(join(root, path)))
  }
  for (const kind of ['image', 'chart']) {
    for (const folder of await list(kind)) {
      if (!folder.isDirectory()) continue
      for (const one of await list(`${kind}/${folder.name}`)) {
        const path = `${kind}/${folder.name}/${one.name}`
        if (one.isFile()) await take(path)
        else if (one.isDirectory())
          for (const file of await list(path)) if (file.isFile()) await take(`${path}/${file.name}`)
      }
    }
  }
  return collector.done()
}
