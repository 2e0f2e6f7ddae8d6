import type { Command } from 'commander'
import { mirrorSchema } from '../api/mirrors.ts'
import { sampleReleaseAnswerSchema } from '../api/sample.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { count } from './format.ts'
import { lines } from './table.ts'

export function addSampleCommands(program: Command, line: CommandLine): void {
  const sample = program.command('sample').description('the sample upstream of a server started with --sample')
  addCommand(sample, 'release', 'publish the next release there (operators)').action((o: { json?: boolean }) =>
    release(line, o),
  )
}

async function release(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const client = await connect(line)
  const document = await client.call('POST', '/sample/releases', sampleReleaseAnswerSchema)
  const { sample } = document
  const mirrors = await client.listAll('/mirrors', 'mirrors', mirrorSchema)
  const fed = mirrors.filter((mirror) => mirror.source.upstream === 'sample' && mirror.state !== 'stopped')
  const stopped = mirrors.find((mirror) => mirror.source.upstream === 'sample')
  const begin =
    stopped === undefined ? 'mirror start sample/python --wait' : `mirror restart ${stopped.repository} --wait`
  const next =
    fed.length === 0
      ? [`Mirror it: ${line.program} ${begin}`]
      : ['Bring it in:', ...fed.map((mirror) => `  ${line.program} mirror sync ${mirror.repository} --wait`)]
  if (o.json === true) line.terminal.note(lines(next))
  answer(line, o, document, () =>
    lines([
      `The sample upstream has published release ${sample.release}:`,
      ...sample.repositories.map(
        ({ name, movedTags }) => `  ${name}: ${count(movedTags.length, 'tag')} moved or added`,
      ),
      ...next,
    ]),
  )
}
