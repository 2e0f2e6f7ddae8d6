/** `kagami copy SRC DST`: one copy between registries, layouts and archives, without a server. */
import type { Command } from 'commander'
import { type Place, parsePlace } from '../copy/place.ts'
import { AppError, isAppError, isCancelled } from '../errors.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { systemSleep } from '../lib/retry.ts'
import { findPlatformChoice } from '../oci/platform-choice.ts'
import { findTagGlobFault } from '../oci/tag-globs.ts'
import { addCommand, answer, type CommandLine } from './command-line.ts'
import { type AccessOptions, readAccess } from './copy-access.ts'
import { copyText, failureLines } from './copy-text.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { createProgressView } from './progress.ts'

interface CopyCommandOptions extends AccessOptions {
  readonly allTags?: true
  readonly tag?: readonly string[]
  readonly referrersFrom?: string
  readonly platform?: readonly string[]
  readonly referrers: boolean
  readonly dryRun?: true
  readonly privateOnly?: true
  readonly json?: true
}

/** Blobs and requests under way at once. */
const TRANSFERS = 12
/** What a shell says of a program that Ctrl-C has ended. */
const INTERRUPTED = 130

const several = (value: string, before: readonly string[] = []) => [...before, value]

export function addCopyCommand(program: Command, line: CommandLine): void {
  addCommand(
    program,
    'copy <source> <target>',
    'copy images with all their signatures and attestations between docker://HOST/REPOSITORY:TAG, oci:FOLDER:TAG and tar:FILE:TAG',
  )
    .option('--all-tags', 'all tags of the source')
    .option('--tag <glob>', 'the tags that a glob takes, or by ! does not take; may be repeated', several)
    .option('--platform <platform>', 'of indexes only this platform, such as linux/amd64; may be repeated', several)
    .option('--no-referrers', 'without signatures and attestations')
    .option('--referrers-from <repository>', 'read signatures and attestations from this repository too')
    .option('--dry-run', 'say what would be copied, and change nothing')
    .option('--private-only', 'refuse a target that everybody may read')
    .option(
      '--src-username <user>',
      'sign in at the source as this user; default: the login that docker or podman keeps',
    )
    .option('--src-password-file <file>', 'with the password or token in this file; - is standard input')
    .option('--dst-username <user>', 'sign in at the target as this user')
    .option('--dst-password-file <file>', 'with the password or token in this file; - is standard input')
    .option('--src-ca-file <file>', 'trust the certificates (PEM) in this file at the source')
    .option('--dst-ca-file <file>', 'trust the certificates (PEM) in this file at the target')
    .option('--plain-http', 'http to both; to this machine it is found out')
    .option('--src-plain-http', 'http to the source')
    .option('--dst-plain-http', 'http to the target')
    .action((source: string, target: string, o: CopyCommandOptions) => copy(line, source, target, o))
}

async function copy(line: CommandLine, from: string, to: string, o: CopyCommandOptions): Promise<void> {
  const [source, target] = [place(from, 'source'), place(to, 'target')]
  const referrersFrom = o.referrersFrom === undefined ? undefined : place(o.referrersFrom, '--referrers-from')
  if (referrersFrom !== undefined && referrersFrom.kind !== 'registry') {
    throw new UsageError('--referrers-from: want a repository of a registry, docker://HOST/REPOSITORY')
  }
  checkChoices(o)
  const abort = new AbortController()
  const { signal } = abort
  const onSignal = () => {
    // A second one does not wait.
    if (signal.aborted) process.exit(INTERRUPTED)
    abort.abort(new AppError('CANCELLED', 'interrupted'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const [{ runCopy }, { createProgressBoard }] = await Promise.all([
    import('../copy/run-copy.ts'),
    import('../mirror/life/progress.ts'),
  ])
  const board = createProgressBoard({ clock: systemClock, sleep: line.sleep ?? systemSleep })
  const { meter, changed } = board.open({ mirrorId: 'copy', mirror: to, runId: newId(), ahead: () => undefined })
  const watching = new AbortController()
  const view = createProgressView(line.terminal)
  const watched = (async () => {
    for await (const moment of board.follow('copy', undefined, watching.signal)) view.show(moment)
  })()
  try {
    const sourceHost = source.kind === 'registry' ? source.host : undefined
    const report = await runCopy({
      ...{ source, target, referrersFrom, globs: o.tag, platforms: o.platform, hasReferrers: o.referrers },
      ...{ isAllTags: o.allTags === true, isDryRun: o.dryRun === true, isPrivateOnly: o.privateOnly === true },
      ...{ transfers: TRANSFERS, clock: systemClock, signal, meter, changed },
      accessOf: await readAccess(line, o, sourceHost, signal),
    })
    await endWatching()
    answer(line, o, report, () => copyText(report))
    if (report.outcome === 'done') return
    if (o.json !== true) for (const failure of failureLines(report)) line.terminal.note(failure)
    throw new ExitStatus(EXIT.failed)
  } catch (error) {
    await endWatching()
    if (!signal.aborted || !isCancelled(error)) throw asUsage(error)
    line.terminal.note('interrupted: what was copied whole stays, no tag points at less than all of its image')
    throw new ExitStatus(INTERRUPTED)
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }

  async function endWatching(): Promise<void> {
    watching.abort()
    await watched
    view.end()
  }
}

/** What is wrong with what was typed ends with 2, whoever finds it. */
function asUsage(error: unknown): unknown {
  return isAppError(error, 'INVALID_REQUEST') ? new UsageError(error.message) : error
}

function place(text: string, what: string): Place {
  try {
    return parsePlace(text)
  } catch (error) {
    if (isAppError(error)) throw new UsageError(`${what}: ${error.message}`)
    throw error
  }
}

function checkChoices({ tag, platform }: CopyCommandOptions): void {
  const fault = tag === undefined ? undefined : findTagGlobFault(tag)
  if (fault !== undefined) throw new UsageError(`--tag: ${fault}`)
  const wrong = platform?.find((one) => findPlatformChoice(one) === undefined)
  if (wrong === undefined) return
  throw new UsageError(
    `--platform: got ${JSON.stringify(wrong.slice(0, 100))}, want OS/ARCHITECTURE, such as linux/amd64 or linux/arm/v7`,
  )
}
