// Backups of servers in this process, by the functions that the command line calls.
import { join } from 'node:path'
import { parseSettings } from '../../src/config/settings.ts'
import { type BackupOptions, backUp } from '../../src/server/backup.ts'
import { type RestoreOptions, restore } from '../../src/server/restore.ts'
import type { WholeServer } from './whole-server.ts'

/** Where an instance's data are. @param database as KAGAMI_DATABASE has it; undefined: the file in the directory */
export function locationOf(directory: string, database?: string) {
  const { dataDirectory, database: where } = parseSettings({
    KAGAMI_DATA: directory,
    ...(database === undefined ? {} : { KAGAMI_DATABASE: database }),
  })
  return { directory: dataDirectory, database: where }
}

export const locationOfServer = ({ directory, database }: WholeServer) =>
  locationOf(directory, database.startsWith('postgres') ? database : undefined)

export function backUpTo(location: ReturnType<typeof locationOf>, to: string, o: Partial<BackupOptions> = {}) {
  const signal = new AbortController().signal
  return backUp(location, { ...{ to, isWithKey: true, isVerifying: false, keep: undefined, signal }, ...o })
}

export function restoreFrom(location: ReturnType<typeof locationOf>, from: string, o: Partial<RestoreOptions> = {}) {
  const signal = new AbortController().signal
  return restore(location, { ...{ from, set: undefined, keyFile: undefined, isWithoutKey: false, signal }, ...o })
}

/** Path of what holds the bytes of a digest in a folder of backups. */
export const blobFile = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'))
