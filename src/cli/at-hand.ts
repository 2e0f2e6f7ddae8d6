import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings } from '../config/read.ts'
import { isDirectoryLocked } from '../db/engine/directory-lock.ts'

/** Whether a data directory is here on which no server runs. */
export function isAtHand(): boolean {
  const { dataDirectory, sealKey } = readSettings()
  const isThere = existsSync(sealKey === undefined ? join(dataDirectory, 'seal.key') : dataDirectory)
  return isThere && !isDirectoryLocked(dataDirectory)
}
