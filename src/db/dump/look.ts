/** What is in a database, before anything is done to it. */
import { existsSync, statSync } from 'node:fs'
import { readSnapshot } from '../engine/snapshot.ts'
import { findInstanceSetting } from '../platform/instance-settings.ts'
import { RESTORED_FROM } from './load.ts'
import { findMigrations } from './tables.ts'

export interface FoundDatabase {
  readonly migrations: readonly string[]
  /** Id of the dump that it was filled with. */
  readonly restoredFrom: string | undefined
}

/** @param location a path or a `postgres://` URL. @returns undefined when there is nothing of ours */
export async function lookAtDatabase(location: string): Promise<FoundDatabase | undefined> {
  const isPostgres = /^postgres(ql)?:\/\//.test(location)
  if (!isPostgres && (!existsSync(location) || statSync(location).size === 0)) return undefined
  return readSnapshot(location, async (queries, engine) => {
    const migrations = await findMigrations(queries, engine)
    if (migrations === undefined) return undefined
    return { migrations, restoredFrom: await findInstanceSetting(queries, RESTORED_FROM) }
  })
}
