/** What `token` does with `--org`: tokens that belong to an organization. */
import {
  organizationTokenAnswerSchema,
  organizationTokenCreatedSchema,
  organizationTokenSchema,
} from '../api/organization-tokens.ts'
import { segment } from './client.ts'
import { answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { table } from './table.ts'

interface Json {
  readonly json?: boolean
}

export interface OrganizationTokenOptions extends Json {
  readonly org: string
  readonly label: string
  readonly allow: readonly string[]
  readonly repositories: readonly string[]
  readonly expires: string
}

function pathOf(org: string): string {
  return `/organizations/${segment(org)}/tokens`
}

export async function createOrganizationToken(line: CommandLine, o: OrganizationTokenOptions): Promise<void> {
  const { label, allow, repositories, expires } = o
  const body = { label, allow, repositories, expires }
  const document = await (await connect(line)).call('POST', pathOf(o.org), organizationTokenCreatedSchema, { body })
  line.terminal.note(`User name with this token: ${document.username}`)
  answer(line, o, document, () => document.token)
}

export async function listOrganizationTokens(line: CommandLine, org: string, o: Json): Promise<void> {
  const tokens = await (await connect(line)).listAll(pathOf(org), 'tokens', organizationTokenSchema)
  answer(line, o, { tokens, next: null }, () =>
    table(
      ['id', 'label', 'allow', 'repositories', 'active', 'expires', 'last used'],
      tokens.map((token) => [
        token.id,
        token.label,
        token.allow.join(','),
        token.repositories.join(' '),
        token.active ? 'yes' : 'no',
        age(token.expiresAt, 'never'),
        age(token.lastUsedAt, 'never'),
      ]),
      'No tokens yet.',
    ),
  )
}

export async function revokeOrganizationToken(line: CommandLine, org: string, id: string, o: Json): Promise<void> {
  await (await connect(line)).send('DELETE', `${pathOf(org)}/${segment(id)}`)
  answer(line, o, { revoked: id }, () => `Revoked token ${id} of ${org}.`)
}

export async function setOrganizationTokenActive(
  line: CommandLine,
  { org, id, active }: { readonly org: string; readonly id: string; readonly active: boolean },
  o: Json,
): Promise<void> {
  const path = `${pathOf(org)}/${segment(id)}`
  const document = await (await connect(line)).call('PATCH', path, organizationTokenAnswerSchema, { body: { active } })
  answer(line, o, document, () => `Token ${id} of ${org} is ${active ? 'active' : 'deactivated'}.`)
}
