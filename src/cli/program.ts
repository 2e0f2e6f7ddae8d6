/** The command line as a whole: every verb, and what the program ends with. */
import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { errorBodyOf } from '../api/error-body.ts'
import type { ErrorBody } from '../api/errors.ts'
import { type AppError, isAppError, messageOf } from '../errors.ts'
import { printableLine } from '../lib/printable.ts'
import type { CommandLine } from './command-line.ts'
import { addCommands } from './commands.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { printing } from './terminal.ts'

/** @param verb that is asked for: no other is loaded */
export async function createProgram(line: CommandLine, verb?: string): Promise<Command> {
  const program = new Command('kagami')
    .description('A private, verified, complete and fresh mirror of the container images you build on')
    .version(version)
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => line.terminal.print(text.replace(/\n$/, '')),
      writeErr: (text) => line.terminal.note(text.replace(/\n$/, '')),
    })
  await addCommands(program, line, verb)
  shortenUsage(program)
  return program
}

/** After an error, the help of a group says what there is; that of one command would push the error out of sight. */
function shortenUsage(group: Command): void {
  for (const command of group.commands) {
    if (command.commands.length > 0) shortenUsage(command)
    else command.showHelpAfterError(usageText(command))
  }
}

function usageText(command: Command): string {
  if (command.commands.length > 0) return command.helpInformation().trimEnd()
  const [usage = ''] = command.helpInformation().split('\n')
  const names: string[] = []
  for (let one: Command | null = command; one !== null; one = one.parent) names.unshift(one.name())
  return `${usage}\nAll of it: ${names.join(' ')} --help`
}

/**
 * Runs one command.
 * @param args without the program's own name
 * @returns the exit status: 0 done, 1 failed or partial, 2 wrong use
 */
export async function runProgram(args: readonly string[], given: CommandLine): Promise<number> {
  const line: CommandLine = { ...given, terminal: printing(given.terminal) }
  const program = await createProgram(line, args[0])
  try {
    await program.parseAsync([...args], { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof ExitStatus) return error.status
    // Its parser has printed what is wrong, with the usage; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse
    if (error instanceof UsageError) {
      line.terminal.note(`error: ${error.message}\n\n${usageText(commandOf(program, args))}`)
      return EXIT.wrongUse
    }
    if (args.includes('--json')) line.terminal.print(JSON.stringify(errorDocument(error), null, 2))
    line.terminal.note(errorText(error))
    return EXIT.failed
  }
}

/** The command that the arguments name, for its usage. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program
  for (const arg of args) {
    const next = command.commands.find((one) => one.name() === arg)
    if (next === undefined) return command
    command = next
  }
  return command
}

/** As the management API has it. */
function errorDocument(error: unknown): ErrorBody {
  return errorBodyOf(isAppError(error) ? error : { code: 'INTERNAL', message: messageOf(error) })
}

/** The message, then what the server added; a bug with its stack, as there is nobody else to show it to. */
function errorText(error: unknown): string {
  if (!isAppError(error)) return error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  const hint = error.code === 'UNAUTHORIZED' ? '\nsign in by kagami login, or set KAGAMI_TOKEN' : ''
  return `error: ${printableLine(error.message)} (${error.code})${detailText(error)}${hint}`
}

function detailText({ detail, message }: AppError): string {
  if (detail === undefined || detail === null || isSaid(detail, message)) return ''
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail)
  return `\n  ${printableLine(text.slice(0, 2000))}`
}

/** Whether the detail is a list of what the message says already. */
function isSaid(detail: unknown, message: string): boolean {
  if (!Array.isArray(detail)) return false
  return detail.every((one: unknown) => {
    const text = typeof one === 'object' && one !== null && 'message' in one ? one.message : undefined
    return typeof text === 'string' && message.includes(text)
  })
}
