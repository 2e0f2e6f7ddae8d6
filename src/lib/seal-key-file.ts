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
  const text = readSealKey(path) ?? given?.reveal() ?? make(path, newKey())
  if (given !== undefined && !bytesOf(text).equals(bytesOf(given.reveal()))) {
    throw new AppError(
      'CONFIG_INVALID',
      `KAGAMI_SEAL_KEY: ${path} holds another key: remove the file if no server goes by it any more, or leave the setting out`,
    )
  }
  return sealerOf(text, path)
}

const bytesOf = (text: string): Buffer => Buffer.from(text.trim(), 'base64url')

/** The sealer of the text of such a file. @param path names it in errors. @throws AppError CONFIG_INVALID */
export function sealerOf(text: string, path: string): Sealer {
  const key = bytesOf(text)
  if (key.length !== SEAL_KEY_BYTES) {
    throw new AppError(
      'CONFIG_INVALID',
      `${path}: want ${SEAL_KEY_BYTES} bytes as base64url, got ${key.length}: restore the file from a backup`,
    )
  }
  return createSealer(key)
}

/** Makes the file with this text, whole and durable; one that is there stays as it is. @throws AppError CONFIG_INVALID */
export function writeSealKey(path: string, text: string): void {
  make(path, text)
}

/** The text of the file; undefined: there is none. @throws AppError CONFIG_INVALID */
export function readSealKey(path: string): string | undefined {
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

const newKey = () => `${randomBytes(SEAL_KEY_BYTES).toString('base64url')}\n`

function make(path: string, text: string): string {
  try {
    return makeKey(path, text)
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${path}: the key cannot be made: ${messageOf(error)}`, { cause: error })
  }
}

/** Written whole and durable beside its place, then linked there: of two makers one wins, and a kill leaves no half key. */
function makeKey(path: string, text: string): string {
  const draft = `${path}.${randomHex(8)}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, text)
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
