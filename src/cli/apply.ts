/** `kagami apply`: what files say, made so. */
import type { Command } from 'commander'
import { addCommand, type CommandLine, connect } from './command-line.ts'
import { asPlanned, carryOut, type StepResult } from './configuration/carry-out.ts'
import { parseFiles, readTexts } from './configuration/files.ts'
import { planConfiguration, type Step, unmanaged } from './configuration/plan.ts'
import { readPresent } from './configuration/present.ts'
import { type FileProblem, problemText } from './configuration/problems.ts'
import { confirmName, confirmWord } from './confirm.ts'
import { EXIT, ExitStatus } from './exit.ts'
import { count } from './format.ts'
import { blocks, lines, table } from './table.ts'

interface ApplyOptions {
  readonly json?: boolean
  readonly file: readonly string[]
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly yes?: boolean
  readonly confirm?: readonly string[]
  readonly check: boolean
}

export function addApplyCommand(program: Command, line: CommandLine): void {
  addCommand(program, 'apply', 'make upstreams, targets, mirrors and subscriptions as files say')
    .requiredOption('-f, --file <path...>', 'files, or folders of .yaml, .yml and .json files; - for standard input')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option(
      '--prune',
      'stop mirrors and subscriptions and remove upstreams and targets, of the organizations in the files, that are in no file',
    )
    .option('--yes', 'do not ask; what --prune removes wants --confirm')
    .option('--confirm <organization...>', 'with --prune: the names of the organizations that lose something')
    .option('--no-check', 'do not look at registries that are added or changed')
    .action((o: ApplyOptions) => apply(line, o))
}

async function apply(line: CommandLine, o: ApplyOptions): Promise<void> {
  const read = parseFiles(await readTexts(o.file, line.terminal.readInput))
  if ('problems' in read) return refuse(line, o, read.problems)
  const wanted = read.state
  const client = await connect(line)
  const present = await readPresent(client, wanted)
  if (present.problems.length > 0) return refuse(line, o, present.problems)
  const steps = planConfiguration(wanted, present, { isPruned: o.prune === true, check: o.check })
  const others = o.prune === true ? 0 : unmanaged(wanted, present).length
  const print = (results: readonly StepResult[]) => {
    if (o.json === true) line.terminal.print(JSON.stringify(documentOf(results, { others, o }), null, 2))
  }
  const plan = planText(steps, others, line.program)
  const todo = steps.filter(({ action }) => action !== 'unchanged')
  if (o.dryRun === true || todo.length === 0) {
    print(asPlanned(steps))
    if (o.json !== true) line.terminal.print(plan)
    return
  }
  line.terminal.note(plan)
  await confirmSteps(line, todo, o)
  const results = await carryOut(client, steps, (result) => line.terminal.note(resultText(result)))
  print(results)
  if (o.json !== true) line.terminal.print(summaryText(results))
  if (results.some(({ error }) => error !== null)) throw new ExitStatus(EXIT.failed)
}

/** All that is wrong, each with its place; nothing was done. */
function refuse(line: CommandLine, { json }: ApplyOptions, problems: readonly FileProblem[]): never {
  const message = `${count(problems.length, 'problem')} in the files: nothing was done`
  const error = { code: 'CONFIG_INVALID', message, detail: problems }
  if (json === true) line.terminal.print(JSON.stringify({ error }, null, 2))
  line.terminal.note(lines([...problems.map(problemText), `error: ${message} (CONFIG_INVALID)`]))
  throw new ExitStatus(EXIT.failed)
}

/** What is removed wants a word of its own, whatever else was said. */
async function confirmSteps(line: CommandLine, todo: readonly Step[], o: ApplyOptions): Promise<void> {
  const removed = todo.filter(({ action }) => action === 'remove')
  if (removed.length < todo.length) await confirmWord(line, 'apply', o.yes)
  for (const organization of new Set(removed.map((step) => step.organization ?? ''))) {
    const given = o.confirm?.includes(organization) ? organization : o.confirm?.[0]
    const lost = removed.filter((step) => (step.organization ?? '') === organization)
    line.terminal.note(lines([`${organization} loses ${kindsText(lost)}; repositories stay.`]))
    await confirmName(line, organization, given)
  }
}

const PAST = { create: 'created', change: 'changed', restart: 'restarted', remove: 'removed', unchanged: 'unchanged' }

function nameOf({ organization, name }: Step): string {
  return `${organization ?? '(shared)'}/${name}`
}

function planText(steps: readonly Step[], others: number, program: string): string {
  const todo = steps.filter(({ action }) => action !== 'unchanged')
  const rows = steps.map((step) => [step.action, step.kind, nameOf(step), step.where ?? '-', step.reason])
  const sums = (['create', 'change', 'restart', 'remove', 'unchanged'] as const).flatMap((action) => {
    const number = steps.filter((step) => step.action === action).length
    return number === 0 ? [] : [action === 'unchanged' ? `${number} unchanged` : `${number} to ${action}`]
  })
  const hint =
    others === 0 ? [] : [`${count(others, 'thing')} not in the files stay; ${program} apply --prune removes them.`]
  return blocks([
    table(['action', 'kind', 'name', 'where', 'why'], rows, ''),
    lines([todo.length === 0 ? `Nothing to change${unchangedText(steps)}.` : `${sums.join(', ')}.`, ...hint]),
  ])
}

/** `2 mirrors and 1 subscription`. */
function kindsText(steps: readonly Step[]): string {
  const parts = (['upstream', 'target', 'mirror', 'subscription'] as const).flatMap((kind) => {
    const number = steps.filter((step) => step.kind === kind).length
    return number === 0 ? [] : [count(number, kind)]
  })
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(parts)
}

function unchangedText(steps: readonly Step[]): string {
  const verb = steps.length === 1 ? 'is' : 'are'
  return steps.length === 0 ? '' : `: ${kindsText(steps)} ${verb} as the files say`
}

function resultText({ step, error }: StepResult): string {
  const what = `${step.kind} ${nameOf(step)}`
  return lines([error === null ? `${PAST[step.action]} ${what}` : `FAILED to ${step.action} ${what}: ${error.message}`])
}

function summaryText(results: readonly StepResult[]): string {
  const of = (outcome: StepResult['outcome']) => results.filter((one) => one.outcome === outcome).length
  const failed = results.flatMap(({ step, error }) =>
    error === null ? [] : [`  ${step.action} ${step.kind} ${nameOf(step)}: ${error.message} (${error.code})`],
  )
  const rest = failed.length === 0 ? '' : `, ${of('failed')} failed, ${of('skipped')} skipped because of them:`
  return lines([`${of('done')} done, ${of('unchanged')} unchanged${rest || '.'}`, ...failed])
}

function documentOf(
  results: readonly StepResult[],
  { others, o }: { readonly others: number; readonly o: ApplyOptions },
) {
  return {
    dryRun: o.dryRun === true,
    steps: results.map(({ step: { kind, action, organization, name, reason, where }, outcome, error }) => {
      return { kind, action, organization, name, reason, where, outcome, error }
    }),
    unmanaged: others,
  }
}
