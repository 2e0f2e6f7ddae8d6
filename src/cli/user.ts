import type { Command } from 'commander'
import { makePassword } from '../access/passwords.ts'
import { userCreatedSchema } from '../api/users.ts'
import { readSettings } from '../config/read.ts'
import { createSecret } from '../lib/secret.ts'
import { openLedger } from '../server/instance.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { readSecret } from './input.ts'

interface PasswordOptions {
  readonly json?: boolean
  readonly passwordStdin?: boolean
}

export function addUserCommands(program: Command, line: CommandLine): void {
  const user = program.command('user').description('people who sign in')
  addCommand(user, 'create', 'create a user (operators)')
    .argument('<user>', 'name of the user')
    .option('--password-stdin', 'read the password from standard input; else one is made and printed, this once')
    .action((username: string, o: PasswordOptions) => create(line, username, o))
  addCommand(user, 'reset-password', 'set a new password; works on the data directory (KAGAMI_DATA), without a server')
    .argument('<user>', 'name of the user')
    .option('--password-stdin', 'read the password from standard input; else one is made and printed, this once')
    .action((username: string, o: PasswordOptions) => resetPassword(line, username, o))
}

async function create(line: CommandLine, username: string, o: PasswordOptions): Promise<void> {
  const password = o.passwordStdin === true ? await readSecret(line, 'password') : undefined
  const body = { username, password }
  const document = await (await connect(line)).call('POST', '/users', userCreatedSchema, { body })
  tell(line, o, document, `Created user ${username}.`, document.password)
}

async function resetPassword(line: CommandLine, username: string, o: PasswordOptions): Promise<void> {
  const given = o.passwordStdin === true ? createSecret(await readSecret(line, 'password')) : undefined
  const settings = readSettings()
  const ledger = await openLedger({ directory: settings.dataDirectory, database: settings.database })
  try {
    const password = given ?? makePassword()
    const { id, isOperator: operator } = await ledger.access.accounts.resetPassword(username, password)
    const made = given === undefined ? password.reveal() : null
    const document = { user: { id, username, operator }, password: made }
    tell(line, o, document, `Set the password of ${username}; earlier sessions have ended.`, made)
  } finally {
    await ledger.close()
  }
}

/** A password that was made is printed alone on standard output. */
function tell(line: CommandLine, o: PasswordOptions, document: unknown, done: string, password: string | null): void {
  if (password !== null && o.json !== true) line.terminal.note(`${done} The password, shown this once:`)
  answer(line, o, document, () => password ?? done)
}
