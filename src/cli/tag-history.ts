/** Where tags pointed, and taking one back there. */
import type { Command } from 'commander'
import { type Pin, pinSchema, type TagMove, tagMoveSchema, tagRestoreAnswerSchema } from '../api/history.ts'
import { digestSchema } from '../api/schema.ts'
import { tagAtAnswerSchema } from '../api/tags.ts'
import { isAppError } from '../errors.ts'
import { type ApiClient, repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age, shortDigest } from './format.ts'
import { momentOf } from './moment.ts'
import { lines, properties, table } from './table.ts'

export function addTagHistoryCommands(tag: Command, line: CommandLine): void {
  addCommand(tag, 'show', 'print where a tag points, or the digest that it had at a time')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .argument('<tag>', 'the tag')
    .option('--at <time>', 'as of a time: 2026-01-31, 2026-01-31T12:00:00Z, or 7d for seven days ago')
    .action((repository: string, name: string, o: AtOptions) => show(line, repository, name, o))
  addCommand(tag, 'history', 'show where tags pointed over time, who moved them and why')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .argument('[tag]', 'the tag; default: all')
    .action((repository: string, name: string | undefined, o: { json?: boolean }) => history(line, repository, name, o))
  addCommand(
    tag,
    'restore',
    'move a tag back to where it pointed before; a mirror leaves it there until it is released',
  )
    .argument('<repository>', 'ORGANIZATION/NAME')
    .argument('<tag>', 'the tag')
    .argument('[digest]', 'the digest that it is to point to again')
    .option('--at <time>', 'to where it pointed at a time, instead: 2026-01-31, 2026-01-31T12:00:00Z, 7d')
    .option('--reason <text>', 'why, for people')
    .action((repository: string, name: string, digest: string | undefined, o: RestoreOptions) =>
      restore(line, repository, name, digest, o),
    )
}

interface AtOptions {
  readonly json?: boolean
  readonly at?: string
}

interface RestoreOptions extends AtOptions {
  readonly reason?: string
}

function tagPath(repository: string, name: string): string {
  return `/repositories/${repositoryPath(checkRepository(repository))}/tags/${segment(name)}`
}

async function show(line: CommandLine, repository: string, name: string, o: AtOptions): Promise<void> {
  const at = momentOf(o.at)
  const client = await connect(line)
  const document = await client.call('GET', tagPath(repository, name), tagAtAnswerSchema, { query: { at } })
  const { digest, since, available, pinned } = document.tag
  // Alone, for `docker pull …@$(kagami tag show … --at …)`.
  if (at !== undefined) {
    if (!available) line.terminal.note(`The content of ${digest} is no longer in ${repository}.`)
    return answer(line, o, document, () => digest)
  }
  const pin = pinned ? (await findPins(client, repository)).find(({ tag }) => tag === name) : undefined
  answer(line, o, document, () =>
    properties([
      ['Tag', `${repository}:${name}`],
      ['Digest', digest],
      ['Since', `${since} (${age(since, '')})`],
      ['Pinned', pin === undefined ? (pinned ? 'yes' : undefined) : pinText(pin)],
      ['To end that', pinned ? `${line.program} tag release ${repository} ${name}` : undefined],
    ]),
  )
}

/** Those of a repository; none where no mirror writes to it, or the caller may not see its mirror. */
export async function findPins(client: ApiClient, repository: string): Promise<Pin[]> {
  try {
    return await client.listAll(`/mirrors/${repositoryPath(repository)}/pins`, 'pins', pinSchema)
  } catch (error) {
    if (isAppError(error, 'NOT_FOUND') || isAppError(error, 'DENIED') || isAppError(error, 'UNAUTHORIZED')) return []
    throw error
  }
}

function pinText({ by, since, reason }: Pin): string {
  return `by ${nameOf(by)} ${age(since, '')}: ${reason}`
}

export function pinTable(pins: readonly Pin[]): string {
  return table(
    ['pinned', 'digest', 'reason', 'by', 'since'],
    pins.map(({ tag, digest, reason, by, since }) => [tag, shortDigest(digest), reason, nameOf(by), age(since, '-')]),
    '',
  )
}

async function history(
  line: CommandLine,
  repository: string,
  name: string | undefined,
  o: { json?: boolean },
): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/history`
  const moves = await (await connect(line)).listAll(path, 'history', tagMoveSchema, { tag: name })
  answer(line, o, { history: moves, next: null }, () =>
    table(
      ['at', 'tag', 'from', 'to', 'by', 'why'],
      moves.map((move) => [move.at, move.tag, end(move.from), end(move.to), moverText(move), move.reason]),
      name === undefined ? 'No tag has moved yet.' : `There is no history of ${repository}:${name}.`,
    ),
  )
}

/** In full: it is what `tag restore` takes. */
const end = (digest: string | null): string => digest ?? '-'

function moverText({ by, run }: TagMove): string {
  return run === null ? nameOf(by) : `run ${run}`
}

const nameOf = (actor: string): string => actor.replace(/^user:/, '')

async function restore(
  line: CommandLine,
  repository: string,
  name: string,
  digest: string | undefined,
  o: RestoreOptions,
): Promise<void> {
  if ((digest === undefined) === (o.at === undefined)) {
    throw new UsageError('want either a digest or --at TIME: what the tag is to point to again')
  }
  if (digest !== undefined && !digestSchema.safeParse(digest).success) {
    throw new UsageError(`got ${JSON.stringify(digest)}, want a whole digest such as sha256:… of 64 digits`)
  }
  const client = await connect(line)
  const body = { digest, at: momentOf(o.at), reason: o.reason }
  const document = await client.call('POST', `${tagPath(repository, name)}/restore`, tagRestoreAnswerSchema, { body })
  const { from, to, pin } = document
  answer(line, o, document, () =>
    lines([
      from === to
        ? `${repository}:${name} points at ${to} already.`
        : `${repository}:${name} points at ${to} again${from === null ? '' : `; it pointed at ${from}`}.`,
      ...(pin === null
        ? []
        : [`It is pinned: the mirror leaves it there, until: ${line.program} tag release ${repository} ${name}`]),
    ]),
  )
}
