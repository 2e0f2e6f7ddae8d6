import { type Command, Option } from 'commander'
import {
  type Mirror,
  mirrorAnswerSchema,
  mirrorRunAnswerSchema,
  mirrorSchema,
  runAnswerSchema,
} from '../api/mirrors.ts'
import { planAnswerSchema } from '../api/plans.ts'
import type { Run } from '../api/runs.ts'
import { type ApiClient, repositoryPath } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, chooseOrganization, connect } from './command-line.ts'
import { confirmName } from './confirm.ts'
import { findExclusions, stillExcludedText } from './exclusions.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { type AllFlags, startAll, withAll } from './mirror-all.ts'
import { addExplainCommand } from './mirror-explain.ts'
import { type SettingFlags, settingsOf, withSettings } from './mirror-settings.ts'
import { mirrorTable, mirrorText, outcomeText, sourceOf, standingText } from './mirror-text.ts'
import { planItemsText, planText, readPlanFile, referenceTo } from './plan-text.ts'
import { createProgressView, followRun } from './progress.ts'
import { lines } from './table.ts'

interface RunOptions {
  readonly json?: boolean
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly verbose?: boolean
  /** Path of a file. */
  readonly plan?: string
}

interface SyncOptions extends RunOptions {
  readonly full?: boolean
  readonly acceptShrink?: boolean
  readonly tag?: readonly string[]
}

interface StartOptions extends RunOptions, SettingFlags, AllFlags {
  readonly org?: string
  readonly as?: string
  readonly adopt?: boolean
}

/** @returns the command that they are in */
export function addMirrorCommands(program: Command, line: CommandLine): Command {
  const mirror = program.command('mirror').description('keep repositories of upstreams in sync')
  withAll(withSettings(addCommand(mirror, 'start', 'mirror an upstream repository into a private one, or all of them')))
    .argument('<source>', 'UPSTREAM/REPOSITORY such as sample/python; UPSTREAM with --all')
    .option('--org <org>', 'the organization that gets it; default: your only one')
    .option('--as <name>', 'name in the organization; default: its own behind the prefix of the upstream (dhi-)')
    .option('--adopt', 'take an unmirrored repository, or restart a stopped mirror')
    .option('--wait', 'return when what upstream has now is here')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--verbose', 'with --dry-run: each step of the plan')
    .addOption(planOption(['dryRun']))
    .action((source: string, o: StartOptions) => start(line, source, o))
  addCommand(mirror, 'list', 'list mirrors')
    .option('--org <org>', 'of one organization only')
    .action((o: { json?: boolean; org?: string }) => list(line, o))
  addCommand(mirror, 'show', 'show one mirror and its last run')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .action((name: string, o: { json?: boolean }) => show(line, name, o))
  addExplainCommand(mirror, line)
  addCommand(mirror, 'sync', 'bring in now what upstream has')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .option('--wait', 'return when what upstream has now is here')
    .option('--tag <tag...>', 'these tags only; an excluded one is not released by being named')
    .option('--full', 'look at every referrer anew, whatever is known')
    .addOption(
      new Option('--accept-shrink', 'go by what upstream lists now, however much less it is than before').conflicts(
        'tag',
      ),
    )
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--verbose', 'with --dry-run: each step of the plan')
    .addOption(planOption(['dryRun', 'tag', 'full', 'acceptShrink']))
    .action((name: string, o: SyncOptions) => sync(line, name, o))
  withSettings(addCommand(mirror, 'change', 'change settings of a mirror'))
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .action((name: string, o: SettingFlags & { json?: boolean }) => change(line, name, o))
  addCommand(mirror, 'pause', 'no updates until it is resumed')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .action((name: string, o: { json?: boolean }) => turn(line, name, 'pause', o))
  addCommand(mirror, 'resume', 'go on after a pause, with a full check')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .action((name: string, o: { json?: boolean }) => turn(line, name, 'resume', o))
  addCommand(mirror, 'restart', 'put a stopped mirror to work again, or any on another source')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .option('--from <upstream/repository>', 'where it comes from now; default: as before')
    .option('--wait', 'return when what upstream has now is here')
    .action((name: string, o: RunOptions & { from?: string }) => restart(line, name, o))
  addCommand(mirror, 'stop', 'stop updates; repository and images stay, unless --delete is given')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .option('--delete', 'delete the repository as well, with all its images')
    .option('--confirm <name>', 'with --delete: the name of the repository once more')
    .option('--yes', 'for scripts; stopping alone loses nothing and never asks, and --delete wants --confirm')
    .action((name: string, o: StopOptions) => stop(line, name, o))
  return mirror
}

/** @param besides what the file says itself */
function planOption(besides: string[]): Option {
  const about = 'do exactly what this plan says (the document of --dry-run --json), or nothing'
  return new Option('--plan <file>', about).conflicts(besides)
}

function mirrorPath(name: string): string {
  return `/mirrors/${repositoryPath(checkRepository(name))}`
}

/** @throws UsageError unless the text is UPSTREAM/REPOSITORY */
function parseSource(source: string): { upstream: string; repository: string } {
  const slash = source.indexOf('/')
  if (slash >= 1 && slash < source.length - 1) {
    return { upstream: source.slice(0, slash), repository: source.slice(slash + 1) }
  }
  throw new UsageError(`got ${JSON.stringify(source)}, want UPSTREAM/REPOSITORY such as sample/python`)
}

async function start(line: CommandLine, source: string, o: StartOptions): Promise<void> {
  if (await startAll(line, source, o)) return
  const from = parseSource(source)
  const planned = o.plan === undefined ? undefined : await readPlanFile(o.plan)
  const of = planned === undefined ? source : `${planned.source.upstream}/${planned.source.repository}`
  if (of !== source) throw new UsageError(`--plan ${o.plan} is of ${of}, not ${source}`)
  const client = await connect(line)
  const body = {
    organization: await chooseOrganization(client, o.org),
    ...from,
    settings: settingsOf(o),
    as: o.as,
    adopt: o.adopt,
    dryRun: o.dryRun,
    plan: planned === undefined ? undefined : referenceTo(planned),
  }
  if (o.dryRun === true) return plan(line, client, '/mirrors', body, o)
  const begun = await client.call('POST', '/mirrors', mirrorRunAnswerSchema, { body })
  await followBegun(line, client, begun, o)
}

/** Exclusions that a person who begins this run should know: all of a mirror that starts again, those that `--tag` names. */
async function noteExclusions(line: CommandLine, client: ApiClient, mirror: Mirror, run: Run): Promise<void> {
  if (run.trigger !== 'start' && run.tags === null) return
  const exclusions = (await findExclusions(client, mirror.repository)).filter(
    ({ tag }) => run.trigger === 'start' || (tag !== null && run.tags?.includes(tag)),
  )
  const text = stillExcludedText(mirror.repository, exclusions, line.program)
  if (text !== undefined) line.terminal.note(text)
}

async function sync(line: CommandLine, name: string, o: SyncOptions): Promise<void> {
  const path = `${mirrorPath(name)}/sync`
  const client = await connect(line)
  const planned = o.plan === undefined ? undefined : await readPlanFile(o.plan)
  if (planned !== undefined && planned.repository !== name) {
    throw new UsageError(`--plan ${o.plan} is for ${planned.repository}, not ${name}`)
  }
  const body =
    planned === undefined
      ? { full: o.full, tags: o.tag, acceptShrink: o.acceptShrink, dryRun: o.dryRun }
      : {
          full: planned.full,
          tags: planned.tags ?? undefined,
          acceptShrink: planned.acceptShrink,
          plan: referenceTo(planned),
        }
  if (o.dryRun === true) return plan(line, client, path, body, o)
  const begun = await client.call('POST', path, mirrorRunAnswerSchema, { body })
  await followBegun(line, client, begun, o)
}

async function plan(line: CommandLine, client: ApiClient, path: string, body: unknown, o: RunOptions): Promise<void> {
  const document = await client.call('POST', path, planAnswerSchema, { body })
  answer(line, o, document, () => (o.verbose === true ? planItemsText : planText)(document.plan))
}

/** Says how to watch the run; or follows it, prints what came of it, and fails unless it is done. */
async function followBegun(
  line: CommandLine,
  client: ApiClient,
  begun: { mirror: Mirror; run: Run },
  o: RunOptions,
): Promise<void> {
  const { mirror, run } = begun
  const begins = `Mirroring ${sourceOf(mirror)} to ${mirror.repository}.`
  const watch = `Watch it: ${line.program} mirror watch ${mirror.repository}`
  if (o.wait !== true) {
    if (o.json === true) line.terminal.note(watch)
    answer(line, o, begun, () => `${begins}\n${watch}`)
    await noteExclusions(line, client, mirror, run)
    return
  }
  line.terminal.note(begins)
  await noteExclusions(line, client, mirror, run)
  const view = createProgressView(line.terminal)
  try {
    const of = { path: mirrorPath(mirror.repository), name: mirror.repository }
    await followRun(client, of, { runId: run.id, show: view.show })
  } finally {
    view.end()
  }
  const path = `${mirrorPath(mirror.repository)}/runs/${run.id}`
  const { mirror: after, run: over } = await client.call('GET', path, runAnswerSchema, { query: { limit: 1 } })
  const ended = { mirror: after, run: over }
  answer(line, o, ended, () => outcomeText(ended.mirror, ended.run, line.program))
  if (ended.run.outcome !== 'done') throw new ExitStatus(EXIT.failed)
}

async function list(line: CommandLine, o: { json?: boolean; org?: string }): Promise<void> {
  const client = await connect(line)
  const mirrors = await client.listAll('/mirrors', 'mirrors', mirrorSchema, { organization: o.org })
  answer(line, o, { mirrors, next: null }, () => mirrorTable(mirrors))
}

async function show(line: CommandLine, name: string, o: { json?: boolean }): Promise<void> {
  const path = mirrorPath(name)
  const document = await (await connect(line)).call('GET', path, mirrorAnswerSchema)
  answer(line, o, document, () => mirrorText(document.mirror, line.program))
}

interface StopOptions {
  readonly json?: boolean
  readonly delete?: boolean
  readonly confirm?: string
  readonly yes?: boolean
}

async function stop(line: CommandLine, name: string, o: StopOptions): Promise<void> {
  const path = `${mirrorPath(name)}/stop`
  if (o.delete === true) await confirmName(line, name, o.confirm)
  else if (o.confirm !== undefined) throw new UsageError('--confirm goes with --delete: stopping alone loses nothing')
  const body = o.delete === true ? { delete: true, confirm: name } : {}
  const document = await (await connect(line)).call('POST', path, mirrorAnswerSchema, { body })
  const { repository } = document.mirror
  answer(line, o, document, () =>
    lines(
      o.delete === true
        ? [`${repository} is deleted, with all its images.`]
        : [
            `${repository} gets no more updates; the repository and its images stay.`,
            `Take it up again: ${line.program} mirror restart ${repository}`,
          ],
    ),
  )
}

async function change(line: CommandLine, name: string, o: SettingFlags & { json?: boolean }): Promise<void> {
  const path = mirrorPath(name)
  const body = settingsOf(o)
  if (body === undefined) throw new UsageError('got nothing to change')
  const document = await (await connect(line)).call('PATCH', path, mirrorAnswerSchema, { body })
  answer(line, o, document, () => mirrorText(document.mirror, line.program))
}

async function turn(line: CommandLine, name: string, verb: 'pause' | 'resume', o: { json?: boolean }): Promise<void> {
  const path = `${mirrorPath(name)}/${verb}`
  const document = await (await connect(line)).call('POST', path, mirrorAnswerSchema)
  answer(line, o, document, () => standingText(document.mirror, line.program))
}

async function restart(line: CommandLine, name: string, o: RunOptions & { from?: string }): Promise<void> {
  const path = `${mirrorPath(name)}/restart`
  const body = o.from === undefined ? {} : parseSource(o.from)
  const client = await connect(line)
  await followBegun(line, client, await client.call('POST', path, mirrorRunAnswerSchema, { body }), o)
}
