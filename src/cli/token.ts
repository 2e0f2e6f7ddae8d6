import { type Command, InvalidArgumentError, Option } from 'commander'
import { tokenRightSchema } from '../api/organization-tokens.ts'
import { tokenCreatedSchema, tokenSchema, tokenScopeSchema } from '../api/tokens.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import {
  createOrganizationToken,
  listOrganizationTokens,
  revokeOrganizationToken,
  setOrganizationTokenActive,
} from './organization-token.ts'
import { table } from './table.ts'

interface Json {
  readonly json?: boolean
  readonly org?: string
}

interface CreateOptions extends Json {
  readonly label: string
  readonly scope: string
  readonly expires: string
  readonly allow?: readonly string[]
  readonly repositories?: readonly string[]
}

export function addTokenCommands(program: Command, line: CommandLine): void {
  const token = program.command('token').description('your personal access tokens, and those of organizations')
  const scopes = new Option('--scope <scope>', 'what your token may do; each includes the ones before')
  addCommand(token, 'create', 'create a token and print it, this once')
    .requiredOption('--label <label>', 'what it is for')
    .addOption(scopes.choices(tokenScopeSchema.options).default('read'))
    .option('--expires <time>', 'a number of days such as 90d, or never', '90d')
    .option('--org <org>', 'a token of this organization, for machines (owners); user name is its name')
    .option('--repositories <pattern...>', 'with --org: repositories, or patterns such as dhi-*; * is all')
    .option('--allow <rights>', `with --org: of ${tokenRightSchema.options.join(',')}, joined by commas`, rights)
    .action((o: CreateOptions, command: Command) => create(line, o, command.getOptionValueSource('scope') === 'cli'))
  addCommand(token, 'list', 'list your tokens, or those of an organization')
    .option('--org <org>', 'tokens of this organization (owners)')
    .action((o: Json) => (o.org === undefined ? list(line, o) : listOrganizationTokens(line, o.org, o)))
  addCommand(token, 'revoke', 'revoke a token: the next request with it is refused')
    .argument('<id>', 'id of the token, as token list prints it')
    .option('--org <org>', 'a token of this organization (owners)')
    .action((id: string, o: Json) =>
      o.org === undefined ? revoke(line, id, o) : revokeOrganizationToken(line, o.org, id, o),
    )
  for (const [verb, active, about] of [
    ['deactivate', false, 'deactivate a token of an organization until it is activated (owners)'],
    ['activate', true, 'let a deactivated token of an organization serve again (owners)'],
  ] as const) {
    addCommand(token, verb, about)
      .argument('<id>', 'id of the token, as token list prints it')
      .requiredOption('--org <org>', 'the organization')
      .action((id: string, o: Json & { org: string }) =>
        setOrganizationTokenActive(line, { org: o.org, id, active }, o),
      )
  }
}

/** `pull,push`. */
function rights(text: string): string[] {
  const given = text.split(',')
  const unknown = given.find((one) => !tokenRightSchema.safeParse(one).success)
  if (unknown === undefined) return given
  throw new InvalidArgumentError(`got ${JSON.stringify(unknown)}, want some of ${tokenRightSchema.options.join(',')}.`)
}

async function create(line: CommandLine, o: CreateOptions, isScopeGiven: boolean): Promise<void> {
  const { org, allow, repositories } = o
  if (org !== undefined) {
    if (isScopeGiven) throw new UsageError('a token of an organization has no --scope: give --allow')
    if (allow === undefined || repositories === undefined) {
      throw new UsageError('with --org, give --repositories and --allow')
    }
    await createOrganizationToken(line, { ...o, org, allow, repositories })
    return
  }
  if (allow !== undefined || repositories !== undefined) {
    throw new UsageError('--repositories and --allow are for tokens of an organization: give --org')
  }
  const client = await connect(line)
  const body = { label: o.label, scope: o.scope, expires: o.expires }
  const document = await client.call('POST', '/tokens', tokenCreatedSchema, { body })
  answer(line, o, document, () => document.token)
}

async function list(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const tokens = await (await connect(line)).listAll('/tokens', 'tokens', tokenSchema)
  answer(line, o, { tokens, next: null }, () =>
    table(
      ['id', 'label', 'scope', 'expires', 'last used'],
      tokens.map((token) => [
        token.id,
        token.label,
        token.scope,
        age(token.expiresAt, 'never'),
        age(token.lastUsedAt, 'never'),
      ]),
      'No tokens yet.',
    ),
  )
}

async function revoke(line: CommandLine, id: string, o: { json?: boolean }): Promise<void> {
  await (await connect(line)).send('DELETE', `/tokens/${segment(id)}`)
  answer(line, o, { revoked: id }, () => `Revoked token ${id}.`)
}
