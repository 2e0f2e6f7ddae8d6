/** `upstream hook`: the secret address where webhooks of an upstream come. */
import type { Command } from 'commander'
import { upstreamHookSchema } from '../api/hooks.ts'
import { AppError, isAppError } from '../errors.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { lines } from './table.ts'

interface HookOptions {
  readonly json?: boolean
  readonly org?: string
  readonly shared?: boolean
  readonly rotate?: boolean
  readonly remove?: boolean
}

export function addHookCommand(upstream: Command, line: CommandLine): void {
  addCommand(
    upstream,
    'hook',
    'make the secret address for webhooks of a registry: what is pushed there is mirrored at once',
  )
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .option('--rotate', 'make a new address; the old one ends')
    .option('--remove', 'end the address, and make none')
    .action((name: string, o: HookOptions) => hook(line, name, o))
}

async function hook(line: CommandLine, name: string, o: HookOptions): Promise<void> {
  if (o.org !== undefined && o.shared === true) throw new UsageError('--org and --shared exclude each other')
  if (o.remove === true && o.rotate === true) throw new UsageError('--remove and --rotate exclude each other')
  const client = await connect(line)
  const query = { organization: o.shared === true ? undefined : await chooseOrganization(client, o.org) }
  const path = `/upstreams/${segment(name)}/hook`
  if (o.remove === true) {
    await client.send('DELETE', path, { query })
    answer(line, o, { removed: name }, () => `Removed the hook of upstream ${name}.`)
    return
  }
  const body = { rotate: o.rotate ?? false }
  const made = await client.call('POST', path, upstreamHookSchema, { body, query }).catch((error) => {
    if (query.organization === undefined || !isAppError(error, 'NOT_FOUND')) throw error
    if (error.message.includes('--shared')) throw error
    throw new AppError('NOT_FOUND', `${error.message}; a shared one: --shared`, { cause: error })
  })
  answer(line, o, made, () =>
    lines([
      made.url,
      '',
      `Give it to ${made.upstream} as the address of a webhook for pushes. Whoever knows it can say that something was pushed there.`,
      'It is shown this once; a new one: --rotate.',
    ]),
  )
}
