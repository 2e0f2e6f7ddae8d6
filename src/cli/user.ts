import type { Command } from 'commander'
import { makePassword } from '../access/passwords.ts'
import { createSignInLink, signInUrl } from '../access/sign-in-links.ts'
import { type Profile, profileAnswerSchema, type UserCreated, userCreatedSchema } from '../api/users.ts'
import { readSettings } from '../config/read.ts'
import { findOperator, findUserByName } from '../db/people/users.ts'
import { AppError } from '../errors.ts'
import { systemClock } from '../lib/clock.ts'
import { createSecret } from '../lib/secret.ts'
import { locationOf, openLedger } from '../server/instance.ts'
import { listeningUrl } from '../server/listener.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { readPasswordChange, readSecret } from './input.ts'
import { properties } from './table.ts'
import { addUserAccountCommands } from './user-accounts.ts'
import { addUserIdentityCommands } from './user-identities.ts'

interface PasswordOptions {
  readonly json?: boolean
  readonly passwordStdin?: boolean
}

interface ResetOptions extends PasswordOptions {
  readonly online?: boolean
  readonly endTwoFactor?: boolean
}

interface ChangeOptions {
  readonly json?: boolean
  readonly displayName?: string
  readonly email?: string
}

export function addUserCommands(program: Command, line: CommandLine): void {
  const user = program.command('user').description('people who sign in')
  addCommand(user, 'create', 'create a user (operators)')
    .argument('<user>', 'name of the user')
    .option('--password-stdin', 'read the password from standard input; else one is made and printed, this once')
    .action((username: string, o: PasswordOptions) => create(line, username, o))
  addCommand(user, 'show', 'show your own account').action((o: { json?: boolean }) => show(line, o))
  addCommand(user, 'change', 'change your display name or mail address')
    .option('--display-name <name>', 'what people see')
    .option('--email <address>', 'mail address, by which you may sign in too; none for none')
    .action((o: ChangeOptions) => change(line, o))
  addCommand(user, 'password', 'change your password: ends your other sessions, and what docker login got by it')
    .option('--password-stdin', 'read two lines from standard input: the current password, then the new one')
    .action((o: PasswordOptions) => changePassword(line, o))
  addCommand(
    user,
    'link',
    'print a link that opens the page signed in, once; works on the data directory (KAGAMI_DATA), beside the server',
  )
    .argument('[user]', 'name of the user; an operator when left out')
    .action((username: string | undefined, o: { json?: boolean }) => link(line, username, o))
  addUserIdentityCommands(user, line)
  addUserAccountCommands(user, line)
  addCommand(
    user,
    'reset-password',
    'set a new password of any user; works on the data directory (KAGAMI_DATA), without a server',
  )
    .argument('<user>', 'name of the user')
    .option('--online', 'on the server instead, as an operator who is signed in')
    .option('--end-two-factor', 'turn two-factor authentication off too, for who has lost it')
    .option('--password-stdin', 'read the password from standard input; else one is made and printed, this once')
    .action((username: string, o: ResetOptions) => resetPassword(line, username, o))
}

/** Whoever may read the data there may set a password too: this needs no more, and ends nothing. */
async function link(line: CommandLine, username: string | undefined, o: { json?: boolean }): Promise<void> {
  const settings = readSettings()
  const ledger = await openLedger(locationOf(settings))
  try {
    const { read } = ledger.db
    const user = await (username === undefined ? findOperator(read, settings.owner) : findUserByName(read, username))
    if (user === undefined) throw absent(username)
    const made = await createSignInLink(ledger.db, systemClock, user)
    const { host, port } = settings.listen
    const url = signInUrl(settings.publicUrl ?? listeningUrl(host, port), made)
    const document = { username: user.username, url, expiresAt: made.expiresAt }
    if (o.json !== true) line.terminal.note(`Opens the page as ${user.username}, once, within 15 minutes:`)
    answer(line, o, document, () => url)
  } finally {
    await ledger.close()
  }
}

function absent(username: string | undefined): AppError {
  if (username !== undefined) {
    return new AppError('NOT_FOUND', `there is no user ${JSON.stringify(username.slice(0, 100))}`)
  }
  return new AppError(
    'NOT_FOUND',
    'there is no owner yet: kagami serve --setup prints a code by which the page makes one',
  )
}

async function create(line: CommandLine, username: string, o: PasswordOptions): Promise<void> {
  const password = o.passwordStdin === true ? await readSecret(line, 'password') : undefined
  const body = { username, password }
  const document = await (await connect(line)).call('POST', '/users', userCreatedSchema, { body })
  tell(line, o, document, `Created user ${username}.`, document.password)
}

async function resetPassword(line: CommandLine, username: string, o: ResetOptions): Promise<void> {
  const given = o.passwordStdin === true ? await readSecret(line, 'password') : undefined
  const endTwoFactor = o.endTwoFactor === true
  const document =
    o.online === true
      ? await resetOnline(line, username, { password: given, endTwoFactor })
      : await resetInData(username, given, endTwoFactor)
  const ended = endTwoFactor ? ' and two-factor authentication' : ''
  tell(line, o, document, `Set the password of ${username}; earlier sessions${ended} have ended.`, document.password)
}

async function resetOnline(line: CommandLine, username: string, body: object): Promise<UserCreated> {
  return (await connect(line)).call('PUT', `/users/${segment(username)}/password`, userCreatedSchema, { body })
}

async function resetInData(username: string, given: string | undefined, endTwoFactor: boolean): Promise<UserCreated> {
  const settings = readSettings()
  const ledger = await openLedger(locationOf(settings))
  try {
    const password = given === undefined ? makePassword() : createSecret(given)
    const user = await ledger.access.accounts.resetPassword(username, password, { endTwoFactor })
    const { id, isOperator: operator } = user
    return { user: { id, username, operator }, password: given === undefined ? password.reveal() : null }
  } finally {
    await ledger.close()
  }
}

async function show(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const document = await (await connect(line)).call('GET', '/user', profileAnswerSchema)
  answer(line, o, document, () => profileText(document.user))
}

function profileText(user: Profile): string {
  return properties([
    ['User', user.username],
    ['Id', user.id],
    ['Name', user.displayName],
    ['Mail', user.email ?? 'none'],
    ['Operator', user.operator ? 'yes' : 'no'],
    ['Two-factor', user.twoFactor ? 'on' : 'off'],
    ['Created', age(user.createdAt, '-')],
  ])
}

async function change(line: CommandLine, o: ChangeOptions): Promise<void> {
  const { displayName, email } = o
  if (displayName === undefined && email === undefined) throw new UsageError('give --display-name or --email')
  const body = { displayName, ...(email === undefined ? {} : { email: email === 'none' ? null : email }) }
  const document = await (await connect(line)).call('PATCH', '/user', profileAnswerSchema, { body })
  answer(line, o, document, () => profileText(document.user))
}

async function changePassword(line: CommandLine, o: PasswordOptions): Promise<void> {
  const client = await connect(line)
  const body = await readPasswordChange(line, o.passwordStdin)
  await client.send('PUT', '/user/password', { body })
  answer(line, o, { changed: true }, () => 'Changed your password; your other sessions have ended.')
}

/** A password that was made is printed alone on standard output. */
function tell(line: CommandLine, o: PasswordOptions, document: unknown, done: string, password: string | null): void {
  if (password !== null && o.json !== true) line.terminal.note(`${done} The password, shown this once:`)
  answer(line, o, document, () => password ?? done)
}
