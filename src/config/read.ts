/** The only reader of the process's environment and of the settings file. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError, messageOf } from '../errors.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import {
  type ClientSettings,
  configPath,
  type Environment,
  parseClientSettings,
  parseSettings,
  type Settings,
} from './settings.ts'

const DEFAULT_FILE = 'kagami.yaml'

/**
 * The server's settings, from the environment and from `KAGAMI_CONFIG` or `kagami.yaml` in the working directory.
 * @throws AppError CONFIG_INVALID; also when the file that `KAGAMI_CONFIG` names is not there
 */
export function readSettings(env: Environment = process.env, directory: string = process.cwd()): Settings {
  const named = configPath(env)
  const yamlText = readText(resolve(directory, named ?? DEFAULT_FILE), named)
  return parseSettings(env, yamlText, { directory, file: named ?? DEFAULT_FILE })
}

/** What the command line needs to reach a server. @throws AppError CONFIG_INVALID */
export function readClientSettings(env: Environment = process.env): ClientSettings {
  return parseClientSettings(env)
}

function readText(path: string, named: string | undefined): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const isAbsent = isNoEntry(error)
    if (isAbsent && named === undefined) return undefined
    const where = named === undefined ? DEFAULT_FILE : `KAGAMI_CONFIG: ${named}`
    throw new AppError('CONFIG_INVALID', `${where}: cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
