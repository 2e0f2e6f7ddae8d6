import type { Command } from 'commander'
import { repositoryAnswerSchema } from '../api/repositories.ts'
import {
  type Upstream,
  upstreamAnswerSchema,
  upstreamChangeAnswerSchema,
  upstreamSchema,
  upstreamShowSchema,
} from '../api/upstreams.ts'
import { upstreamText } from './budget-text.ts'
import { type ApiClient, repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect, organizationFlag } from './command-line.ts'
import { checkOwner, isDefault, type Owner, readCertificates, URL_ABOUT, withCheckHint } from './connection.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { readPassword } from './input.ts'
import { blocks, lines, table } from './table.ts'
import { addHookCommand } from './upstream-hook.ts'
import { changeText, checkText, knownRepository, nextText, type Wording } from './upstream-text.ts'

interface AddOptions extends Owner {
  readonly json?: boolean
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly caFile?: string
  readonly plainHttp?: boolean
  readonly referrersFrom?: string
  readonly prefix?: string
  readonly maxRate?: readonly string[]
  readonly check: boolean
}

/** False: taken away by the option's `--no-` form. */
interface ChangeOptions extends Owner {
  readonly json?: boolean
  readonly url?: string
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly credential: boolean
  readonly caFile?: string | false
  readonly plainHttp?: boolean
  readonly referrersFrom?: string | false
  readonly prefix?: string
  readonly maxRate?: readonly string[] | false
  readonly check: boolean
}

const RATE_ABOUT =
  'ask it no more often, or read no faster: 10/s, 100/h, 50MB/s; several hold together; default: what the registry documents'

export function addUpstreamCommands(program: Command, line: CommandLine): void {
  const upstream = program.command('upstream').description('registries to mirror from')
  addCommand(upstream, 'add', 'add a registry')
    .argument('<name>', 'how mirrors call it')
    .argument('<url>', URL_ABOUT)
    .option('--org <org>', 'the organization that may use it; default: your only one')
    .option('--shared', 'every organization may use it (operators)')
    .option('--username <user>', 'sign in there as this user')
    .option('--password-stdin', 'read the password or token from standard input, do not ask for it')
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--plain-http', 'allow http to a host that is not this machine')
    .option('--referrers-from <upstream>', 'read signatures and attestations from this upstream too')
    .option('--prefix <text>', 'default names of mirrors begin with it; default: dhi- for dhi.io and …/dhi, else none')
    .option('--max-rate <rate...>', RATE_ABOUT)
    .option('--no-check', 'do not look at the registry now')
    .action((name: string, url: string, o: AddOptions) => add(line, name, url, o))
  addCommand(upstream, 'change', 'change address, login or trust of a registry; its mirrors go on')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .option('--url <url>', URL_ABOUT)
    .option('--username <user>', 'sign in there as this user')
    .option('--password-stdin', 'read the password or token from standard input, do not ask for it')
    .option('--no-credential', 'sign in no more')
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--no-ca-file', "trust the system's certificates alone")
    .option('--plain-http', 'allow http to a host that is not this machine')
    .option('--no-plain-http', 'want https')
    .option('--referrers-from <upstream>', 'read signatures and attestations from this upstream too')
    .option('--no-referrers-from', 'read them from the registry itself alone')
    .option('--prefix <text>', 'default names of further mirrors begin with it; "" for none')
    .option('--max-rate <rate...>', RATE_ABOUT)
    .option('--no-max-rate', 'no limit of ours')
    .option('--no-check', 'do not look at the registry now')
    .action((name: string, o: ChangeOptions) => change(line, name, o))
  addCommand(upstream, 'show', 'show a registry, and what is left of its budget')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .action((name: string, o: Owner & { json?: boolean }) => show(line, name, o))
  addCommand(upstream, 'list', 'list registries')
    .option('--org <org>', 'as one organization sees them')
    .action((o: { json?: boolean; org?: string }) => list(line, o))
  addHookCommand(upstream, line)
  addCommand(upstream, 'remove', 'remove a registry that no mirror uses')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .action((name: string, o: Owner & { json?: boolean }) => remove(line, name, o))
}

async function add(line: CommandLine, name: string, url: string, o: AddOptions): Promise<void> {
  checkOwner(o)
  if (o.username === undefined && o.passwordStdin === true) throw new UsageError('--password-stdin wants --username')
  const client = await connect(line)
  const body = {
    name,
    url,
    organization: o.shared === true ? null : await chooseOrganization(client, o.org),
    username: o.username,
    password: o.username === undefined ? undefined : await readPassword(line, o.passwordStdin),
    ca: o.caFile === undefined ? undefined : await readCertificates(o.caFile),
    plainHttp: o.plainHttp,
    referrersFrom: o.referrersFrom,
    prefix: o.prefix,
    maxRate: isDefault(o.maxRate) ? null : o.maxRate,
    check: o.check,
  }
  const document = await client
    .call('POST', '/upstreams', upstreamAnswerSchema, { body })
    .catch((error) => withCheckHint(error, o, 'Nothing was added; --no-check adds it all the same.'))
  const { upstream, check } = document
  const wording = await wordingOf(line, client, upstream)
  const as = await findOtherName(client, upstream, knownRepository(check, upstream.url))
  answer(line, o, document, () =>
    blocks([
      lines([`Added upstream ${upstream.name}, ${upstream.url}`]),
      ...(check === null ? [] : [checkText(check, upstream.username, wording)]),
      nextText(check, upstream.url, wording, as),
    ]),
  )
}

/** Names that are tried where that of a mirror is taken. */
const TRIED = 9

/** @returns a name that is free where the one that a mirror would get is not; undefined also where that is not known */
async function findOtherName(client: ApiClient, upstream: Upstream, source: string | undefined) {
  const { organization, prefix } = upstream
  if (organization === null || source === undefined) return undefined
  const name = `${prefix}${source.replaceAll('/', '-')}`
  const isTaken = (one: string) =>
    client
      .call('GET', `/repositories/${repositoryPath(`${organization}/${one}`)}`, repositoryAnswerSchema)
      .then(() => true)
      .catch(() => false)
  for (let n = 1; n <= TRIED; n++) {
    const one = n === 1 ? name : `${name}-${n}`
    if (!(await isTaken(one))) return n === 1 ? undefined : one
  }
  return undefined
}

async function change(line: CommandLine, name: string, o: ChangeOptions): Promise<void> {
  checkOwner(o)
  const isLogin = o.username !== undefined || o.passwordStdin === true
  if (!o.credential && isLogin) throw new UsageError('--no-credential excludes --username and --password-stdin')
  const given = [o.url, o.caFile, o.plainHttp, o.referrersFrom, o.prefix, o.maxRate]
  if (o.credential && !isLogin && given.every((one) => one === undefined)) {
    throw new UsageError('got nothing to change')
  }
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  const body = {
    url: o.url,
    username: o.username,
    password: isLogin ? await readPassword(line, o.passwordStdin) : o.credential ? undefined : null,
    ca: typeof o.caFile === 'string' ? await readCertificates(o.caFile) : o.caFile === false ? null : undefined,
    plainHttp: o.plainHttp,
    referrersFrom: o.referrersFrom === false ? null : o.referrersFrom,
    prefix: o.prefix,
    maxRate: o.maxRate === false ? [] : isDefault(o.maxRate) ? null : o.maxRate,
    check: o.check,
  }
  const document = await client
    .call('PATCH', `/upstreams/${segment(name)}`, upstreamChangeAnswerSchema, { body, query: { organization } })
    .catch((error) => withCheckHint(error, o, 'Nothing was changed; --no-check changes it all the same.'))
  const { upstream, check } = document
  const wording = await wordingOf(line, client, upstream)
  answer(line, o, document, () =>
    blocks([
      lines([`Changed upstream ${upstream.name}, ${upstream.url}`]),
      ...(check === null ? [] : [checkText(check, upstream.username, wording)]),
      changeText(document, wording),
    ]),
  )
}

async function show(line: CommandLine, name: string, o: Owner & { json?: boolean }): Promise<void> {
  checkOwner(o)
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  const path = `/upstreams/${segment(name)}`
  const document = await client.call('GET', path, upstreamShowSchema, { query: { organization } })
  answer(line, o, document, () => upstreamText(document))
}

async function wordingOf(line: CommandLine, client: ApiClient, upstream: Upstream): Promise<Wording> {
  const organization = await organizationFlag(client, upstream.organization)
  const owner = upstream.organization === null ? ' --shared' : organization
  return { program: line.program, name: upstream.name, organization, owner }
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
