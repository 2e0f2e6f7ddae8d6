import type { Command } from 'commander'
import { MAX_EXPLAINED } from '../api/explain.ts'
import { listSchema } from '../api/lists.ts'
import type { Progress } from '../api/progress.ts'
import {
  type Replication,
  replicationAnswerSchema,
  replicationPlanAnswerSchema,
  replicationRunAnswerSchema,
  replicationRunShowSchema,
  replicationSchema,
  replicationTagExplanationSchema,
} from '../api/replications.ts'
import { type Run, runSchema } from '../api/runs.ts'
import { AppError } from '../errors.ts'
import { type ApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { paged } from './mirror-runs.ts'
import { createProgressView, followRun } from './progress.ts'
import { addRuleCommands, type RuleFlags, startRule, withRule } from './replication-rules.ts'
import { type ReplicationFlags, replicationSettingsOf, withReplicationSettings } from './replication-settings.ts'
import {
  explanationText,
  outcomeText,
  placeOf,
  planText,
  replicationTable,
  replicationText,
  standingText,
} from './replication-text.ts'
import { moreText, runTable, runText } from './run-text.ts'
import { blocks, lines } from './table.ts'

interface Common {
  readonly json?: boolean
  readonly org?: string
  /** Which of several that go to the same place. */
  readonly repository?: string
}

interface RunOptions extends Common {
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly verbose?: boolean
}

interface PageOptions extends Common {
  readonly limit: string
  readonly after?: string
}

export function addReplicationCommands(program: Command, line: CommandLine): void {
  const replication = program.command('replication').description('keep repositories in sync out to targets')
  withRule(
    withReplicationSettings(
      addCommand(
        replication,
        'start',
        'send a repository on to a target, or all that a glob takes, and keep it in sync',
      ),
    ),
  )
    .argument('<repository>', 'ours, such as acme/dhi-python; with --match: the name of the target')
    .argument('[target/name]', 'a target and the repository there, such as ecr/base/python')
    .option('--wait', 'return when everything that is here now is there')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--verbose', 'with --dry-run: each step of the plan')
    .action((repository: string, place: string | undefined, o: RunOptions & RuleFlags) =>
      start(line, repository, place, o),
    )
  addRuleCommands(replication, line)
  addCommand(replication, 'list', 'list replications')
    .option('--org <org>', 'of one organization only')
    .option('--repository <name>', 'of this repository only')
    .option('--target <target>', 'to this target only, or TARGET/NAME')
    .action((o: Common & { target?: string }) => list(line, o))

  const add = (verb: string, about: string) =>
    addCommand(replication, verb, about)
      .argument('<target/name>', 'where it goes, such as ecr/base/python')
      .option('--org <org>', 'the organization that has it; default: any of yours')
      .option('--repository <name>', 'which one, where several repositories go there')
  add('show', 'show one replication and its last run').action((place: string, o: Common) => show(line, place, o))
  add('explain', 'say why tags are, or are not, at the target, and what happens next')
    .argument('[tag...]', 'default: all that are not simply in step')
    .action((place: string, tags: readonly string[], o: Common) => explain(line, place, tags, o))
  add('sync', 'send now what is here')
    .option('--wait', 'return when everything that is here now is there')
    .option('--tag <tag...>', 'these tags only')
    .option('--full', 'ask the target about everything anew, whatever is known of it')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--verbose', 'with --dry-run: each step of the plan')
    .action((place: string, o: RunOptions & { full?: boolean; tag?: readonly string[] }) => sync(line, place, o))
  withReplicationSettings(add('change', 'change settings of a replication')).action(
    (place: string, o: ReplicationFlags & Common) => change(line, place, o),
  )
  add('pause', 'send nothing until it is resumed').action((place: string, o: Common) => turn(line, place, 'pause', o))
  add('resume', 'go on after a pause, with a full check').action((place: string, o: Common) =>
    turn(line, place, 'resume', o),
  )
  add('stop', 'end it; what is at the target stays').action((place: string, o: Common) => stop(line, place, o))
  add('watch', 'show the progress of the run under way, or the last one')
    .option('--follow', 'go on with later runs, until interrupted')
    .action((place: string, o: Common & { follow?: boolean }) => watch(line, place, o))
  paged(add('runs', 'list the runs, newest first'), '20').action((place: string, o: PageOptions) =>
    listRuns(line, place, o),
  )
  paged(add('run', 'show one run: what it moved, what failed and why'), '100')
    .argument('<run>', 'its id, as replication runs shows it')
    .action((place: string, run: string, o: PageOptions) => showRun(line, place, run, o))
}

function pathOf({ organization, id }: Pick<Replication, 'organization' | 'id'>): string {
  return `/replications/${segment(organization)}/${segment(id)}`
}

/** @throws UsageError unless the text is TARGET/NAME */
function parsePlace(text: string): Replication['target'] {
  const slash = text.indexOf('/')
  if (slash >= 1 && slash < text.length - 1) return { target: text.slice(0, slash), repository: text.slice(slash + 1) }
  throw new UsageError(`got ${JSON.stringify(text)}, want TARGET/NAME such as ecr/base/python`)
}

/** By where it goes; one that has not stopped before one that has. @throws AppError NOT_FOUND; UsageError when there are several */
async function find(client: ApiClient, place: string, o: Common): Promise<Replication> {
  parsePlace(place)
  const query = { organization: o.org, target: place, repository: o.repository }
  const all = await client.listAll('/replications', 'replications', replicationSchema, query)
  const live = all.filter(({ state }) => state !== 'stopped')
  const [found, ...others] = live.length > 0 ? live : all
  if (found === undefined)
    throw new AppError('NOT_FOUND', `there is no replication to ${place}: replication list shows all`)
  if (others.length === 0) return found
  const names = [found, ...others].map(({ repository }) => repository)
  throw new UsageError(`several repositories go to ${place}, name one by --repository: ${names.join(', ')}`)
}

async function start(
  line: CommandLine,
  repository: string,
  place: string | undefined,
  o: RunOptions & RuleFlags,
): Promise<void> {
  if (o.match !== undefined) {
    if (place !== undefined || o.wait === true)
      throw new UsageError('--match wants the name of a target, and no --wait')
    return startRule(line, repository, o)
  }
  if (o.as !== undefined) throw new UsageError('--as goes with --match')
  if (place === undefined) throw new UsageError('want where it goes: TARGET/NAME such as ecr/base/python')
  const body = {
    repository: checkRepository(repository),
    target: parsePlace(place),
    settings: replicationSettingsOf(o),
    dryRun: o.dryRun,
  }
  const client = await connect(line)
  if (o.dryRun === true) return plan(line, client, '/replications', body, o)
  await followBegun(line, client, await client.call('POST', '/replications', replicationRunAnswerSchema, { body }), o)
}

async function sync(
  line: CommandLine,
  place: string,
  o: RunOptions & { full?: boolean; tag?: readonly string[] },
): Promise<void> {
  const client = await connect(line)
  const path = `${pathOf(await find(client, place, o))}/sync`
  const body = { full: o.full, tags: o.tag, dryRun: o.dryRun }
  if (o.dryRun === true) return plan(line, client, path, body, o)
  await followBegun(line, client, await client.call('POST', path, replicationRunAnswerSchema, { body }), o)
}

async function plan(line: CommandLine, client: ApiClient, path: string, body: unknown, o: RunOptions): Promise<void> {
  const document = await client.call('POST', path, replicationPlanAnswerSchema, { body })
  answer(line, o, document, () => planText(document.plan, o.verbose === true))
}

/** Says how to watch the run; or follows it, prints what came of it, and fails unless it is done. */
async function followBegun(
  line: CommandLine,
  client: ApiClient,
  begun: { replication: Replication; run: Run },
  o: RunOptions,
): Promise<void> {
  const { replication, run } = begun
  const place = placeOf(replication)
  const begins = `Replicating ${replication.repository} to ${place}.`
  const watch = `Watch it: ${line.program} replication watch ${place}`
  if (o.wait !== true) {
    if (o.json === true) line.terminal.note(watch)
    answer(line, o, begun, () => `${begins}\n${watch}`)
    return
  }
  line.terminal.note(begins)
  const path = pathOf(replication)
  const view = createProgressView(line.terminal)
  try {
    await followRun(client, { path, name: place }, { runId: run.id, show: view.show })
  } finally {
    view.end()
  }
  const document = await client.call('GET', `${path}/runs/${run.id}`, replicationRunShowSchema, { query: { limit: 1 } })
  const ended = { replication: document.replication, run: document.run }
  answer(line, o, ended, () => outcomeText(ended.replication, ended.run))
  if (ended.run.outcome !== 'done') throw new ExitStatus(EXIT.failed)
}

async function list(line: CommandLine, o: Common & { target?: string }): Promise<void> {
  const client = await connect(line)
  const query = { organization: o.org, repository: o.repository, target: o.target }
  const replications = await client.listAll('/replications', 'replications', replicationSchema, query)
  answer(line, o, { replications, next: null }, () => replicationTable(replications, line.program))
}

async function show(line: CommandLine, place: string, o: Common): Promise<void> {
  const client = await connect(line)
  const document = { replication: await find(client, place, o) }
  answer(line, o, document, () => replicationText(document.replication, line.program))
}

async function explain(line: CommandLine, place: string, named: readonly string[], o: Common): Promise<void> {
  const client = await connect(line)
  const path = `${pathOf(await find(client, place, o))}/explain`
  const ask = (query: { tag?: string }) => client.listAll(path, 'tags', replicationTagExplanationSchema, query)
  const tags = named.length === 0 ? await ask({}) : []
  for (let i = 0; i < named.length; i += MAX_EXPLAINED) {
    tags.push(...(await ask({ tag: named.slice(i, i + MAX_EXPLAINED).join(',') })))
  }
  answer(line, o, { tags, next: null }, () =>
    tags.length === 0 ? `Every tag that is sent to ${place} is in step.` : blocks(tags.map(explanationText)),
  )
}

async function change(line: CommandLine, place: string, o: ReplicationFlags & Common): Promise<void> {
  const body = replicationSettingsOf(o)
  if (body === undefined) throw new UsageError('got nothing to change')
  const client = await connect(line)
  const document = await client.call('PATCH', pathOf(await find(client, place, o)), replicationAnswerSchema, { body })
  answer(line, o, document, () => replicationText(document.replication, line.program))
}

async function turn(line: CommandLine, place: string, verb: 'pause' | 'resume', o: Common): Promise<void> {
  const client = await connect(line)
  const path = `${pathOf(await find(client, place, o))}/${verb}`
  const document = await client.call('POST', path, replicationAnswerSchema)
  answer(line, o, document, () => standingText(document.replication, line.program))
}

async function stop(line: CommandLine, place: string, o: Common): Promise<void> {
  const client = await connect(line)
  const path = `${pathOf(await find(client, place, o))}/stop`
  const document = await client.call('POST', path, replicationAnswerSchema)
  const { repository } = document.replication
  answer(line, o, document, () =>
    lines([
      `Nothing more of ${repository} is sent to ${place}; what is there stays.`,
      `Take it up again: ${line.program} replication start ${repository} ${place}`,
    ]),
  )
}

async function watch(line: CommandLine, place: string, o: Common & { follow?: boolean }): Promise<void> {
  const client = await connect(line)
  const replication = await find(client, place, o)
  const path = pathOf(replication)
  const view = createProgressView(line.terminal)
  const show = (moment: Progress) => (o.json === true ? line.terminal.print(JSON.stringify(moment)) : view.show(moment))
  const { lastRun } = replication
  const runId = o.follow === true || lastRun === null ? {} : { runId: lastRun.id }
  try {
    await followRun(client, { path, name: place }, { ...runId, show })
  } finally {
    view.end()
  }
  const { replication: after } = await client.call('GET', path, replicationAnswerSchema)
  const run = after.lastRun
  if (run === null) return
  if (o.json !== true) line.terminal.print(outcomeText(after, run))
  if (run.outcome !== 'done' && run.outcome !== 'running') throw new ExitStatus(EXIT.failed)
}

async function listRuns(line: CommandLine, place: string, o: PageOptions): Promise<void> {
  const client = await connect(line)
  const query = { limit: o.limit, after: o.after }
  const path = `${pathOf(await find(client, place, o))}/runs`
  const page = await client.call('GET', path, listSchema('runs', runSchema), { query })
  const command = `${line.program} replication runs ${place} --limit ${o.limit}`
  const begin = `${line.program} replication sync ${place}`
  answer(line, o, page, () => blocks([runTable(page.runs, place, begin), moreText(command, page.next)]))
}

async function showRun(line: CommandLine, place: string, id: string, o: PageOptions): Promise<void> {
  const client = await connect(line)
  const query = { limit: o.limit, after: o.after }
  const path = `${pathOf(await find(client, place, o))}/runs/${segment(id)}`
  const page = await client.call('GET', path, replicationRunShowSchema, { query })
  const command = `${line.program} replication run ${place} ${id} --limit ${o.limit}`
  const of = ['Replication', placeOf(page.replication)] as const
  answer(line, o, page, () => blocks([runText(of, page.run, page.items), moreText(command, page.next)]))
}
