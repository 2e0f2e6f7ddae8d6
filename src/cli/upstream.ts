import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { upstreamAnswerSchema, upstreamSchema } from '../api/upstreams.ts'
import { AppError, messageOf } from '../errors.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { readSecret } from './input.ts'
import { table } from './table.ts'

interface Owner {
  readonly org?: string
  readonly shared?: boolean
}

interface AddOptions extends Owner {
  readonly json?: boolean
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly caFile?: string
  readonly plainHttp?: boolean
  readonly referrersFrom?: string
  readonly prefix?: string
}

export function addUpstreamCommands(program: Command, line: CommandLine): void {
  const upstream = program.command('upstream').description('registries to mirror from')
  addCommand(upstream, 'add', 'add a registry')
    .argument('<name>', 'how mirrors call it')
    .argument('<url>', 'https://HOST[:PORT][/PATH]; the path is a prefix of its repositories')
    .option('--org <org>', 'the organization that may use it; default: your only one')
    .option('--shared', 'every organization may use it (operators)')
    .option('--username <user>', 'sign in there as this user')
    .option('--password-stdin', 'read the password or token from standard input')
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--plain-http', 'allow http to a host that is not this machine')
    .option('--referrers-from <upstream>', 'read signatures and attestations from this upstream too')
    .option('--prefix <text>', 'default names of mirrors begin with it; default: dhi- for dhi.io and …/dhi, else none')
    .action((name: string, url: string, o: AddOptions) => add(line, name, url, o))
  addCommand(upstream, 'list', 'list registries')
    .option('--org <org>', 'as one organization sees them')
    .action((o: { json?: boolean; org?: string }) => list(line, o))
  addCommand(upstream, 'remove', 'remove a registry that no mirror uses')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .action((name: string, o: Owner & { json?: boolean }) => remove(line, name, o))
}

function checkOwner(o: Owner): void {
  if (o.org !== undefined && o.shared === true) throw new UsageError('--org and --shared exclude each other')
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new AppError('INVALID_REQUEST', `--ca-file ${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

async function add(line: CommandLine, name: string, url: string, o: AddOptions): Promise<void> {
  checkOwner(o)
  if ((o.username === undefined) !== (o.passwordStdin !== true)) {
    throw new UsageError('--username and --password-stdin go together')
  }
  const client = await connect(line)
  const body = {
    name,
    url,
    organization: o.shared === true ? null : await chooseOrganization(client, o.org),
    username: o.username,
    password: o.passwordStdin === true ? await readSecret(line, 'password') : undefined,
    ca: o.caFile === undefined ? undefined : await readCertificates(o.caFile),
    plainHttp: o.plainHttp,
    referrersFrom: o.referrersFrom,
    prefix: o.prefix,
  }
  const document = await client.call('POST', '/upstreams', upstreamAnswerSchema, { body })
  answer(
    line,
    o,
    document,
    () => `Added upstream ${document.upstream.name}.\nMirror from it: ${line.program} mirror start ${name}/REPOSITORY`,
  )
}

async function list(line: CommandLine, o: { json?: boolean; org?: string }): Promise<void> {
  const client = await connect(line)
  const upstreams = await client.listAll('/upstreams', 'upstreams', upstreamSchema, { organization: o.org })
  answer(line, o, { upstreams, next: null }, () =>
    table(
      ['name', 'url', 'organization', 'user', 'referrers from', 'prefix', 'added'],
      upstreams.map((upstream) => [
        upstream.name,
        upstream.url,
        upstream.organization ?? '(shared)',
        upstream.username ?? '-',
        upstream.referrersFrom ?? '-',
        upstream.prefix || '-',
        age(upstream.createdAt, '-'),
      ]),
      `No upstreams yet. Add one: ${line.program} upstream add NAME URL`,
    ),
  )
}

async function remove(line: CommandLine, name: string, o: Owner & { json?: boolean }): Promise<void> {
  checkOwner(o)
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  await client.send('DELETE', `/upstreams/${segment(name)}`, { query: { organization } })
  answer(line, o, { removed: name }, () => `Removed upstream ${name}.`)
}
