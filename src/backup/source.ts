/** What backups are read from: their files behind one port, whatever holds them. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { openFolderFiles } from '../layouts/folder-files.ts'
import { invalid, type LayoutFiles } from '../layouts/layout-files.ts'
import { findTarFiles } from '../layouts/tar-files.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import { BACKUP_PATH, isSetName, MARK_PATH } from './backup-set.ts'

export interface BackupSource extends LayoutFiles {
  /** Names of the sets that are there, the oldest first. */
  listSets(): Promise<readonly string[]>
}

/**
 * A folder, or a file that is a tar archive.
 * @throws AppError NOT_FOUND: there is no such thing; UPSTREAM_INVALID: it holds no backup, or cannot be trusted
 */
export async function openBackupSource(path: string): Promise<BackupSource> {
  const found = await stat(path).catch((error) => {
    if (isNoEntry(error)) throw new AppError('NOT_FOUND', `${path}: there is no such folder or file`)
    throw error
  })
  return await marked(found.isDirectory() ? folderSource(path) : await tarSource(path))
}

/** @throws AppError UPSTREAM_INVALID: it holds no backup */
export async function marked(source: BackupSource): Promise<BackupSource> {
  try {
    if ((await source.findSize(MARK_PATH)) === undefined) {
      throw invalid(source, `has no ${MARK_PATH}: it is no backup of kagami backup`)
    }
    return source
  } catch (error) {
    await source.close()
    throw error
  }
}

function folderSource(folder: string): BackupSource {
  return {
    ...openFolderFiles(folder, folder),
    async listSets() {
      const names = await readdir(join(folder, 'sets')).catch((error) => {
        if (isNoEntry(error)) return []
        throw error
      })
      return names.filter(isSetName).sort()
    },
  }
}

async function tarSource(file: string): Promise<BackupSource> {
  const files = await findTarFiles(file, { title: file, isWanted: (path) => BACKUP_PATH.test(path), isLayout: false })
  if (files === undefined) throw new AppError('NOT_FOUND', `${file}: there is no such file`)
  const names = files.paths.flatMap((path) => (path.startsWith('sets/') ? [path.slice('sets/'.length)] : []))
  return { ...files, listSets: async () => names.filter(isSetName).sort() }
}
