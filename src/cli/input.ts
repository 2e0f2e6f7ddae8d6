/** Secrets come by standard input or by a prompt, never by an argument: arguments are seen by every process. */
import { isCancel, password } from '@clack/prompts'
import type { CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'

/** All of standard input without its line end. @throws UsageError when it is empty */
export async function readSecret(line: CommandLine, what: string): Promise<string> {
  const secret = (await line.terminal.readInput()).replace(/\r?\n$/, '')
  if (secret === '') throw new UsageError(`got no ${what} on standard input`)
  return secret
}

/** By `--password-stdin`, else asked for. @throws UsageError when there is nobody to ask */
export async function readPassword(line: CommandLine, fromInput: boolean | undefined): Promise<string> {
  if (fromInput === true) return readSecret(line, 'password')
  if (!line.terminal.isInteractive) throw new UsageError('no terminal to ask for the password: use --password-stdin')
  const text = await password({ message: 'Password', output: process.stderr })
  if (isCancel(text)) throw new UsageError('no password given')
  return text
}
