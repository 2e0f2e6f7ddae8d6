import type { Command } from 'commander'
import { mirrorAnswerSchema } from '../api/mirrors.ts'
import type { Progress } from '../api/progress.ts'
import { repositoryPath } from './client.ts'
import { type CommandLine, checkRepository, connect } from './command-line.ts'
import { EXIT, ExitStatus } from './exit.ts'
import { outcomeText } from './mirror-text.ts'
import { createProgressView, followRun } from './progress.ts'

interface WatchOptions {
  readonly json?: boolean
  readonly follow?: boolean
}

export function addMirrorWatchCommand(mirror: Command, line: CommandLine): void {
  mirror
    .command('watch')
    .description('show the progress of the run under way, or the last one')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .option('--follow', 'go on with later runs, until interrupted')
    .option('--json', 'print one JSON document a line, for each moment')
    .action((name: string, o: WatchOptions) => watch(line, checkRepository(name), o))
}

async function watch(line: CommandLine, name: string, o: WatchOptions): Promise<void> {
  const client = await connect(line)
  const path = `/mirrors/${repositoryPath(name)}`
  const { mirror } = await client.call('GET', path, mirrorAnswerSchema)
  const view = createProgressView(line.terminal)
  const show = (moment: Progress) => (o.json === true ? line.terminal.print(JSON.stringify(moment)) : view.show(moment))
  const runId = o.follow === true || mirror.lastRun === null ? {} : { runId: mirror.lastRun.id }
  try {
    await followRun(client, { path, name }, { ...runId, show })
  } finally {
    view.end()
  }
  const { mirror: after } = await client.call('GET', path, mirrorAnswerSchema)
  const run = after.lastRun
  if (run === null) return
  if (o.json !== true) line.terminal.print(outcomeText(after, run, line.program))
  if (run.outcome !== 'done' && run.outcome !== 'running') throw new ExitStatus(EXIT.failed)
}
