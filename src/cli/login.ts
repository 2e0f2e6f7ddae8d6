import { hostname } from 'node:os'
import type { Command } from 'commander'
import { tokenCreatedSchema } from '../api/tokens.ts'
import { createApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine } from './command-line.ts'
import { findCredential, storeCredential } from './credentials.ts'
import { readPassword } from './input.ts'

interface LoginOptions {
  readonly json?: boolean
  readonly username: string
  readonly passwordStdin?: boolean
}

export function addLoginCommands(program: Command, line: CommandLine): void {
  addCommand(program, 'login', 'sign in: makes a token and keeps it for this server')
    .requiredOption('--username <user>', 'name of the user')
    .option('--password-stdin', 'read the password from standard input')
    .action((o: LoginOptions) => login(line, o))
  addCommand(program, 'logout', 'revoke the token that login made, and forget it').action((o: { json?: boolean }) =>
    logout(line, o),
  )
}

async function login(line: CommandLine, o: LoginOptions): Promise<void> {
  const { server } = line.clientSettings()
  const password = await readPassword(line, o.passwordStdin)
  const basic = Buffer.from(`${o.username}:${password}`).toString('base64')
  const client = createApiClient(server, `Basic ${basic}`)
  const body = { label: `kagami login on ${hostname()}`.slice(0, 100), scope: 'admin', expires: '90d' }
  const created = await client.call('POST', '/tokens', tokenCreatedSchema, { body })
  const { id, token, username, expiresAt } = created
  const before = await findCredential(line.credentialsPath, server)
  await storeCredential(line.credentialsPath, server, { username, tokenId: id, token })
  // The token of an earlier login is of no more use; a server that no longer knows it is fine.
  if (before !== undefined) await revoke(server, before.token, before.tokenId)
  answer(line, o, { server, username, expiresAt }, () => `Signed in to ${server} as ${username}.`)
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
