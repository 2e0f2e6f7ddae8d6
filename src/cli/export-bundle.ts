/** `kagami export REPOSITORY FILE`: a repository with its history as a bundle, to be carried over an air gap. */
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { tagMoveSchema } from '../api/history.ts'
import { repositoryAnswerSchema } from '../api/repositories.ts'
import { tagSchema } from '../api/tags.ts'
import { openBundle } from '../copy/bundle/bundle-manifest.ts'
import { type ExportReport, exportBundle } from '../copy/bundle/export-bundle.ts'
import { systemClock } from '../lib/clock.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { openRemoteRepository } from '../remote/remote-repository.ts'
import { repositoryPath } from './client.ts'
import { answer, type CommandLine, checkRepository } from './command-line.ts'
import { UsageError } from './exit.ts'
import { count, size } from './format.ts'
import { interruptible } from './interrupt.ts'
import { connectRegistry } from './own-registry.ts'
import { lines } from './table.ts'

interface ExportOptions {
  readonly json?: boolean
  readonly since?: string
}

export async function exportRepository(
  line: CommandLine,
  given: string,
  file: string,
  o: ExportOptions,
): Promise<void> {
  const name = parseRepositoryName(checkRepository(given))
  if (o.since !== undefined && resolve(o.since) === resolve(file)) {
    throw new UsageError(`--since: ${o.since} is the file that is to be written, want another`)
  }
  const folder = dirname(resolve(file))
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw new UsageError(`there is no folder ${folder}`)
  const report = await interruptible(line, `${file} was not written`, async (signal) => {
    const since = o.since === undefined ? undefined : await openBundle(o.since)
    // Of the earlier bundle, only the list is read.
    await since?.files.close()
    const { client, network, endpoint } = await connectRegistry(line, name)
    const path = `/repositories/${repositoryPath(name)}`
    const { repository } = await client.call('GET', path, repositoryAnswerSchema, { signal })
    const { description, visibility, allowSparse } = repository
    const listed = await client.listAll(`${path}/tags`, 'tags', tagSchema)
    const tags = listed.map(({ name: tag, digest }) => ({ tag, digest }))
    const newestFirst = await client.listAll(`${path}/history`, 'history', tagMoveSchema)
    const history = newestFirst.reverse().map(({ run: _, ...move }) => move)
    try {
      return await exportBundle({
        reader: openRemoteRepository({ ...network, about: name }, endpoint, name),
        repository: { name: repository.name, description, visibility, allowSparse },
        ...{ tags, history, file, since, signal, clock: systemClock },
        onBytes(done, total) {
          if (line.terminal.isInteractive) line.terminal.paint(`writing ${size(done)} of ${size(total)}`)
        },
      })
    } finally {
      if (line.terminal.isInteractive) line.terminal.paint('')
    }
  })
  answer(line, o, report, () => exportText(report))
}

function exportText({ repository, file, digest, since, counts }: ExportReport): string {
  const { tags, moves, manifests, blobs, sizeBytes, leftOut, gone, absent } = counts
  return lines([
    `wrote ${repository} to ${file}: ${count(tags, 'tag')} with ${count(moves, 'move')}, ${count(manifests, 'manifest')}, ${count(blobs, 'blob')}, ${size(sizeBytes)}`,
    `bundle ${digest}${since === null ? '' : `, since ${since}, which has the other ${count(leftOut, 'digest')}`}`,
    ...(gone === 0 ? [] : [`note: ${count(gone, 'digest')} of the past are in the history, and their content is gone`]),
    ...(absent === 0 ? [] : [`note: ${count(absent, 'part')} that manifests name were never in ${repository}`]),
  ])
}
