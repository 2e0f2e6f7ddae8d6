import { type TagMove, tagMoveSchema } from '../api/history.ts'
import { type RepositoryDetail, repositoryAnswerSchema } from '../api/repositories.ts'
import { tagSchema } from '../api/tags.ts'
import { type BundleManifest, openBundle } from '../copy/bundle/bundle-manifest.ts'
import { type Destination, importBundle } from '../copy/bundle/import-bundle.ts'
import type { ImportReport } from '../copy/bundle/import-report.ts'
import { isAppError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { matchesTag } from '../oci/tag-patterns.ts'
import type { TargetMemory } from '../oci/target-repository.ts'
import { openRemoteTarget } from '../remote/remote-target.ts'
import { repositoryPath } from './client.ts'
import { answer, type CommandLine, checkRepository } from './command-line.ts'
import { failureLines } from './copy-text.ts'
import { EXIT, ExitStatus } from './exit.ts'
import { count, size } from './format.ts'
import type { ImportOptions } from './import.ts'
import { interruptible } from './interrupt.ts'
import { connectRegistry, type OwnRegistry } from './own-registry.ts'
import { lines } from './table.ts'

/** What was found at this very destination in this import is asked for again all the same: it costs a HEAD. */
const NO_MEMORY: TargetMemory = {
  hasManifest: () => false,
  hasBlob: () => false,
  mountsOf: () => [],
  noteBlob() {},
  noteManifest() {},
  forget() {},
}

const MAX_SHOWN = 20

export async function importFile(line: CommandLine, file: string, o: ImportOptions): Promise<void> {
  const as = o.as === undefined ? undefined : parseRepositoryName(checkRepository(o.as))
  const said = 'the next import goes on with what is missing, no tag points at less than all of its image'
  const report = await interruptible(line, said, async (signal) => {
    const bundle = await openBundle(file)
    try {
      const name = as ?? checkRepository(bundle.manifest.repository.name)
      const registry = await connectRegistry(line, name)
      let sent = 0
      return await importBundle({
        ...{ bundle, file, repository: name, signal },
        ...{ isForced: o.force === true, isDryRun: o.dryRun === true },
        findDestination: () => findDestination(registry, name, signal),
        create: () => createDestination(registry, name, bundle.manifest, signal),
        onVerified: (done, total) => paint(line, `verified ${size(done)} of ${size(total)}`),
        onSent(bytes) {
          sent += bytes
          paint(line, `brought ${size(sent)}`)
        },
      })
    } finally {
      paint(line, '')
      await bundle.files.close()
    }
  })
  answer(line, o, report, () => importText(report))
  if (report.outcome === 'done') return
  if (o.json !== true) for (const failure of failureLines(report)) line.terminal.note(failure)
  throw new ExitStatus(EXIT.failed)
}

function paint({ terminal }: CommandLine, text: string): void {
  if (terminal.isInteractive) terminal.paint(text)
}

/** Tags before history: what moved in between is in both. */
async function findDestination(
  registry: OwnRegistry,
  name: string,
  signal: AbortSignal,
): Promise<Destination | undefined> {
  const { client } = registry
  const path = `/repositories/${repositoryPath(name)}`
  let repository: RepositoryDetail
  try {
    repository = (await client.call('GET', path, repositoryAnswerSchema, { signal })).repository
  } catch (error) {
    if (isAppError(error, 'NOT_FOUND') || isAppError(error, 'NAME_UNKNOWN')) return undefined
    throw error
  }
  const listed = await client.listAll(`${path}/tags`, 'tags', tagSchema)
  const history = (await client.listAll(`${path}/history`, 'history', tagMoveSchema)).reverse()
  const tags = new Map(listed.map(({ name: tag, digest }) => [tag, digest as Digest]))
  return destinationOf(registry, repository, { tags, history })
}

function destinationOf(
  { network, endpoint }: OwnRegistry,
  { name, visibility, immutableTags }: RepositoryDetail,
  found: { readonly tags: ReadonlyMap<string, Digest>; readonly history: readonly TagMove[] },
): Destination {
  const repository = parseRepositoryName(name)
  const target = openRemoteTarget({ ...network, about: repository }, endpoint, repository, {
    kind: 'kagami',
    memory: NO_MEMORY,
  })
  return {
    ...found,
    ...{ target, isPublic: visibility === 'public' },
    isImmutable(tag) {
      if (immutableTags.mode !== 'patterns') return immutableTags.mode === 'all'
      return immutableTags.patterns.some((pattern) => matchesTag(pattern, tag))
    },
  }
}

/** With the words of the bundle where one may set them; private always. */
async function createDestination(
  registry: OwnRegistry,
  name: string,
  { repository }: BundleManifest,
  signal: AbortSignal,
): Promise<Destination> {
  const { description, allowSparse } = repository
  const settings = {
    ...(description === '' ? {} : { description }),
    ...(allowSparse ? { allowSparse } : {}),
  }
  const create = (body: object) =>
    registry.client.call('POST', '/repositories', repositoryAnswerSchema, { body, signal })
  const made = await create({ name, ...settings }).catch((error) => {
    if (!isAppError(error, 'DENIED') || Object.keys(settings).length === 0) throw error
    return create({ name })
  })
  return destinationOf(registry, made.repository, { tags: new Map(), history: [] })
}

function importText({ bundle, repository, created, dryRun, counts, tags }: ImportReport): string {
  const shown = tags.slice(0, MAX_SHOWN).map(({ tag, from, to }) => {
    const before = from === null ? '' : `, was ${from}`
    return `${tag}  ${to ?? 'deleted'}${before}`
  })
  const more = tags.length > shown.length ? [`and ${tags.length - shown.length} more`] : []
  const verb = dryRun ? 'would import' : 'imported'
  const { moves, manifests, blobs, sentBytes, tagsMoved, tagsUnchanged, failed, skipped } = counts
  const parts = [count(moves, 'move'), count(manifests, 'manifest'), count(blobs, 'blob'), size(sentBytes)]
  const rest = `${tagsUnchanged === 0 ? '' : `; ${tagsUnchanged} unchanged`}${failed === 0 ? '' : `; ${failed} failed`}`
  return lines([
    ...shown,
    ...more,
    `${verb} ${count(tagsMoved, 'tag')} of ${bundle.repository} to ${repository}${created ? ', a new repository' : ''}: ${parts.join(', ')}${rest}`,
    ...(skipped === 0 ? [] : [`note: ${count(skipped, 'place')} of the past left out: their content is gone`]),
  ])
}
