import { type Command, Option } from 'commander'
import {
  type ImmutableTags,
  type RepositoryDetail,
  repositoryAnswerSchema,
  repositoryChangeAnswerSchema,
  repositorySchema,
} from '../api/repositories.ts'
import { repositoryPath } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { confirmEffects, confirmName } from './confirm.ts'
import { UsageError } from './exit.ts'
import { age, size } from './format.ts'
import { addRepositoryPeopleCommands } from './repository-people.ts'
import { blocks, lines, properties, table } from './table.ts'
import { addRepositoryUsageCommand } from './usage.ts'

interface SettingsOptions {
  readonly json?: boolean
  readonly description?: string
  readonly visibility?: string
  readonly immutableTags?: 'all' | 'none'
  readonly immutablePattern?: readonly string[]
  readonly allowSparse?: boolean
  readonly keepSupersededNewest?: string
  readonly keepSupersededDays?: string
  readonly keepSupersededDaysAfterPull?: string
}

export function addRepositoryCommands(program: Command, line: CommandLine): void {
  const repository = program.command('repository').description('repositories and their settings')
  addCommand(repository, 'list', 'list repositories')
    .option('--org <org>', 'of one organization only')
    .action((o: { json?: boolean; org?: string }) => list(line, o))
  named(addCommand(repository, 'show', 'show one repository')).action((name: string, o: { json?: boolean }) =>
    show(line, name, o),
  )
  addRepositoryUsageCommand(repository, line)
  withSettings(named(addCommand(repository, 'create', 'create a repository')), { isNew: true }).action(
    (name: string, o: SettingsOptions) => create(line, name, o),
  )
  withSettings(named(addCommand(repository, 'change', 'change settings of a repository')), { isNew: false })
    .option('--no-allow-sparse', 'refuse indexes whose children are missing')
    .option('--yes', 'do not ask, though its mirror pauses')
    .action((name: string, o: SettingsOptions & { yes?: boolean }) => change(line, name, settingsOf(o), o))
  named(addCommand(repository, 'archive', 'make a repository read-only; it can still be pulled from'))
    .option('--yes', 'do not ask, though its mirror pauses')
    .action((name: string, o: { json?: boolean; yes?: boolean }) => change(line, name, { archived: true }, o))
  named(addCommand(repository, 'unarchive', 'let a repository be written again')).action(
    (name: string, o: { json?: boolean }) => change(line, name, { archived: false }, o),
  )
  addRepositoryPeopleCommands(repository, line)
  named(addCommand(repository, 'delete', 'delete a repository with all its content'))
    .option('--confirm <name>', 'the name of the repository once more; asked for in a terminal')
    .action((name: string, o: { json?: boolean; confirm?: string }) => remove(line, name, o))
}

function named(command: Command): Command {
  return command.argument('<repository>', 'ORGANIZATION/NAME')
}

/** A new repository has defaults, which its server gives; of one that is there, what is not named stays. */
function withSettings(command: Command, { isNew }: { readonly isNew: boolean }): Command {
  const otherwise = (fallback: string) => (isNew ? `; default: ${fallback}` : '')
  const visibility = new Option('--visibility <visibility>', `who may pull${otherwise('private')}`)
  const immutable = new Option('--immutable-tags <mode>', `which tags stay where they are${otherwise('none')}`)
  return command
    .option('--description <text>', 'what it is for')
    .addOption(visibility.choices(['private', 'public']))
    .addOption(immutable.choices(['all', 'none']))
    .option('--immutable-pattern <regex...>', 'only tags that match one of these (RE2, whole name) are immutable')
    .option('--allow-sparse', 'accept indexes whose children are missing')
    .option(
      '--keep-superseded-newest <count>',
      'superseded manifests that are kept in any case, the last ones; or default',
    )
    .option(
      '--keep-superseded-days <days>',
      "how long superseded content is kept; default: as the server's settings say",
    )
    .option('--keep-superseded-days-after-pull <days>', 'how long it is kept after its last pull; or default')
}

function immutableTagsOf(o: SettingsOptions): ImmutableTags | undefined {
  if (o.immutablePattern !== undefined) {
    if (o.immutableTags !== undefined) {
      throw new UsageError('--immutable-tags and --immutable-pattern exclude each other')
    }
    return { mode: 'patterns', patterns: [...o.immutablePattern] }
  }
  return o.immutableTags === undefined ? undefined : { mode: o.immutableTags }
}

function settingsOf(o: SettingsOptions): Record<string, unknown> {
  return {
    description: o.description,
    visibility: o.visibility,
    immutableTags: immutableTagsOf(o),
    allowSparse: o.allowSparse,
    keepSuperseded: keepSupersededOf(o),
  }
}

function keepSupersededOf(o: SettingsOptions): Record<string, number | null> | undefined {
  const given = {
    newest: numberOf('--keep-superseded-newest', o.keepSupersededNewest),
    days: numberOf('--keep-superseded-days', o.keepSupersededDays),
    daysAfterPull: numberOf('--keep-superseded-days-after-pull', o.keepSupersededDaysAfterPull),
  }
  const entries = Object.entries(given).filter((entry): entry is [string, number | null] => entry[1] !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function numberOf(option: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return null
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new UsageError(`${option}: got ${JSON.stringify(text)}, want a whole number, or default`)
}

function keptText({ newest, days, daysAfterPull }: RepositoryDetail['keepSuperseded']): string {
  const parts = [
    newest === null ? undefined : `the ${newest} newest`,
    days === null ? undefined : `${days} days`,
    daysAfterPull === null ? undefined : `${daysAfterPull} days after the last pull`,
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? 'as the server says' : parts.join(', ')
}

async function list(line: CommandLine, o: { json?: boolean; org?: string }): Promise<void> {
  const client = await connect(line)
  const repositories = await client.listAll('/repositories', 'repositories', repositorySchema, { organization: o.org })
  answer(line, o, { repositories, next: null }, () =>
    table(
      ['repository', 'visibility', 'mirror', 'tags', 'size', 'updated'],
      repositories.map((repository) => [
        repository.name,
        repository.visibility,
        repository.mirror === null ? '-' : 'yes',
        String(repository.tags),
        size(repository.sizeBytes),
        age(repository.updatedAt, '-'),
      ]),
      'No repositories yet: push one, or start a mirror.',
    ),
  )
}

function pathOf(name: string): string {
  return `/repositories/${repositoryPath(checkRepository(name))}`
}

function detailText(repository: RepositoryDetail): string {
  const { immutableTags } = repository
  return properties([
    ['Repository', repository.name],
    ['Description', repository.description === '' ? undefined : repository.description],
    ['Visibility', repository.visibility],
    ['Mirror', repository.mirror ?? 'none'],
    ['Tags', String(repository.tags)],
    ['Size', size(repository.sizeBytes)],
    ['Pulls', `${repository.pulls}, last ${age(repository.lastPulledAt, 'never')}`],
    ['Immutable tags', immutableTags.mode === 'patterns' ? immutableTags.patterns.join(' ') : immutableTags.mode],
    ['Sparse indexes', repository.allowSparse ? 'accepted' : 'refused'],
    ['Superseded content', keptText(repository.keepSuperseded)],
    ['Archived', repository.archivedAt === null ? undefined : age(repository.archivedAt, '')],
    ['Created', age(repository.createdAt, '')],
    ['Updated', age(repository.updatedAt, '')],
  ])
}

async function show(line: CommandLine, name: string, o: { json?: boolean }): Promise<void> {
  const path = pathOf(name)
  const document = await (await connect(line)).call('GET', path, repositoryAnswerSchema)
  answer(line, o, document, () => detailText(document.repository))
}

async function create(line: CommandLine, name: string, o: SettingsOptions): Promise<void> {
  const body = { name: checkRepository(name), ...settingsOf(o) }
  const document = await (await connect(line)).call('POST', '/repositories', repositoryAnswerSchema, { body })
  answer(line, o, document, () => detailText(document.repository))
}

async function change(
  line: CommandLine,
  name: string,
  body: object,
  o: { json?: boolean; yes?: boolean },
): Promise<void> {
  const path = pathOf(name)
  if (Object.values(body).every((value) => value === undefined)) throw new UsageError('got nothing to change')
  const client = await connect(line)
  const dryRun = { ...body, dryRun: true }
  const before = await client.call('PATCH', path, repositoryChangeAnswerSchema, { body: dryRun })
  // What resumes needs no word.
  const losses = before.effects.filter((effect) => effect.includes(' pauses: '))
  await confirmEffects(line, name, losses, o.yes)
  const document = await client.call('PATCH', path, repositoryChangeAnswerSchema, { body })
  answer(line, o, document, () => blocks([lines(document.effects), detailText(document.repository)]))
}

async function remove(line: CommandLine, name: string, o: { json?: boolean; confirm?: string }): Promise<void> {
  const path = pathOf(name)
  await confirmName(line, name, o.confirm)
  await (await connect(line)).send('DELETE', path, { query: { confirm: name } })
  answer(line, o, { deleted: name }, () => `Deleted ${name}.`)
}
