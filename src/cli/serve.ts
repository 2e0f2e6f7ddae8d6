import type { Command } from 'commander'
import { readSettings } from '../config/read.ts'
import type { Settings } from '../config/settings.ts'
import { isCancelled } from '../errors.ts'
import { createLogger } from '../lib/logger.ts'
import { type RunningServer, startServer } from '../server.ts'
import type { CommandLine } from './command-line.ts'
import { outcomeText } from './mirror-text.ts'
import { createProgressView } from './progress.ts'
import { welcomeText } from './welcome.ts'

/** A tag of the sample's first mirror that shows well: a minor version, which moves with each release. */
const SHOWN_TAG = '3.13'

export function addServeCommand(program: Command, line: CommandLine): void {
  program
    .command('serve')
    .description('run the server (settings: KAGAMI_… variables or kagami.yaml)')
    .option('--sample', 'serve the sample upstream too, and mirror a first repository of it')
    .action((o: { sample?: boolean }) => serve(line, o.sample === true))
}

/** Serves until SIGTERM or SIGINT; a second one ends at once. */
async function serve(line: CommandLine, withSample: boolean): Promise<void> {
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  try {
    const settings = readSettings()
    const logger = createLogger(settings.logLevel)
    if (withSample) line.terminal.note('Starting, with the sample upstream …')
    const server = await startServer({ settings, withSample, logger })
    try {
      const isWhole = stopping.signal.aborted ? false : await showFirstRun(line, server, stopping.signal)
      line.terminal.print(welcome(line, settings, server, isWhole))
      await stopped
      line.terminal.note('Stopping …')
    } finally {
      await server.close()
    }
  } finally {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}

/** @returns whether the first mirror, of this or an earlier start, has something to pull */
async function showFirstRun(line: CommandLine, server: RunningServer, signal: AbortSignal): Promise<boolean> {
  const { firstRun, mirrors } = server
  if (firstRun === undefined) return false
  const { mirror, run } = firstRun
  line.terminal.note(`Mirroring sample/python to ${mirror.repository} …`)
  const view = createProgressView(line.terminal)
  try {
    for await (const moment of mirrors.watch(mirror.id, signal)) {
      if (moment.runId === run.id) view.show(moment)
      if (moment.runId !== run.id || moment.phase === 'ended') break
    }
    const ended = await mirrors.wait(run.id, signal)
    view.end()
    line.terminal.note(`${outcomeText(await mirrors.show(mirror.id), ended, line.program)}\n`)
    return ended.outcome === 'done' || ended.outcome === 'partial'
  } catch (error) {
    if (!isCancelled(error)) throw error
    return false
  } finally {
    view.end()
  }
}

function welcome(line: CommandLine, settings: Settings, server: RunningServer, isWhole: boolean): string {
  const { firstOwner, firstRun, sampleUrl } = server
  return welcomeText({
    program: line.program,
    url: settings.publicUrl ?? server.url,
    sampleUrl,
    owner: settings.owner,
    organization: settings.organization,
    firstOwner,
    pull: firstRun === undefined || !isWhole ? undefined : { repository: firstRun.mirror.repository, tag: SHOWN_TAG },
  })
}
