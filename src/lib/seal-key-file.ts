import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError, messageOf } from '../errors.ts'
import { randomHex } from './ids.ts'
import { isNoEntry } from './no-entry.ts'
import { createSealer, SEAL_KEY_BYTES, type Sealer } from './seal.ts'
import type { Secret } from './secret.ts'

/**
 * The sealer of the key in `path` (32 bytes as base64url, mode 0600), made there when it is absent. Servers that share a
 * database share its key: this file, or `given`; what one has sealed, the others open.
 * @param given the key by the settings, as base64 or base64url: no file is made then, and one that is there must hold the same
 * @throws AppError CONFIG_INVALID when the file holds something else, or cannot be read or made
 */
export function openSealer(path: string, given?: Secret): Sealer {
  const text = readKey(path) ?? given?.reveal() ?? make(path)
  const key = Buffer.from(text.trim(), 'base64url')
  if (given !== undefined && !key.equals(Buffer.from(given.reveal(), 'base64url'))) {
    throw new AppError(
      'CONFIG_INVALID',
      `KAGAMI_SEAL_KEY: ${path} holds another key: remove the file if no server goes by it any more, or leave the setting out`,
    )
  }
  if (key.length !== SEAL_KEY_BYTES) {
    throw new AppError(
      'CONFIG_INVALID',
      `${path}: want ${SEAL_KEY_BYTES} bytes as base64url, got ${key.length}: restore the file from a backup`,
    )
  }
  return createSealer(key)
}

function readKey(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw new AppError(
      'CONFIG_INVALID',
      `${path}: the key cannot be read: ${messageOf(error)}; this user must own the file`,
      { cause: error },
    )
  }
}

function make(path: string): string {
  try {
    return makeKey(path)
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${path}: the key cannot be made: ${messageOf(error)}`, { cause: error })
  }
}

/** Written whole and durable beside its place, then linked there: of two makers one wins, and a kill leaves no half key. */
function makeKey(path: string): string {
  const draft = `${path}.${randomHex(8)}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(SEAL_KEY_BYTES).toString('base64url')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    unlinkSync(draft)
  }
  const directory = openSync(dirname(path), 'r')
  fsyncSync(directory)
  closeSync(directory)
  return readFileSync(path, 'utf8')
}
