import { hostname } from 'node:os'
import type { Command } from 'commander'
import { createApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine } from './command-line.ts'
import { findCredential, storeCredential } from './credentials.ts'
import { UsageError } from './exit.ts'
import { loginByDevice } from './login-device.ts'
import { linkByProvider, loginByProvider } from './login-identity.ts'
import { loginByJob } from './login-job.ts'
import { loginByPassword } from './login-password.ts'

interface LoginOptions {
  readonly json?: boolean
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly code?: string
  readonly identity?: string
  readonly link?: boolean
  readonly takeOver?: boolean
  readonly oidcTokenFile?: string
  readonly org?: string
  readonly printToken?: boolean
}

/** What a login has got from the server. */
export interface Obtained {
  readonly id: string
  readonly token: string
  readonly username: string
  readonly expiresAt: string | null
}

export function addLoginCommands(program: Command, line: CommandLine): void {
  addCommand(program, 'login', 'sign in: makes a token and keeps it for this server; without options by a code')
    .option('--username <user>', 'sign in by the password of this user')
    .option('--password-stdin', 'read the password from standard input')
    .option(
      '--code <code>',
      'with --username: code of your authenticator, where two-factor authentication is on; else it is asked for',
    )
    .option(
      '--identity <provider>',
      'sign in by this provider, in a browser of this machine: a name, an id or an address',
    )
    .option('--link', 'with --identity: sign in to your account by it from now on')
    .option('--take-over', 'with --link: also where it has made another account for you, which is left')
    .option('--oidc-token-file <file>', 'exchange the JWT of a CI job in this file')
    .option('--org <org>', 'with --oidc-token-file: the organization whose rules take it')
    .option('--print-token', 'with --oidc-token-file: print the token, for docker login --password-stdin')
    .action((o: LoginOptions) => login(line, o))
  addCommand(program, 'logout', 'revoke the token that login made, and forget it').action((o: { json?: boolean }) =>
    logout(line, o),
  )
}

async function login(line: CommandLine, o: LoginOptions): Promise<void> {
  checkOptions(o)
  const { server } = line.clientSettings()
  const label = `kagami login on ${hostname()}`.slice(0, 100)
  if (o.identity !== undefined && o.link === true) return linkByProvider(line, o, o.identity)
  const obtained = await obtain(line, o, label)
  const { username, expiresAt } = obtained
  await keep(line, server, obtained)
  if (o.printToken === true) return line.terminal.print(obtained.token)
  answer(line, o, { server, username, expiresAt }, () => `Signed in to ${server} as ${username}.`)
}

/** @throws UsageError */
function checkOptions(o: LoginOptions): void {
  const ways = [o.username, o.identity, o.oidcTokenFile].filter((way) => way !== undefined)
  if (ways.length > 1) throw new UsageError('--username, --identity and --oidc-token-file exclude each other')
  if (o.passwordStdin === true && o.username === undefined) throw new UsageError('--password-stdin wants --username')
  if (o.code !== undefined && o.username === undefined) throw new UsageError('--code wants --username')
  if (o.link === true && o.identity === undefined) throw new UsageError('--link wants --identity')
  if (o.takeOver === true && o.link !== true) throw new UsageError('--take-over wants --link')
  if ((o.oidcTokenFile === undefined) !== (o.org === undefined)) {
    throw new UsageError('--oidc-token-file and --org go together')
  }
  if (o.printToken === true && (o.oidcTokenFile === undefined || o.json === true)) {
    throw new UsageError('--print-token wants --oidc-token-file, and no --json')
  }
}

async function obtain(line: CommandLine, o: LoginOptions, label: string): Promise<Obtained> {
  if (o.oidcTokenFile !== undefined && o.org !== undefined) return loginByJob(line, o.org, o.oidcTokenFile)
  if (o.identity !== undefined) return loginByProvider(line, o.identity, label)
  if (o.username === undefined) return loginByDevice(line, label)
  return loginByPassword(line, { ...o, username: o.username }, label)
}

async function keep(line: CommandLine, server: string, { id, token, username }: Obtained): Promise<void> {
  const before = await findCredential(line.credentialsPath, server)
  await storeCredential(line.credentialsPath, server, { username, tokenId: id, token })
  // The token of an earlier login is of no more use; a server that no longer knows it is fine.
  if (before !== undefined) await revoke(server, before.token, before.tokenId)
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
