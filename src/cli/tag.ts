import type { Command } from 'commander'
import { tagSchema } from '../api/tags.ts'
import { repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { age, shortDigest, size } from './format.ts'
import { table } from './table.ts'

export function addTagCommands(program: Command, line: CommandLine): void {
  const tag = program.command('tag').description('tags of a repository')
  addCommand(tag, 'list', 'list tags')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .action((repository: string, o: { json?: boolean }) => list(line, repository, o))
  addCommand(tag, 'delete', 'delete a tag; its content stays while something else holds it')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .argument('<tag>', 'the tag')
    .action((repository: string, name: string, o: { json?: boolean }) => remove(line, repository, name, o))
}

async function list(line: CommandLine, repository: string, o: { json?: boolean }): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/tags`
  const tags = await (await connect(line)).listAll(path, 'tags', tagSchema)
  answer(line, o, { tags, next: null }, () =>
    table(
      ['tag', 'digest', 'size', 'platforms', 'referrers', 'moved', 'mirrored'],
      tags.map((tag) => [
        tag.name,
        shortDigest(tag.digest),
        size(tag.sizeBytes),
        tag.platforms.join(', ') || '-',
        String(tag.referrers),
        age(tag.movedAt, '-'),
        tag.mirrored ? 'yes' : '-',
      ]),
      'No tags yet.',
    ),
  )
}

async function remove(line: CommandLine, repository: string, name: string, o: { json?: boolean }): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/tags/${segment(name)}`
  await (await connect(line)).send('DELETE', path)
  answer(line, o, { deleted: `${repository}:${name}` }, () => `Deleted ${repository}:${name}.`)
}
