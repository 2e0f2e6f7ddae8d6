import { type Command, Option } from 'commander'
import { tokenCreatedSchema, tokenSchema, tokenScopeSchema } from '../api/tokens.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { table } from './table.ts'

interface CreateOptions {
  readonly json?: boolean
  readonly label: string
  readonly scope: string
  readonly expires: string
}

export function addTokenCommands(program: Command, line: CommandLine): void {
  const token = program.command('token').description('your personal access tokens')
  const scopes = new Option('--scope <scope>', 'what it may do; each includes the ones before')
  addCommand(token, 'create', 'create a token and print it, this once')
    .requiredOption('--label <label>', 'what it is for')
    .addOption(scopes.choices(tokenScopeSchema.options).default('read'))
    .option('--expires <time>', 'a number of days such as 90d, or never', '90d')
    .action((o: CreateOptions) => create(line, o))
  addCommand(token, 'list', 'list your tokens').action((o: { json?: boolean }) => list(line, o))
  addCommand(token, 'revoke', 'revoke a token: the next request with it is refused')
    .argument('<id>', 'id of the token, as token list prints it')
    .action((id: string, o: { json?: boolean }) => revoke(line, id, o))
}

async function create(line: CommandLine, o: CreateOptions): Promise<void> {
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
