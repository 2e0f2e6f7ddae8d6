/** Secrets come by standard input or by a prompt, never by an argument: arguments are seen by every process. */
import { isCancel, password, text } from '@clack/prompts'
import type { CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'

/** All of standard input without its line end. @throws UsageError when it is empty */
export async function readSecret(line: CommandLine, what: string): Promise<string> {
  const secret = (await line.terminal.readInput()).replace(/\r?\n$/, '')
  if (secret === '') throw new UsageError(`got no ${what} on standard input`)
  return secret
}

/** By `--password-stdin`, else asked for. @throws UsageError when there is nobody to ask */
export async function readPassword(
  line: CommandLine,
  fromInput: boolean | undefined,
  message = 'Password',
): Promise<string> {
  if (fromInput === true) return readSecret(line, 'password')
  if (!line.terminal.isInteractive) throw new UsageError('no terminal to ask for the password: use --password-stdin')
  const answer = await password({ message, output: process.stderr })
  if (isCancel(answer)) throw new UsageError('no password given')
  return answer
}

/** A password that is to be set: asked for twice. @throws UsageError */
export async function readNewPassword(line: CommandLine, fromInput: boolean | undefined): Promise<string> {
  const first = await readPassword(line, fromInput, 'New password')
  if (fromInput === true || first === (await readPassword(line, false, 'New password, once more'))) return first
  throw new UsageError('the two passwords differ: nothing was done')
}

/** The current password and a new one: two lines of standard input, else asked for. @throws UsageError */
export async function readPasswordChange(
  line: CommandLine,
  fromInput: boolean | undefined,
): Promise<{ readonly current: string; readonly password: string }> {
  if (fromInput !== true) {
    const current = await readPassword(line, false, 'Current password')
    return { current, password: await readNewPassword(line, false) }
  }
  const [current = '', next = '', ...more] = (await readSecret(line, 'passwords')).split(/\r?\n/)
  if (current === '' || next === '' || more.length > 0) {
    throw new UsageError('want two lines on standard input: the current password, then the new one')
  }
  return { current, password: next }
}

/**
 * A code of an authenticator, or one for recovery: by `--code`, as it is used up at once, else asked for.
 * @param isAskable false: standard input was read already
 * @throws UsageError when there is nobody to ask
 */
export async function readCode(line: CommandLine, given: string | undefined, isAskable = true): Promise<string> {
  if (given !== undefined) return given
  if (!line.terminal.isInteractive || !isAskable) {
    throw new UsageError('a code of your authenticator is wanted: give it by --code')
  }
  const code = await text({ message: 'Code of your authenticator, or a recovery code', output: process.stderr })
  if (isCancel(code) || code.trim() === '') throw new UsageError('no code given')
  return code.trim()
}
