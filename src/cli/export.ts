/** `kagami export` and `kagami schema`: the present state as a file of `kagami apply` (or a repository as a bundle), and what such files may hold. */
import type { Command } from 'commander'
import { Document } from 'yaml'
import { configurationJsonSchema } from '../api/configuration.ts'
import { type Mirror, mirrorSchema } from '../api/mirrors.ts'
import { subscriptionSchema } from '../api/subscriptions.ts'
import { targetSchema } from '../api/targets.ts'
import { upstreamSchema } from '../api/upstreams.ts'
import { profileAnswerSchema } from '../api/users.ts'
import { AppError } from '../errors.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { exportedState, isStopped } from './configuration/document.ts'
import { UsageError } from './exit.ts'
import { lines } from './table.ts'

const SCHEMA_FILE = 'kagami-config.schema.json'

interface ExportOptions {
  readonly json?: boolean
  readonly org?: string
  readonly shared?: boolean
  readonly since?: string
}

export function addExportCommands(program: Command, line: CommandLine): void {
  addCommand(
    program,
    'export',
    'print upstreams, targets, mirrors and subscriptions as a file for apply, no secret is in it; or write a repository to a file for import elsewhere',
  )
    .argument('[repository]', 'ORGANIZATION/NAME: with its tags, their history, signatures and attestations')
    .argument('[file]', 'the bundle that is written, an OCI image layout in a tar archive')
    .option('--since <bundle>', 'of the repository only what this earlier bundle, and those that it is since, lack')
    .option('--org <org>', 'the configuration of this organization; default: your only one')
    .option('--shared', 'the upstreams and targets that every organization may use (operators)')
    .action((repository: string | undefined, file: string | undefined, o: ExportOptions) =>
      exportEither(line, repository, file, o),
    )
  program
    .command('schema')
    .description('print the JSON Schema of the files of apply, for editors')
    .action(() => line.terminal.print(JSON.stringify(configurationJsonSchema(), null, 2)))
}

async function exportEither(
  line: CommandLine,
  repository: string | undefined,
  file: string | undefined,
  o: ExportOptions,
): Promise<void> {
  if (repository === undefined) {
    if (o.since !== undefined) throw new UsageError('--since is of a bundle: want REPOSITORY and FILE with it')
    return await exportState(line, o)
  }
  if (file === undefined) {
    throw new UsageError(
      `want the file to which ${repository} is written, such as ${repository.replaceAll('/', '-')}.tar`,
    )
  }
  if (o.org !== undefined || o.shared === true)
    throw new UsageError('--org and --shared are of the configuration, not of a bundle')
  const { exportRepository } = await import('./export-bundle.ts')
  await exportRepository(line, repository, file, o)
}

async function exportState(line: CommandLine, o: ExportOptions): Promise<void> {
  if (o.org !== undefined && o.shared === true) throw new UsageError('--org and --shared exclude each other')
  const client = await connect(line)
  if (o.shared === true) {
    const { user } = await client.call('GET', '/user', profileAnswerSchema)
    if (!user.operator) throw new AppError('DENIED', 'shared upstreams are exported by operators, who share them')
  }
  const organization = o.shared === true ? null : await chooseOrganization(client, o.org)
  const query = organization === null ? {} : { organization }
  const upstreams = (await client.listAll('/upstreams', 'upstreams', upstreamSchema, query)).filter(
    (one) => one.organization === organization,
  )
  const targets = (await client.listAll('/targets', 'targets', targetSchema, query)).filter(
    (one) => one.organization === organization,
  )
  const mirrors = organization === null ? [] : await client.listAll('/mirrors', 'mirrors', mirrorSchema, query)
  const subscriptions =
    organization === null ? [] : await client.listAll('/subscriptions', 'subscriptions', subscriptionSchema, query)
  const { document, variables } = exportedState(organization, upstreams, mirrors, subscriptions, targets)
  answer(line, o, document, () => yamlOf(document, variables, mirrors.filter(isStopped), line.program))
}

function yamlOf(document: object, variables: readonly string[], stopped: readonly Mirror[], program: string): string {
  const yaml = new Document(document)
  const notes = [
    `# yaml-language-server: $schema=./${SCHEMA_FILE}`,
    `# (which is what ${program} schema prints)`,
    ...(variables.length === 0 ? [] : [`# Passwords come from the environment: ${variables.join(', ')}`]),
    ...(stopped.length === 0
      ? []
      : [`# Stopped, and therefore left out: ${stopped.map(({ repository }) => repository).join(', ')}`]),
  ]
  return `${lines(notes)}\n${yaml.toString({ lineWidth: 0 }).trimEnd()}`
}
