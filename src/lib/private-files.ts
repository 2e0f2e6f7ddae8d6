/** Files and directories that only this process' user may look into. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError, messageOf } from '../errors.ts'

const OTHERS = 0o077
const WRITE_BY_ALL = 0o002
const STICKY = 0o1000

/**
 * Makes the directory, or closes one that others may look into, when it is ours. One of another owner stays as it is: what
 * is in it is closed file by file.
 * @param setting the variable that names it, for messages
 * @param marker a file of ours: a directory that has other things and not this one is not closed to its other users
 * @throws AppError CONFIG_INVALID: cannot be made or closed, is no directory, holds other things, or all may write there
 */
export function closeDirectory(path: string, setting: string, marker: string): void {
  const refuse = (why: string, cause?: unknown) =>
    new AppError('CONFIG_INVALID', `${setting}: ${why}`, cause === undefined ? {} : { cause })
  const found = statIfThere(path)
  if (found !== undefined && !found.isDirectory()) {
    throw refuse(`${path} is a file, want a directory`)
  }
  try {
    if (found === undefined) makeDirectory(path)
  } catch (error) {
    throw refuse(`the directory ${path} cannot be made: ${messageOf(error)}`, error)
  }
  const { uid, mode } = statSync(path)
  if ((mode & OTHERS) === 0) return
  if (process.getuid === undefined) return
  if (uid !== process.getuid()) {
    if ((mode & WRITE_BY_ALL) === 0 || (mode & STICKY) !== 0) return
    throw refuse(
      `everybody may write to ${path} (mode ${octal(mode)}), which user ${uid} owns: take a directory of your own`,
    )
  }
  const names = readdirSync(path)
  const others = names.filter((name) => !name.startsWith('.') && name !== 'lost+found')
  // Where everybody has files (`/tmp`), our own do not make it ours.
  if ((others.length > 0 && !names.includes(marker)) || (mode & STICKY) !== 0 || path === '/') {
    throw refuse(
      `${path} is open to other users (mode ${octal(mode)}) and holds things that are not Kagami's (${others.slice(0, 3).join(', ')}): take a directory of its own, or close it by chmod 700`,
    )
  }
  change(path, 0o700, refuse)
}

/** Makes a directory, and those above it, for this user alone; their names survive power loss. Nothing when it is there. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const top = dirname(first)
  for (let made = path; made !== top && made !== dirname(made); made = dirname(made)) syncDirectory(dirname(made))
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Closes a file that is there to all but its owner.
 * @throws AppError CONFIG_INVALID when others may read it and that cannot be changed
 */
export function closeFile(path: string, setting: string): void {
  const found = statIfThere(path)
  if (found === undefined || !found.isFile() || (found.mode & OTHERS) === 0 || process.getuid === undefined) return
  change(path, 0o600, (why, cause) => new AppError('CONFIG_INVALID', `${setting}: ${why}`, { cause }))
}

/** Makes an empty file that is closed from its first moment; nothing when it is there. Errors are left to whoever opens it. */
export function makeClosedFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600))
  } catch {}
}

function change(path: string, mode: number, refuse: (why: string, cause?: unknown) => AppError): void {
  let cause: unknown
  try {
    chmodSync(path, mode)
  } catch (error) {
    cause = error
  }
  const now = statSync(path)
  if ((now.mode & OTHERS) === 0) return
  throw refuse(
    `other users may read ${path} (mode ${octal(now.mode)}, owner ${now.uid}), and this user cannot change that: chmod ${octal(mode)} it, or move the data to where that is possible`,
    cause,
  )
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    // Absent, below a file, a link to nowhere: whoever makes it finds out.
    return undefined
  }
}

const octal = (mode: number): string => (mode & 0o7777).toString(8)
