import { type Command, Option } from 'commander'
import {
  ALLOWED,
  type Identity,
  type IdentityCreate,
  identityAnswerSchema,
  identitySchema,
  identityShowSchema,
} from '../api/identities.ts'
import { roleSchema } from '../api/organizations.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { addIdentityChangeCommand } from './identity-change.ts'
import {
  certificates,
  clientSecretOf,
  GROUP_ABOUT,
  GROUPS_CLAIM_ABOUT,
  groupsOf,
  OWNER_ABOUT,
  placeOf,
  SHARED_ABOUT,
} from './identity-options.ts'
import { identityText, nextStep, refusalTable } from './identity-text.ts'
import { blocks, table } from './table.ts'

interface AddOptions {
  readonly json?: boolean
  readonly shared?: boolean
  readonly issuer?: string
  readonly caFile?: string
  readonly clientId?: string
  readonly clientSecretStdin?: boolean
  readonly clientSecret?: string
  readonly role?: string
  readonly only?: boolean
  readonly group?: readonly string[]
  readonly groupsClaim?: string
  readonly trustEmail?: boolean
  readonly github?: string
  readonly gitlab?: string
  readonly ref?: string
  readonly audience?: string
  readonly subject?: string
  readonly claim?: readonly string[]
  readonly allow?: string
  readonly repositories?: readonly string[]
  readonly minutes?: string
}

interface OneOptions {
  readonly json?: boolean
  readonly shared?: boolean
}

const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
const GITLAB_ISSUER = 'https://gitlab.com'

export function addIdentityCommands(program: Command, line: CommandLine): void {
  const identity = program
    .command('identity')
    .description('providers that people sign in by, and rules for the tokens of CI jobs')
  addCommand(identity, 'add', 'add a provider (--client-id), or a rule for CI jobs')
    .argument('<org>', OWNER_ABOUT)
    .argument('[name]', 'how it is called')
    .option('--issuer <url>', 'as it names itself in its tokens')
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file')
    .option('--client-id <id>', 'provider: what it calls this server')
    .option('--client-secret-stdin', 'provider: read its client secret from standard input')
    .option('--client-secret <reference>', 'provider: env:NAME or file:PATH where its client secret stands')
    .addOption(new Option('--role <role>', 'provider: what new people become').choices(roleSchema.options))
    .option('--only', 'provider: members sign in by it, and by nothing else')
    .option('--group <mapping...>', `provider: ${GROUP_ABOUT}`)
    .option('--groups-claim <name>', `provider: ${GROUPS_CLAIM_ABOUT}`)
    .option('--shared', 'provider: of the instance (operators)')
    .option('--trust-email', 'shared provider: an account here is whose verified mail address it has')
    .option('--github <repository>', 'jobs of GitHub Actions in OWNER/REPOSITORY')
    .option('--gitlab <project>', 'jobs of GitLab CI in GROUP/PROJECT; --issuer names an own GitLab')
    .option('--ref <ref>', 'only of this branch or tag: refs/heads/main at GitHub, main at GitLab')
    .option('--audience <text>', 'whom the token must be for; default: the address of this server')
    .option('--subject <pattern>', 'its subject: exact, but for * (neither / nor :) and **')
    .option('--claim <claim...>', 'NAME=PATTERN: a further claim that must match')
    .option('--allow <list>', `what jobs may, of ${ALLOWED.join(',')}; default: pull`)
    .option(
      '--repositories <pattern...>',
      'names below the organization that they may use, or patterns such as dhi-*; default: all',
    )
    .option('--minutes <number>', 'how long their token lives, at most 60; default: 15')
    .action((org: string, name: string | undefined, o: AddOptions) => add(line, org, name, o))
  addIdentityChangeCommand(identity, line)
  addCommand(identity, 'list', 'list providers and rules')
    .argument('[org]', 'the organization')
    .option('--shared', 'those of the instance (operators)')
    .action((org: string | undefined, o: OneOptions) => list(line, org, o))
  addCommand(identity, 'show', 'show a provider, or a rule and why tokens were refused lately')
    .argument('<org>', OWNER_ABOUT)
    .argument('[name]', 'its name')
    .option('--shared', SHARED_ABOUT)
    .action((org: string, name: string | undefined, o: OneOptions) => show(line, org, name, o))
  addCommand(identity, 'remove', 'remove a provider or a rule; what jobs got by the rule ends')
    .argument('<org>', OWNER_ABOUT)
    .argument('[name]', 'its name')
    .option('--shared', SHARED_ABOUT)
    .action((org: string, name: string | undefined, o: OneOptions) => remove(line, org, name, o))
}

async function add(line: CommandLine, org: string, named: string | undefined, o: AddOptions): Promise<void> {
  const { collection, name, organization } = placeOf(org, named, o.shared)
  const body = o.clientId === undefined ? await ruleOf(line, name, o) : await providerOf(line, name, o)
  const client = await connect(line)
  const document = await client.call('POST', collection, identityAnswerSchema, { body })
  answer(line, o, document, () => blocks([`Added ${name}.`, nextStep(line.program, document.identity, organization)]))
}

const PROVIDER_OPTIONS = [
  'clientSecretStdin',
  'clientSecret',
  'role',
  'only',
  'group',
  'groupsClaim',
  'trustEmail',
  'shared',
] as const
type ProviderOptions = (typeof PROVIDER_OPTIONS)[number]
type RuleOptions = 'github' | 'gitlab' | 'ref' | 'audience' | 'subject' | 'claim' | 'allow' | 'repositories' | 'minutes'

function refuseOptions(o: AddOptions, names: readonly (ProviderOptions | RuleOptions)[], why: string): void {
  const given = names.find((name) => o[name] !== undefined)
  if (given === undefined) return
  throw new UsageError(`--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${why}`)
}

async function providerOf(line: CommandLine, name: string, o: AddOptions) {
  refuseOptions(
    o,
    ['github', 'gitlab', 'ref', 'audience', 'subject', 'claim', 'allow', 'repositories', 'minutes'],
    'is for rules: a provider has --client-id',
  )
  refuseOptions(
    o,
    o.shared ? ['role', 'only', 'group', 'groupsClaim'] : ['trustEmail'],
    o.shared ? 'is for an organization' : 'wants --shared',
  )
  if (o.issuer === undefined) throw new UsageError('a provider wants --issuer')
  const clientSecret = await clientSecretOf(line, o)
  const { issuer, clientId, role, only, trustEmail, groupsClaim } = o
  const people = { role, only, trustEmail, groupsClaim, groups: groupsOf(o.group) }
  return { kind: 'provider', name, issuer, clientId, clientSecret, ca: await certificates(o), ...people }
}

async function ruleOf(line: CommandLine, name: string, o: AddOptions) {
  refuseOptions(o, PROVIDER_OPTIONS, 'is for providers: they have --client-id')
  if (o.github !== undefined && o.gitlab !== undefined) throw new UsageError('--github and --gitlab exclude each other')
  const preset = o.github === undefined ? (o.gitlab === undefined ? undefined : GITLAB_ISSUER) : GITHUB_ISSUER
  const issuer = o.issuer ?? preset
  if (issuer === undefined) {
    throw new UsageError('want --client-id for a provider, or --github, --gitlab or --issuer for a rule')
  }
  return {
    kind: 'rule',
    name,
    issuer,
    audience: o.audience ?? line.clientSettings().server,
    subject: o.subject,
    claims: claimsOf(o),
    allow: o.allow?.split(',') as Extract<IdentityCreate, { kind: 'rule' }>['allow'] | undefined,
    repositories: o.repositories,
    minutes: o.minutes === undefined ? undefined : minutesOf(o.minutes),
    ca: await certificates(o),
  }
}

function claimsOf(o: AddOptions): Record<string, string> {
  const claims: Record<string, string> = {}
  const set = (name: string, pattern: string) => {
    if (Object.hasOwn(claims, name)) throw new UsageError(`claim ${name} is given twice`)
    claims[name] = pattern
  }
  if (o.github !== undefined) set('repository', o.github)
  if (o.gitlab !== undefined) set('project_path', o.gitlab)
  if (o.ref !== undefined) set('ref', o.ref)
  for (const text of o.claim ?? []) {
    const [, name, pattern] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (name === undefined || pattern === undefined) throw new UsageError('--claim wants NAME=PATTERN')
    set(name, pattern)
  }
  return claims
}

function minutesOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text)
  throw new UsageError(`--minutes wants a number from 1 to 60, got ${JSON.stringify(text.slice(0, 40))}`)
}

async function list(line: CommandLine, org: string | undefined, o: OneOptions): Promise<void> {
  if ((org === undefined) !== (o.shared === true)) throw new UsageError('want an organization, or --shared')
  const path = org === undefined ? '/identities' : `/organizations/${segment(org)}/identities`
  const identities = await (await connect(line)).listAll(path, 'identities', identitySchema)
  answer(line, o, { identities, next: null }, () =>
    table(
      ['name', 'kind', 'issuer', 'for', 'used'],
      identities.map((one) => [one.name, one.kind, one.issuer, whomOf(one), age(one.lastUsedAt, 'never')]),
      'No identities yet.',
    ),
  )
}

function whomOf(identity: Identity): string {
  if (identity.kind === 'provider') return identity.only ? 'people, by it only' : 'people'
  const claims = Object.entries(identity.claims).map(([name, pattern]) => `${name}=${pattern}`)
  return [...(identity.subject === null ? [] : [identity.subject]), ...claims].join(' ')
}

async function show(line: CommandLine, org: string, named: string | undefined, o: OneOptions): Promise<void> {
  const { path } = placeOf(org, named, o.shared)
  const document = await (await connect(line)).call('GET', path, identityShowSchema)
  answer(line, o, document, () => blocks([identityText(document.identity), refusalTable(document)]))
}

async function remove(line: CommandLine, org: string, named: string | undefined, o: OneOptions): Promise<void> {
  const { path, name } = placeOf(org, named, o.shared)
  await (await connect(line)).send('DELETE', path)
  answer(line, o, { removed: name }, () => `Removed ${name}.`)
}
