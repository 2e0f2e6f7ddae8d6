/** Secrets that files of `kagami apply` refer to: the file says where one stands, and never what it is. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError, messageOf } from '../errors.ts'
import type { Environment } from './settings.ts'

const MAX_LENGTH = 32_768

/** Whether a text is `env:NAME` or `file:PATH`. */
export function isReference(text: string): boolean {
  return /^(?:env|file):/.test(text)
}

/**
 * What `env:NAME` or `file:PATH` refers to, without the line end of a file.
 * @param o.directory paths begin there
 * @throws AppError CONFIG_INVALID when it is not there, empty, or too long; what it holds is never shown
 */
export function readReference(
  reference: string,
  { directory, env = process.env }: { readonly directory: string; readonly env?: Environment },
): string {
  const name = reference.slice(reference.indexOf(':') + 1)
  const text = reference.startsWith('env:') ? env[name] : readFile(resolve(directory, name), reference)
  if (text === undefined) throw new AppError('CONFIG_INVALID', `${reference}: this variable is not set`)
  if (text === '') throw new AppError('CONFIG_INVALID', `${reference} is empty`)
  if (text.length <= MAX_LENGTH) return text
  throw new AppError('CONFIG_INVALID', `${reference} has ${text.length} characters, want at most ${MAX_LENGTH}`)
}

function readFile(path: string, reference: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `${reference} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
