import type { Command } from 'commander'
import { signInUrl } from '../access/sign-in-links.ts'
import { readSettings } from '../config/read.ts'
import type { Settings } from '../config/settings.ts'
import { isCancelled } from '../errors.ts'
import { shrinkAtRest } from '../lib/at-rest.ts'
import { createLogger } from '../lib/logger.ts'
import type { RunningServer } from '../server.ts'
import type { CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'
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
    .option('--setup', 'make no owner: print a code by which the page does, as long as there is none')
    .action((o: ServeFlags) => serve(line, o))
}

interface ServeFlags {
  readonly sample?: boolean
  readonly setup?: boolean
}

/** What makes an owner by itself, and what leaves that to a page, exclude each other. @throws UsageError */
function refuseBoth({ sample, setup }: ServeFlags, { ownerPassword }: Settings): void {
  if (setup !== true) return
  const other = sample === true ? '--sample' : ownerPassword === undefined ? undefined : 'KAGAMI_OWNER_PASSWORD'
  if (other !== undefined) {
    throw new UsageError(`--setup leaves the first owner to the page, and ${other} makes one: give one of them`)
  }
}

/** Serves until SIGTERM or SIGINT; a second one ends at once. */
async function serve(line: CommandLine, flags: ServeFlags): Promise<void> {
  const [withSample, withSetup] = [flags.sample === true, flags.setup === true]
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
    refuseBoth(flags, settings)
    const logger = createLogger(settings.logLevel)
    if (withSample) line.terminal.note('Starting, with the sample upstream …')
    // No other verb needs it.
    const { startServer } = await import('../server.ts')
    const server = await startServer({ settings, withSample, withSetup, processes: settings.workers, logger })
    shrinkAtRest()
    try {
      const isWhole = stopping.signal.aborted ? false : await showFirstRun(line, server, stopping.signal)
      line.terminal.print(await welcome(line, settings, server, isWhole))
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

async function welcome(
  line: CommandLine,
  settings: Settings,
  server: RunningServer,
  isWhole: boolean,
): Promise<string> {
  const { firstOwner, firstRun, sampleUrl, setupCode } = server
  const url = settings.publicUrl ?? server.url
  // Who sets a password keeps it out of what is printed: so do we. With the sample, each start opens the page.
  const isShown = settings.ownerPassword === undefined && (firstOwner !== undefined || sampleUrl !== undefined)
  const owner = server.operator ?? settings.owner
  const link = isShown ? await server.linkFor(owner) : undefined
  return welcomeText({
    program: line.program,
    url,
    sampleUrl,
    owner,
    organization: settings.organization,
    firstOwner,
    setupCode,
    signIn: link === undefined ? undefined : signInUrl(url, link),
    pull: firstRun === undefined || !isWhole ? undefined : { repository: firstRun.mirror.repository, tag: SHOWN_TAG },
  })
}
