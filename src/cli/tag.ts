import { type Command, Option } from 'commander'
import { exclusionAnswerSchema, tagReleaseAnswerSchema } from '../api/exclusions.ts'
import { attestedSchema, type Tag, type TagsDeleted, tagSchema, tagsDeletedSchema } from '../api/tags.ts'
import type { Attested } from '../oci/attested.ts'
import { attestedText } from './attested-text.ts'
import { repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { exclusionTable, findExclusions, nextPassText } from './exclusions.ts'
import { age, shortDigest, size } from './format.ts'
import { blocks, lines, table } from './table.ts'
import { addTagHistoryCommands, findPins, pinTable } from './tag-history.ts'

export function addTagCommands(program: Command, line: CommandLine): void {
  const tag = program.command('tag').description('tags of a repository')
  addCommand(tag, 'list', 'list tags')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .addOption(new Option('--attested <kind>', 'only those that have it attached').choices(attestedSchema.options))
    .addOption(new Option('--lacks <kind>', 'only those that do not have it attached').choices(attestedSchema.options))
    .action((repository: string, o: ListOptions) => list(line, repository, o))
  addCommand(tag, 'delete', 'delete tags, all or none; content stays while something else holds it')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .argument('<tag...>', 'the tags')
    .option('--dry-run', 'only say what that frees, and what still holds the content')
    .action((repository: string, names: string[], o: DeleteOptions) => removeAll(line, repository, names, o))
  addCommand(tag, 'exclude', 'do without a tag of a mirror: it is left as it is, here or away, and no alarm')
    .argument('<repository>', 'ORGANIZATION/NAME of a mirror')
    .argument('<tag>', 'the tag, whether it is here or not')
    .option('--reason <text>', 'why, for people; default: the reason for which it fails')
    .action((repository: string, name: string, o: ExcludeOptions) => exclude(line, repository, name, o))
  addTagHistoryCommands(tag, line)
  addCommand(tag, 'release', 'give a tag back to the mirror that was deleted, excluded or pinned')
    .argument('<repository>', 'ORGANIZATION/NAME of a mirror')
    .argument('<tag>', 'the tag, or the digest of content that was deleted by it')
    .option('--take-upstream', 'also one that people moved here: take what upstream has, now')
    .action((repository: string, name: string, o: ReleaseOptions) => release(line, repository, name, o))
}

interface ListOptions {
  readonly json?: boolean
  readonly attested?: Attested
  readonly lacks?: Attested
}

interface DeleteOptions {
  readonly json?: boolean
  readonly dryRun?: boolean
}

interface ReleaseOptions {
  readonly json?: boolean
  readonly takeUpstream?: boolean
}

interface ExcludeOptions {
  readonly json?: boolean
  readonly reason?: string
}

async function list(line: CommandLine, repository: string, o: ListOptions): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/tags`
  const client = await connect(line)
  const { attested, lacks } = o
  const isFiltered = attested !== undefined || lacks !== undefined
  const tags = await client.listAll(path, 'tags', tagSchema, { attested, lacks })
  const excluded = await findExclusions(client, repository)
  const names = new Set(excluded.map(({ tag }) => tag))
  const pins = await findPins(client, repository)
  answer(line, o, { tags, excluded, pins, next: null }, () => {
    const here = table(
      ['tag', 'digest', 'size', 'platforms', 'referrers', 'attested', 'moved', 'mirrored'],
      tags.map((tag) => [
        tag.name,
        shortDigest(tag.digest),
        `${atLeast(tag)}${size(tag.sizeBytes)}`,
        platformsText(tag),
        `${atLeast(tag)}${tag.referrers}`,
        attestedText(tag.attested),
        age(tag.movedAt, '-'),
        standingOf(tag, names),
      ]),
      isFiltered ? 'No such tags.' : 'No tags yet.',
    )
    if (isFiltered || excluded.length + pins.length === 0) return here
    const tables = [exclusionTable(excluded), pinTable(pins)].filter((text) => text !== '')
    const back = lines([`Give one back to the mirror: ${line.program} tag release ${repository} TAG`])
    return [here, ...tables, back].join('\n\n')
  })
}

/** Before numbers that are lower bounds. */
const atLeast = ({ isPartial }: Tag): string => (isPartial ? '≥ ' : '')

function standingOf(tag: Tag, excluded: ReadonlySet<string | null>): string {
  if (tag.pinned) return 'pinned'
  if (tag.diverged) return 'diverged'
  if (tag.mirrored) return 'yes'
  return excluded.has(tag.name) ? 'excluded' : '-'
}

function platformsText(tag: Tag): string {
  const more = tag.platformCount - tag.platforms.length
  const text = tag.platforms.join(', ') || '-'
  return more === 0 ? text : `${text} and ${more} more`
}

async function removeAll(
  line: CommandLine,
  repository: string,
  names: readonly string[],
  o: DeleteOptions,
): Promise<void> {
  const [only] = names
  if (o.dryRun !== true && names.length === 1 && only !== undefined) return remove(line, repository, only, o)
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/tags/delete`
  const body = { tags: names, dryRun: o.dryRun === true }
  const document = await (await connect(line)).call('POST', path, tagsDeletedSchema, { body })
  answer(line, o, document, () => deletedText(document, repository, line.program))
}

function deletedText({ tags, frees, keptUntil, deleted }: TagsDeleted, repository: string, program: string): string {
  const gone = tags.filter(({ refused }) => refused === null)
  const freed = `${frees.isPartial ? '≥ ' : ''}${size(frees.sizeBytes)} in ${frees.manifests} manifests and ${frees.blobs} blobs`
  const held = gone.filter(({ holders }) => holders > 0)
  return blocks([
    table(
      ['tag', 'digest', 'content stays for', 'deleted'],
      tags.map(({ name, digest, heldBy, holders, refused }) => [
        name,
        shortDigest(digest),
        holders > heldBy.length ? `${heldBy.join(' ')} and ${holders - heldBy.length} more` : heldBy.join(' ') || '-',
        refused ?? (deleted ? 'yes' : 'would be'),
      ]),
      '',
    ),
    lines([
      `Nothing else of ${repository} needs ${freed}. It can be taken back until ${keptUntil}: ${program} tag restore`,
      ...(held.length === 0 ? [] : [`${held.length} of them point at content that other tags keep.`]),
      ...(gone.some(({ mirrored }) => mirrored)
        ? [`The mirror brings none of them back, until: ${program} tag release ${repository} TAG`]
        : []),
    ]),
  ])
}

async function remove(line: CommandLine, repository: string, name: string, o: { json?: boolean }): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(repository))}/tags/${segment(name)}`
  const client = await connect(line)
  await client.send('DELETE', path)
  const isExcluded = (await findExclusions(client, repository)).some(({ tag }) => tag === name)
  answer(line, o, { deleted: `${repository}:${name}` }, () => {
    const deleted = `Deleted ${repository}:${name}.`
    const back = `The mirror does not bring it back, until: ${line.program} tag release ${repository} ${name}`
    return isExcluded ? `${deleted} ${back}` : deleted
  })
}

function mirrorTagPath(repository: string, name: string, verb: string): string {
  return `/mirrors/${repositoryPath(checkRepository(repository))}/tags/${segment(name)}/${verb}`
}

async function exclude(line: CommandLine, repository: string, name: string, o: ExcludeOptions): Promise<void> {
  const path = mirrorTagPath(repository, name, 'exclude')
  const body = { reason: o.reason }
  const document = await (await connect(line)).call('POST', path, exclusionAnswerSchema, { body })
  answer(line, o, document, () =>
    lines([
      `${repository}:${name} is excluded: ${document.exclusion.reason}.`,
      `The mirror leaves it as it is, and gives no alarm for it. Take it again: ${line.program} tag release ${repository} ${name}`,
    ]),
  )
}

async function release(line: CommandLine, repository: string, name: string, o: ReleaseOptions): Promise<void> {
  const client = await connect(line)
  const path = mirrorTagPath(repository, name, 'release')
  const body = { takeUpstream: o.takeUpstream === true }
  const document = await client.call('POST', path, tagReleaseAnswerSchema, { body })
  const { wasExcluded, wasPinned, wasDiverged, isDiverged, tags, digests, mirror, run } = document
  const others = wasExcluded
    ? (await findExclusions(client, repository)).filter(({ digest }) => digest !== null && digests.includes(digest))
    : []
  answer(line, o, document, () => {
    const take = `People moved it here, and it stays so. Take what upstream has: ${line.program} tag release ${repository} ${name} --take-upstream`
    if (!wasExcluded && !wasPinned && !wasDiverged) {
      if (isDiverged) return lines([`${repository}:${name} is neither excluded nor pinned.`, take])
      return lines([
        `${repository}:${name} is not excluded, pinned or moved here: there is nothing to release.`,
        ...(run === null ? [] : [runText(repository, line.program)]),
      ])
    }
    const more = [...tags, ...digests].filter((one) => one !== name)
    return lines([
      `${repository}:${name} is released${more.length === 0 ? '' : `, and with it ${more.join(', ')}`}.`,
      ...others.map((one) => `${one.tag}, deleted with it, stays excluded.`),
      isDiverged ? take : run === null ? nextPassText(mirror, name, line.program) : runText(repository, line.program),
    ])
  })
}

function runText(repository: string, program: string): string {
  return `A run takes what upstream has: ${program} mirror watch ${repository}`
}
