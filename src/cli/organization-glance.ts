/** What goes on in an organization: which tags moved lately, which runs are under way. */
import { type Command, InvalidArgumentError } from 'commander'
import { activityAnswerSchema, type Move, moveListSchema } from '../api/glance.ts'
import type { Progress } from '../api/progress.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { currentText } from './current-text.ts'
import { count, shortDigest, size } from './format.ts'
import { momentOf } from './moment.ts'
import { moreText } from './run-text.ts'
import { blocks, lines, table } from './table.ts'

interface MovesOptions {
  readonly json?: boolean
  readonly since?: string
  readonly limit: number
  readonly after?: string
}

export function addOrganizationGlanceCommands(organization: Command, line: CommandLine): void {
  addCommand(organization, 'moves', 'show which tags moved lately in the repositories of an organization')
    .argument('<org>', 'name of the organization')
    .option('--since <time>', 'since when: 2026-01-31, 2026-01-31T12:00:00Z, or 7d for seven days ago; default: 24h')
    .option('--limit <count>', 'most moves', limitOf, 100)
    .option('--after <cursor>', 'go on after the `next` of the page before')
    .action((name: string, o: MovesOptions) => moves(line, name, o))
  addCommand(organization, 'activity', 'show which runs of mirrors are under way')
    .argument('<org>', 'name of the organization')
    .action((name: string, o: { json?: boolean }) => activity(line, name, o))
}

function limitOf(text: string): number {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(text)) throw new InvalidArgumentError('want 1 to 1000.')
  return Number(text)
}

async function moves(line: CommandLine, name: string, o: MovesOptions): Promise<void> {
  const query = { since: momentOf(o.since), limit: o.limit, after: o.after }
  const path = `/organizations/${segment(name)}/moves`
  const document = await (await connect(line)).call('GET', path, moveListSchema, { query })
  answer(line, o, document, () =>
    blocks([
      table(
        ['at', 'tag', 'from', 'to', 'why'],
        document.moves.map((move) => [
          move.at,
          `${move.repository}:${move.tag}`,
          end(move.from),
          end(move.to),
          whyOf(move),
        ]),
        'No tag has moved.',
      ),
      moreText(`${line.program} organization moves ${name}`, document.next),
    ]),
  )
}

const end = (digest: string | null): string => (digest === null ? '-' : shortDigest(digest))

function whyOf({ reason, by }: Move): string {
  return by.startsWith('user:') ? `${reason} (${by.slice('user:'.length)})` : reason
}

async function activity(line: CommandLine, name: string, o: { json?: boolean }): Promise<void> {
  const path = `/organizations/${segment(name)}/activity`
  const document = await (await connect(line)).call('GET', path, activityAnswerSchema)
  const { runs, total } = document
  answer(line, o, document, () =>
    blocks([
      table(
        ['mirror', 'doing', 'tags', 'bytes'],
        runs.map((run) => [run.mirror, doing(run), part(run.tags, String), part(run.bytes, size)]),
        'Nothing runs.',
      ),
      total > runs.length ? lines([`And ${count(total - runs.length, 'other run')}.`]) : '',
    ]),
  )
}

function doing({ phase, ahead, current }: Progress): string {
  if (phase === 'waiting' && ahead !== null) return `waiting, ${ahead} ahead`
  return current === null ? phase : currentText(current)
}

function part({ done, total }: Progress['tags'], show: (number: number) => string): string {
  return total === null ? show(done) : `${show(done)}/${show(total)}`
}
