import type { Command } from 'commander'
import { type CatalogEntry, catalogEntrySchema } from '../api/catalog.ts'
import { upstreamSchema } from '../api/upstreams.ts'
import { isAppError } from '../errors.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { EXIT, ExitStatus } from './exit.ts'
import { lines, table } from './table.ts'

interface ListOptions {
  readonly json?: boolean
  readonly org?: string
}

export function addCatalogCommands(program: Command, line: CommandLine): void {
  const catalog = program.command('catalog').description('what can be mirrored')
  addCommand(catalog, 'list', 'list the repositories of upstreams')
    .argument('[upstream]', 'of this one only')
    .option('--org <org>', 'as one organization sees it')
    .action((upstream: string | undefined, o: ListOptions) => list(line, upstream, o))
}

/** An upstream that cannot be listed is named on standard error; it fails the command when it alone was asked for, or all failed. */
async function list(line: CommandLine, upstream: string | undefined, o: ListOptions): Promise<void> {
  const client = await connect(line)
  const read = (name: string) =>
    client.listAll('/catalog', 'entries', catalogEntrySchema, { upstream: name, organization: o.org })
  const entries: CatalogEntry[] = []
  let failed = 0
  if (upstream !== undefined) {
    entries.push(...(await read(upstream)))
  } else {
    const upstreams = await client.listAll('/upstreams', 'upstreams', upstreamSchema, { organization: o.org })
    const names = [...new Set(upstreams.map(({ name }) => name))]
    for (const name of names) {
      try {
        entries.push(...(await read(name)))
      } catch (error) {
        if (!isAppError(error)) throw error
        failed++
        line.terminal.note(lines([`${name}: ${error.message}`]))
      }
    }
    if (failed > 0 && failed === names.length) throw new ExitStatus(EXIT.failed)
  }
  answer(line, o, { entries, next: null }, () =>
    table(
      ['source', 'title', 'mirrors'],
      entries.map((entry) => [
        `${entry.upstream}/${entry.repository}`,
        entry.title ?? '-',
        entry.mirrors.join(', ') || '-',
      ]),
      'Nothing to list.',
    ),
  )
}
