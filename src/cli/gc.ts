/** `kagami gc`: what goes, why, and what that frees. */
import type { Command } from 'commander'
import {
  type CollectionItemView,
  type CollectionPlanView,
  type CollectionView,
  collectionAnswerSchema,
  collectionPlanAnswerSchema,
} from '../api/collections.ts'
import { AppError } from '../errors.ts'
import { systemSleep } from '../lib/retry.ts'
import { type ApiClient, repositoryPath } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { confirmEffects } from './confirm.ts'
import { UsageError } from './exit.ts'
import { age, count, size } from './format.ts'
import { blocks, table } from './table.ts'

interface Options {
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly now?: boolean
  readonly yes?: boolean
  readonly repository?: string
}

const LOOK_MS = 250

export function addGcCommand(program: Command, line: CommandLine): void {
  addCommand(program, 'gc', 'remove what nothing refers to any more, and say what that frees (operators)')
    .option('--dry-run', 'only say what goes, and why')
    .option('--repository <repository>', 'with --dry-run: of this repository (its admins)')
    .option('--now', 'do not wait for grace times: pushes under way may have to begin anew')
    .option('--yes', 'do not ask, though grace times are ignored')
    .action((o: Options) => collect(line, o))
}

async function collect(line: CommandLine, o: Options): Promise<void> {
  if (o.repository !== undefined && o.dryRun !== true) throw new UsageError('--repository goes with --dry-run')
  if (o.repository !== undefined && o.now === true) throw new UsageError('--repository and --now exclude each other')
  const client = await connect(line)
  const { plan } = await readPlan(client, o)
  if (o.dryRun === true) {
    answer(line, o, { plan, freedBytes: 0 }, () => planText(plan, o))
    return
  }
  if (o.now === true) {
    const effect = `${count(plan.totals.objects, 'item')} (${size(plan.totals.bytes)}) go at once. A push that is under way may fail, and has to begin anew.`
    await confirmEffects(line, 'now', [effect], o.yes)
  }
  const begun = await client.call('POST', '/collections', collectionAnswerSchema, { body: { now: o.now === true } })
  const ended = await follow(line, client, begun.collection)
  if (ended.problem !== null) throw new AppError('CONFLICT', `the collection ended early: ${ended.problem}`)
  answer(line, o, { plan, freedBytes: ended.freedBytes }, () => blocks([planText(plan, o), endText(ended)]))
}

function readPlan(client: ApiClient, o: Options) {
  if (o.repository === undefined) {
    const query = o.now === true ? { now: 'true' } : {}
    return client.call('GET', '/collections/plan', collectionPlanAnswerSchema, { query })
  }
  const path = `/repositories/${repositoryPath(checkRepository(o.repository))}/collection`
  return client.call('GET', path, collectionPlanAnswerSchema)
}

async function follow(line: CommandLine, client: ApiClient, begun: CollectionView): Promise<CollectionView> {
  let now = begun
  let said = ''
  while (now.endedAt === null) {
    await systemSleep(LOOK_MS)
    now = (await client.call('GET', `/collections/${begun.id}`, collectionAnswerSchema)).collection
    const text = endText(now)
    if (text !== said && now.endedAt === null && line.terminal.isInteractive) line.terminal.note(text)
    said = text
  }
  return now
}

function endText({ manifests, blobs, objects, freedBytes }: CollectionView): string {
  return `Freed ${size(freedBytes)}: ${count(objects, 'stored object')} removed; ${count(manifests, 'manifest')} and ${count(blobs, 'blob')} taken out of repositories.`
}

function planText({ items, totals }: CollectionPlanView, o: Options): string {
  if (totals.objects === 0) return 'There is nothing to collect.'
  const sorted = items.toSorted((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : b.sizeBytes - a.sizeBytes))
  const more = totals.objects - items.length
  return blocks([
    table(
      ['kind', 'repository', 'digest', 'size', 'goes', 'why'],
      sorted.map((item) => rowOf(item)),
      'There is nothing to collect.',
    ),
    `${count(totals.objects, 'item')}, ${size(totals.bytes)}${more > 0 ? `; ${more} of them are not shown` : ''}.${o.dryRun === true ? ' Nothing was done.' : ''}`,
  ])
}

function rowOf(item: CollectionItemView): string[] {
  const { kind, repository, digest, sizeBytes, goesAt, reason } = item
  return [kind, repository ?? '-', digest ?? '-', size(sizeBytes), goesAt === null ? 'now' : age(goesAt, 'now'), reason]
}
