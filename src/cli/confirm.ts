/** What cannot be taken back, or has effects elsewhere, is said before and done after a word. */
import { isCancel, text } from '@clack/prompts'
import type { CommandLine } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'

/**
 * Says the effects and asks for the name; `--yes` stands for it.
 * @throws UsageError without a terminal to ask, or when another text is typed
 */
export async function confirmEffects(
  line: CommandLine,
  name: string,
  effects: readonly string[],
  isSure: boolean | undefined,
): Promise<void> {
  if (effects.length === 0 || isSure === true) return
  for (const effect of effects) line.terminal.note(effect)
  if (!line.terminal.isInteractive) return refuseUnasked(line)
  await typeName(line, name)
}

/**
 * The name of what is deleted, typed or given by `--confirm`.
 * @throws UsageError when it is another, or there is nobody to ask
 */
export async function confirmName(line: CommandLine, name: string, given: string | undefined): Promise<void> {
  if (given === undefined && line.terminal.isInteractive) return typeName(line, name)
  if (given === name) return
  const got = given === undefined ? 'missing' : JSON.stringify(given)
  throw new UsageError(`--confirm is ${got}, want ${JSON.stringify(name)}`)
}

/**
 * Asks for a word after a plan was shown; `--yes` stands for it.
 * @throws ExitStatus without a terminal to ask, UsageError when another text is typed
 */
export async function confirmWord(line: CommandLine, word: string, isSure: boolean | undefined): Promise<void> {
  if (isSure === true) return
  if (!line.terminal.isInteractive) return refuseUnasked(line)
  await typeName(line, word)
}

function refuseUnasked(line: CommandLine): never {
  line.terminal.note('Nothing was done: say --yes to do it.')
  throw new ExitStatus(EXIT.wrongUse)
}

async function typeName(_line: CommandLine, name: string): Promise<void> {
  const typed = await text({ message: `Type ${name} to go on`, output: process.stderr })
  if (!isCancel(typed) && typed === name) return
  throw new UsageError('nothing was done')
}
