/** Removes old backups from a folder, and what only they name. */
import { blobPath } from '../layouts/layout-files.ts'
import { isSetName, keyPath, parseSet, rowsPath, setPath } from './backup-set.ts'
import type { BackupDestination } from './destination.ts'
import { blobsIn, rowsIn } from './read-rows.ts'

const FOLDERS = ['rows/sha256', 'blobs/sha256', 'blobs/sha512', 'keys'] as const

/**
 * Of the sets the newest `keep` stay. In memory while it is at work: the digest of each blob that stays, about 100 bytes each.
 * @throws AppError UPSTREAM_INVALID when one that stays cannot be read: then nothing was removed
 */
export async function pruneSets(destination: BackupDestination, keep: number): Promise<void> {
  const names = (await destination.list('sets')).filter(isSetName).sort()
  const kept = names.slice(-keep)
  const named = new Set<string>()
  for (const name of kept) {
    const { set } = parseSet(destination, name, await destination.read(setPath(name)))
    if (set.sealKey.included) named.add(keyPath(set.sealKey.fingerprint))
    for (const table of set.tables) for (const { digest } of table.portions) named.add(rowsPath(digest))
    const blobs = set.tables.find((table) => table.name === 'blobs')
    if (blobs === undefined) continue
    const rows = async function* () {
      for (const portion of blobs.portions) {
        yield await rowsIn(destination, blobs, portion, await destination.read(rowsPath(portion.digest)))
      }
    }
    for await (const { digest } of blobsIn(destination, blobs, rows())) named.add(blobPath(digest))
  }
  // Sets first: one whose files are gone would be broken.
  for (const name of names.slice(0, -keep)) await destination.remove(setPath(name))
  for (const folder of FOLDERS) {
    for (const name of await destination.list(folder)) {
      if (!named.has(`${folder}/${name}`)) await destination.remove(`${folder}/${name}`)
    }
  }
}
