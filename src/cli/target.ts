import { type Command, Option } from 'commander'
import {
  registryKindSchema,
  type SignIn,
  type Target,
  targetAnswerSchema,
  targetChangeAnswerSchema,
  targetSchema,
  targetShowSchema,
} from '../api/targets.ts'
import { type ApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect, organizationFlag } from './command-line.ts'
import { checkOwner, isDefault, type Owner, readCertificates, URL_ABOUT, withCheckHint } from './connection.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { readPassword } from './input.ts'
import { blocks, lines, table } from './table.ts'
import { signInText, type TargetWording, targetChangeText, targetCheckText, targetText } from './target-text.ts'

interface SignInOptions {
  readonly signIn?: SignIn['by']
  readonly region?: string
  readonly role?: string
  readonly tenant?: string
}

interface AddOptions extends Owner, SignInOptions {
  readonly json?: boolean
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly caFile?: string
  readonly plainHttp?: boolean
  readonly kind?: string
  readonly maxRate?: readonly string[]
  readonly check: boolean
}

/** False: taken away by the option's `--no-` form. */
interface ChangeOptions extends Owner, SignInOptions {
  readonly json?: boolean
  readonly url?: string
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly credential: boolean
  readonly caFile?: string | false
  readonly plainHttp?: boolean
  readonly kind?: string | false
  readonly maxRate?: readonly string[] | false
  readonly check: boolean
}

const RATE_ABOUT =
  'ask it no more often, or read no faster: 10/s, 100/h, 50MB/s; several hold together; default: what the registry documents'
const KIND_ABOUT = 'what registry it is, where its address does not say it'
const KINDS = registryKindSchema.options

export function addTargetCommands(program: Command, line: CommandLine): void {
  const target = program.command('target').description('registries to replicate to')
  addSignIn(
    addCommand(target, 'add', 'add a registry')
      .argument('<name>', 'how replications call it')
      .argument('<url>', URL_ABOUT)
      .option('--org <org>', 'the organization that may use it; default: your only one')
      .option('--shared', 'every organization may use it (operators)')
      .option('--username <user>', 'sign in there as this user; the id of a key where --sign-in takes one')
      .option('--password-stdin', 'read the password, token or key from standard input, do not ask for it'),
  )
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--plain-http', 'allow http to a host that is not this machine')
    .addOption(new Option('--kind <kind>', KIND_ABOUT).choices(KINDS))
    .option('--max-rate <rate...>', RATE_ABOUT)
    .option('--no-check', 'do not look at the registry now')
    .action((name: string, url: string, o: AddOptions) => add(line, name, url, o))
  addSignIn(
    addCommand(target, 'change', 'change address, login or trust of a registry; its replications go on')
      .argument('<name>', 'its name')
      .option('--org <org>', 'the organization that it belongs to; default: your only one')
      .option('--shared', 'it is shared (operators)')
      .option('--url <url>', URL_ABOUT)
      .option('--username <user>', 'sign in there as this user; the id of a key where --sign-in takes one')
      .option('--password-stdin', 'read the password, token or key from standard input, do not ask for it')
      .option('--no-credential', 'forget user and password'),
  )
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--no-ca-file', "trust the system's certificates alone")
    .option('--plain-http', 'allow http to a host that is not this machine')
    .option('--no-plain-http', 'want https')
    .addOption(new Option('--kind <kind>', KIND_ABOUT).choices(KINDS))
    .option('--no-kind', 'as its address says')
    .option('--max-rate <rate...>', RATE_ABOUT)
    .option('--no-max-rate', 'no limit of ours')
    .option('--no-check', 'do not look at the registry now')
    .action((name: string, o: ChangeOptions) => change(line, name, o))
  addCommand(target, 'show', 'show a registry, and what is left of its budget')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .action((name: string, o: Owner & { json?: boolean }) => show(line, name, o))
  addCommand(target, 'list', 'list registries')
    .option('--org <org>', 'as one organization sees them')
    .action((o: { json?: boolean; org?: string }) => list(line, o))
  addCommand(target, 'remove', 'remove a registry that no replication writes to; what is there stays')
    .argument('<name>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .action((name: string, o: Owner & { json?: boolean }) => remove(line, name, o))
}

function addSignIn(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--sign-in <way>',
        'by user and password; by a cloud, with the given keys or, where it is shared, as the server itself; or by docker on the server',
      ).choices(['password', 'ecr', 'google', 'azure', 'docker']),
    )
    .option('--region <region>', 'with --sign-in ecr: the region, where the address does not say it')
    .option('--role <arn>', 'with --sign-in ecr: a role to assume')
    .option('--tenant <id>', 'with --sign-in azure: the tenant that the keys belong to')
}

/** @throws UsageError for what goes with another way to sign in */
function signInOf({ signIn: by, region, role, tenant }: SignInOptions): SignIn | undefined {
  if (by !== 'ecr' && region !== undefined) throw new UsageError('--region goes with --sign-in ecr')
  if (by !== 'ecr' && role !== undefined) throw new UsageError('--role goes with --sign-in ecr')
  if (by !== 'azure' && tenant !== undefined) throw new UsageError('--tenant goes with --sign-in azure')
  if (by === undefined) return undefined
  if (by === 'ecr') {
    return { by, ...(region === undefined ? {} : { region }), ...(role === undefined ? {} : { role }) }
  }
  return by === 'azure' && tenant !== undefined ? { by, tenant } : { by }
}

async function add(line: CommandLine, name: string, url: string, o: AddOptions): Promise<void> {
  checkOwner(o)
  if (o.username === undefined && o.passwordStdin === true) throw new UsageError('--password-stdin wants --username')
  const signIn = signInOf(o)
  const client = await connect(line)
  const body = {
    name,
    url,
    organization: o.shared === true ? null : await chooseOrganization(client, o.org),
    kind: o.kind,
    signIn,
    username: o.username,
    password: o.username === undefined ? undefined : await readPassword(line, o.passwordStdin),
    ca: o.caFile === undefined ? undefined : await readCertificates(o.caFile),
    plainHttp: o.plainHttp,
    maxRate: isDefault(o.maxRate) ? null : o.maxRate,
    check: o.check,
  }
  const document = await client
    .call('POST', '/targets', targetAnswerSchema, { body })
    .catch((error) => withCheckHint(error, o, 'Nothing was added; --no-check adds it all the same.'))
  const { target, check } = document
  const wording = await wordingOf(line, client, target)
  answer(line, o, document, () =>
    blocks([
      lines([`Added target ${target.name}, ${target.url}`]),
      ...(check === null ? [] : [targetCheckText(check, target, wording)]),
    ]),
  )
}

async function change(line: CommandLine, name: string, o: ChangeOptions): Promise<void> {
  checkOwner(o)
  const signIn = signInOf(o)
  const isLogin = o.username !== undefined || o.passwordStdin === true
  if (!o.credential && isLogin) throw new UsageError('--no-credential excludes --username and --password-stdin')
  const given = [o.url, o.caFile, o.plainHttp, o.kind, o.maxRate, signIn]
  if (o.credential && !isLogin && given.every((one) => one === undefined)) {
    throw new UsageError('got nothing to change')
  }
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  const body = {
    url: o.url,
    kind: o.kind === false ? null : o.kind,
    signIn,
    username: o.username,
    password: isLogin ? await readPassword(line, o.passwordStdin) : o.credential ? undefined : null,
    ca: typeof o.caFile === 'string' ? await readCertificates(o.caFile) : o.caFile === false ? null : undefined,
    plainHttp: o.plainHttp,
    maxRate: o.maxRate === false ? [] : isDefault(o.maxRate) ? null : o.maxRate,
    check: o.check,
  }
  const document = await client
    .call('PATCH', `/targets/${segment(name)}`, targetChangeAnswerSchema, { body, query: { organization } })
    .catch((error) => withCheckHint(error, o, 'Nothing was changed; --no-check changes it all the same.'))
  const { target, check } = document
  const wording = await wordingOf(line, client, target)
  answer(line, o, document, () =>
    blocks([
      lines([`Changed target ${target.name}, ${target.url}`]),
      ...(check === null ? [] : [targetCheckText(check, target, wording)]),
      targetChangeText(document),
    ]),
  )
}

async function show(line: CommandLine, name: string, o: Owner & { json?: boolean }): Promise<void> {
  checkOwner(o)
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  const document = await client.call('GET', `/targets/${segment(name)}`, targetShowSchema, { query: { organization } })
  answer(line, o, document, () => targetText(document))
}

async function wordingOf(line: CommandLine, client: ApiClient, target: Target): Promise<TargetWording> {
  const owner = target.organization === null ? ' --shared' : await organizationFlag(client, target.organization)
  return { program: line.program, name: target.name, owner }
}

async function list(line: CommandLine, o: { json?: boolean; org?: string }): Promise<void> {
  const client = await connect(line)
  const targets = await client.listAll('/targets', 'targets', targetSchema, { organization: o.org })
  answer(line, o, { targets, next: null }, () =>
    table(
      ['name', 'url', 'organization', 'kind', 'signs in', 'added'],
      targets.map((target) => [
        target.name,
        target.url,
        target.organization ?? '(shared)',
        target.kind,
        signInText(target.signIn, target.username),
        age(target.createdAt, '-'),
      ]),
      `No targets yet. Add one: ${line.program} target add NAME URL`,
    ),
  )
}

async function remove(line: CommandLine, name: string, o: Owner & { json?: boolean }): Promise<void> {
  checkOwner(o)
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  await client.send('DELETE', `/targets/${segment(name)}`, { query: { organization } })
  answer(line, o, { removed: name }, () => `Removed target ${name}; what was sent there stays.`)
}
