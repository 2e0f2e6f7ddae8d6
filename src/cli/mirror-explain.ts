import type { Command } from 'commander'
import { MAX_EXPLAINED, type TagExplanation, tagExplanationSchema } from '../api/explain.ts'
import { type ApiClient, repositoryPath } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { age } from './format.ts'
import { blocks, lines } from './table.ts'

export function addExplainCommand(mirror: Command, line: CommandLine): void {
  addCommand(mirror, 'explain', 'say why tags are, or are not, here, and what happens next')
    .argument('<mirror>', 'destination, such as acme/dhi-python')
    .argument('[tag...]', 'of upstream or here; default: all that are not simply in step')
    .action((name: string, tags: readonly string[], o: { json?: boolean }) => explain(line, name, tags, o))
}

async function explain(
  line: CommandLine,
  name: string,
  named: readonly string[],
  o: { json?: boolean },
): Promise<void> {
  const client = await connect(line)
  const path = `/mirrors/${repositoryPath(checkRepository(name))}/explain`
  const tags =
    named.length === 0 ? await client.listAll(path, 'tags', tagExplanationSchema) : await ask(client, path, named)
  answer(line, o, { tags, next: null }, () =>
    tags.length === 0
      ? `Every tag of ${name} is in step with upstream. About one: ${line.program} mirror explain ${name} TAG`
      : blocks(tags.map(explanationText)),
  )
}

async function ask(client: ApiClient, path: string, named: readonly string[]): Promise<TagExplanation[]> {
  const found: TagExplanation[] = []
  for (let i = 0; i < named.length; i += MAX_EXPLAINED) {
    const tag = named.slice(i, i + MAX_EXPLAINED).join(',')
    found.push(...(await client.listAll(path, 'tags', tagExplanationSchema, { tag })))
  }
  return found
}

export function explanationText(tag: TagExplanation): string {
  const { name, state, upstream, local, reason, checkedAt, next } = tag
  const digests =
    upstream !== null && upstream === local
      ? [`  here and at upstream: ${local}`]
      : [
          `  here: ${local ?? 'nothing'}`,
          `  at upstream: ${upstream ?? (state === 'absent' ? 'nothing' : 'not known')}`,
        ]
  return lines([
    `${name}: ${state}${checkedAt === null ? '' : `, checked ${age(checkedAt, '')}`}`,
    ...digests,
    `  why: ${reason}`,
    `  next: ${next}`,
  ])
}
