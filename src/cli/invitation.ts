import { type Command, Option } from 'commander'
import {
  type InvitationCreated,
  invitationCreatedSchema,
  invitationSchema,
  joinedSchema,
  registeredSchema,
} from '../api/invitations.ts'
import { roleSchema } from '../api/organizations.ts'
import type { z } from '../api/schema.ts'
import { createApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { findCredential } from './credentials.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { readNewPassword } from './input.ts'
import { table } from './table.ts'

interface CreateOptions {
  readonly json?: boolean
  readonly email?: string
  readonly role: string
  readonly team?: readonly string[]
  readonly expires: string
}

interface AcceptOptions {
  readonly json?: boolean
  readonly newUser?: string
  readonly displayName?: string
  readonly email?: string
  readonly passwordStdin?: boolean
}

export function addInvitationCommands(program: Command, line: CommandLine): void {
  const invitation = program.command('invitation').description('links by which people join an organization')
  addCommand(invitation, 'create', 'invite somebody (owners): prints a link that serves once, this once')
    .argument('<org>', 'the organization')
    .option('--email <address>', 'send the link there, where the server sends mail')
    .addOption(new Option('--role <role>', 'what they will be').choices(roleSchema.options).default('member'))
    .option('--team <team...>', 'a team that they will be in')
    .option('--expires <time>', 'how long the link serves: 1m to 30d', '7d')
    .action((org: string, o: CreateOptions) => create(line, org, o))
  addCommand(invitation, 'list', 'list invitations')
    .argument('<org>', 'the organization')
    .action((org: string, o: { json?: boolean }) => list(line, org, o))
  addCommand(invitation, 'revoke', 'revoke an invitation: its link serves no more')
    .argument('<org>', 'the organization')
    .argument('<id>', 'id of the invitation, as invitation list prints it')
    .action((org: string, id: string, o: { json?: boolean }) => revoke(line, org, id, o))
  addCommand(invitation, 'accept', 'join by a link, as who you are signed in or with a new account')
    .argument('<url>', 'the link')
    .option('--new-user <user>', 'make an account of this name')
    .option('--display-name <name>', 'with --new-user: what people see')
    .option('--email <address>', 'with --new-user: mail address; none for none, else that of the invitation')
    .option('--password-stdin', 'with --new-user: read its password from standard input')
    .action((url: string, o: AcceptOptions) => accept(line, url, o))
}

async function create(line: CommandLine, org: string, o: CreateOptions): Promise<void> {
  const client = await connect(line)
  const body = { role: o.role, teams: o.team, expires: o.expires, email: o.email ?? null }
  const path = `/organizations/${segment(org)}/invitations`
  const document = await client.call('POST', path, invitationCreatedSchema, { body })
  const said = mailText(document)
  if (said !== undefined) line.terminal.note(said)
  answer(line, o, document, () => document.url)
}

function mailText({ email, mail, mailProblem }: InvitationCreated): string | undefined {
  if (email === null) return undefined
  if (mail === 'sent') return `The link was sent to ${email}. It is also:`
  const why = mail === 'off' ? 'this server sends no mail' : mailProblem
  return `The link was not sent to ${email}: ${why}. Hand it on yourself:`
}

async function list(line: CommandLine, org: string, o: { json?: boolean }): Promise<void> {
  const path = `/organizations/${segment(org)}/invitations`
  const invitations = await (await connect(line)).listAll(path, 'invitations', invitationSchema)
  answer(line, o, { invitations, next: null }, () =>
    table(
      ['id', 'role', 'teams', 'for', 'state', 'by', 'created', 'expires', 'accepted by'],
      invitations.map((invitation) => [
        invitation.id,
        invitation.role,
        invitation.teams.join(' ') || '-',
        invitation.email ?? '-',
        invitation.state,
        invitation.createdBy,
        age(invitation.createdAt, '-'),
        age(invitation.expiresAt, '-'),
        invitation.acceptedBy ?? '-',
      ]),
      'No invitations.',
    ),
  )
}

async function revoke(line: CommandLine, org: string, id: string, o: { json?: boolean }): Promise<void> {
  await (await connect(line)).send('DELETE', `/organizations/${segment(org)}/invitations/${segment(id)}`)
  answer(line, o, { revoked: id }, () => `Revoked invitation ${id}.`)
}

async function accept(line: CommandLine, link: string, o: AcceptOptions): Promise<void> {
  const { server, secret } = parseLink(link)
  if (o.newUser !== undefined) return register(line, server, secret, { ...o, newUser: o.newUser })
  const token = await tokenFor(line, server)
  if (token === undefined) {
    throw new UsageError(
      `you are not signed in to ${server}: KAGAMI_SERVER=${server} kagami login --username USER, or make an account by --new-user NAME`,
    )
  }
  const client = createApiClient(server, `Bearer ${token}`)
  const document = await client.call('POST', '/invitations/accept', joinedSchema, { body: { secret } })
  answer(line, o, document, () => `You are ${document.role} of ${document.organization}${teamsText(document)}.`)
}

async function register(
  line: CommandLine,
  server: string,
  secret: string,
  o: AcceptOptions & { readonly newUser: string },
): Promise<void> {
  const password = await readNewPassword(line, o.passwordStdin)
  const email = o.email === 'none' ? null : o.email
  const body = { secret, username: o.newUser, password, displayName: o.displayName, email }
  const client = createApiClient(server, undefined)
  const document = await client.call('POST', '/invitations/register', registeredSchema, { body })
  const { user, role, organization } = document
  const text = `Created user ${user.username}, ${role} of ${organization}${teamsText(document)}.`
  answer(line, o, document, () => text)
  line.terminal.note(`Sign in by: KAGAMI_SERVER=${server} kagami login --username ${user.username}`)
}

function teamsText({ teams }: z.infer<typeof joinedSchema>): string {
  return teams.length === 0 ? '' : `, and in ${teams.join(', ')}`
}

/** The link says which server it is of. @throws UsageError */
function parseLink(link: string): { readonly server: string; readonly secret: string } {
  const url = URL.canParse(link) ? new URL(link) : undefined
  const secret = url?.hash.slice(1) ?? ''
  if (url === undefined || !/^https?:$/.test(url.protocol) || !/^kgm_inv_\w+$/.test(secret)) {
    throw new UsageError('want the whole link of an invitation: https://HOST/invitations#kgm_inv_…')
  }
  return { server: url.origin, secret }
}

/** A token is told to the server that it is of, and to no other, whatever a link names. */
async function tokenFor(line: CommandLine, server: string): Promise<string | undefined> {
  const settings = line.clientSettings()
  const isOwn = new URL(settings.server).origin === server
  if (isOwn && settings.token !== undefined) return settings.token.reveal()
  return (await findCredential(line.credentialsPath, isOwn ? settings.server : server))?.token
}
