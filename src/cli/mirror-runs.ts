import type { Command } from 'commander'
import { listSchema } from '../api/lists.ts'
import { runAnswerSchema } from '../api/mirrors.ts'
import { runSchema } from '../api/runs.ts'
import { repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { moreText, runTable, runText } from './run-text.ts'
import { blocks } from './table.ts'

interface PageOptions {
  readonly json?: boolean
  readonly limit: string
  readonly after?: string
}

export function addMirrorRunCommands(mirror: Command, line: CommandLine): void {
  paged(addCommand(mirror, 'runs', 'list the runs of a mirror, newest first'), '20')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .action((name: string, o: PageOptions) => list(line, checkRepository(name), o))
  paged(addCommand(mirror, 'run', 'show one run: what it moved, what failed and why'), '100')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .argument('<run>', 'its id, as mirror runs shows it')
    .action((name: string, run: string, o: PageOptions) => show(line, checkRepository(name), run, o))
}

export function paged(command: Command, limit: string): Command {
  return command
    .option('--limit <number>', 'the most to show, up to 1000', limit)
    .option('--after <cursor>', 'go on after a page, by its next')
}

async function list(line: CommandLine, name: string, o: PageOptions): Promise<void> {
  const client = await connect(line)
  const query = { limit: o.limit, after: o.after }
  const path = `/mirrors/${repositoryPath(name)}/runs`
  const page = await client.call('GET', path, listSchema('runs', runSchema), { query })
  const command = `${line.program} mirror runs ${name} --limit ${o.limit}`
  answer(line, o, page, () =>
    blocks([runTable(page.runs, name, `${line.program} mirror sync ${name}`), moreText(command, page.next)]),
  )
}

async function show(line: CommandLine, name: string, id: string, o: PageOptions): Promise<void> {
  const client = await connect(line)
  const query = { limit: o.limit, after: o.after }
  const path = `/mirrors/${repositoryPath(name)}/runs/${segment(id)}`
  const page = await client.call('GET', path, runAnswerSchema, { query })
  const command = `${line.program} mirror run ${name} ${id} --limit ${o.limit}`
  answer(line, o, page, () =>
    blocks([runText(['Mirror', page.mirror.repository], page.run, page.items), moreText(command, page.next)]),
  )
}
