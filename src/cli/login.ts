import { hostname } from 'node:os'
import type { Command } from 'commander'
import { signedInSchema } from '../api/sessions.ts'
import { tokenCreatedSchema } from '../api/tokens.ts'
import { isAppError } from '../errors.ts'
import { createApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine } from './command-line.ts'
import { findCredential, storeCredential } from './credentials.ts'
import { readCode, readPassword } from './input.ts'

interface LoginOptions {
  readonly json?: boolean
  readonly username: string
  readonly passwordStdin?: boolean
  readonly code?: string
}

export function addLoginCommands(program: Command, line: CommandLine): void {
  addCommand(program, 'login', 'sign in: makes a token and keeps it for this server')
    .requiredOption('--username <user>', 'name of the user')
    .option('--password-stdin', 'read the password from standard input')
    .option('--code <code>', 'code of your authenticator, where two-factor authentication is on; else it is asked for')
    .action((o: LoginOptions) => login(line, o))
  addCommand(program, 'logout', 'revoke the token that login made, and forget it').action((o: { json?: boolean }) =>
    logout(line, o),
  )
}

async function login(line: CommandLine, o: LoginOptions): Promise<void> {
  const { server } = line.clientSettings()
  const password = await readPassword(line, o.passwordStdin)
  const { id, token, username, expiresAt } = await makeToken(line, server, o, password)
  const before = await findCredential(line.credentialsPath, server)
  await storeCredential(line.credentialsPath, server, { username, tokenId: id, token })
  // The token of an earlier login is of no more use; a server that no longer knows it is fine.
  if (before !== undefined) await revoke(server, before.token, before.tokenId)
  answer(line, o, { server, username, expiresAt }, () => `Signed in to ${server} as ${username}.`)
}

const MADE = { label: `kagami login on ${hostname()}`.slice(0, 100), scope: 'admin', expires: '90d' }

/** By the password; where that is not enough, in a session that lives until the token is made. */
async function makeToken(line: CommandLine, server: string, o: LoginOptions, password: string) {
  const basic = Buffer.from(`${o.username}:${password}`).toString('base64')
  const client = createApiClient(server, `Basic ${basic}`)
  try {
    return await client.call('POST', '/tokens', tokenCreatedSchema, { body: MADE })
  } catch (error) {
    if (!isCodeWanted(error)) throw error
  }
  const code = await readCode(line, o.code, o.passwordStdin !== true)
  const body = { username: o.username, password, code }
  const session = await createApiClient(server, undefined).call('POST', '/user/sessions', signedInSchema, { body })
  const signedIn = createApiClient(server, `Bearer ${session.token}`)
  const created = await signedIn.call('POST', '/tokens', tokenCreatedSchema, { body: MADE })
  await signedIn.send('DELETE', `/user/sessions/${segment(session.id)}`)
  return created
}

function isCodeWanted(error: unknown): boolean {
  return isAppError(error, 'UNAUTHORIZED') && Object(error.detail).error === 'two_factor_required'
}

async function logout(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const { server } = line.clientSettings()
  const credential = await findCredential(line.credentialsPath, server)
  await storeCredential(line.credentialsPath, server, undefined)
  const isRevoked = credential !== undefined && (await revoke(server, credential.token, credential.tokenId))
  if (credential !== undefined && !isRevoked) {
    line.terminal.note(`The token is forgotten here, but ${server} could not be told to revoke it.`)
  }
  answer(line, o, { server, revoked: isRevoked }, () => `Signed out of ${server}.`)
}

async function revoke(server: string, token: string, tokenId: string): Promise<boolean> {
  try {
    await createApiClient(server, `Bearer ${token}`).send('DELETE', `/tokens/${segment(tokenId)}`)
    return true
  } catch {
    return false
  }
}
