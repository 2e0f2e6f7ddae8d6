/** Files of definitions as entries of a catalog, a few at a time: thousands of them hold up nothing else. */
import { createHash } from 'node:crypto'
import { LISTED_DESCRIPTION } from '../../api/catalog.ts'
import { byBytes } from '../../db/engine/chunks.ts'
import { messageOf } from '../../errors.ts'
import { compareTagAge } from '../../oci/tag-version.ts'
import { joinCompliance } from '../compliance.ts'
import type { Detail, Summary, Variant } from '../summary.ts'
import { latestDates } from '../support.ts'
import { cut, lineOf } from '../text.ts'
import type { DefinitionFiles } from './files.ts'
import { type Info, readDefinition, readInfo } from './read.ts'

/** Raised when the same files mean something else than before. */
const READER = 1
const MAX_VARIANTS = 300
/** Of the texts that are JSON together. */
const MAX_DETAIL_BYTES = 768 * 1024
const WORDS = 48
/** How long the files of others may hold the one thread that there is, in milliseconds. */
const TURN_MS = 8

export interface DefinedEntry {
  readonly repository: string
  /** Of all its files: the same digest, the same entry. */
  readonly digest: string
  /** Undefined: its digest was known. */
  readonly said:
    | {
        readonly summary: Summary
        readonly detail: Detail
        readonly logo: Uint8Array | null
        readonly logoKey: string | null
      }
    | undefined
}

/**
 * Entries by repository. Where two folders define the same repository, the first by name has it.
 * @param known repositories by the digest of their files, which need not be read again
 * @param note hears of what was left out
 */
export async function* definedEntries(
  { files }: DefinitionFiles,
  known: ReadonlyMap<string, string>,
  note: (text: string) => void,
): AsyncGenerator<DefinedEntry> {
  const taken = new Map<string, string>()
  let turn = performance.now()
  for (const [folder, paths] of foldersOf(files)) {
    const digest = digestOf(paths, files)
    const before = known.get(digest)
    const entry =
      before === undefined ? readFolder(folder, paths, files, note) : { repository: before, said: undefined }
    if (performance.now() - turn > TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve))
      turn = performance.now()
    }
    if (entry === undefined) continue
    const other = taken.get(entry.repository)
    if (other !== undefined) note(`${folder} was left out: ${other} defines ${entry.repository} already`)
    else {
      taken.set(entry.repository, folder)
      yield { ...entry, digest }
    }
  }
}

/** Images before charts, each by name, so that the same files always give the same. */
function foldersOf(files: ReadonlyMap<string, Uint8Array>): [folder: string, paths: string[]][] {
  const folders = new Map<string, string[]>()
  for (const path of [...files.keys()].sort()) {
    const folder = path.split('/').slice(0, 2).join('/')
    const paths = folders.get(folder)
    if (paths === undefined) folders.set(folder, [path])
    else paths.push(path)
  }
  return [...folders].sort(([a], [b]) => Number(a.startsWith('chart/')) - Number(b.startsWith('chart/')))
}

function digestOf(paths: readonly string[], files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256').update(`${READER}\n`)
  for (const path of paths) {
    const bytes = files.get(path) ?? new Uint8Array()
    hash.update(`${path}\n${bytes.byteLength}\n`).update(bytes)
  }
  return hash.digest('hex')
}

function readFolder(
  folder: string,
  paths: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  note: (text: string) => void,
): Omit<DefinedEntry, 'digest'> | undefined {
  const attempt = <T>(path: string, read: (bytes: Uint8Array) => T): T | undefined => {
    const bytes = files.get(path)
    if (bytes === undefined) return undefined
    try {
      return read(bytes)
    } catch (error) {
      note(`${path} cannot be read: ${messageOf(error)}`)
      return undefined
    }
  }
  const definitions = paths.filter((path) => path.split('/').length === 4)
  const variants: Variant[] = []
  let repository: string | undefined
  for (const path of definitions) {
    const found = attempt(path, (bytes) => readDefinition(path, bytes))
    if (found === undefined) continue
    repository ??= found.repository
    if (found.repository !== repository) note(`${path} was left out: it defines ${found.repository}, not ${repository}`)
    else if (variants.length === MAX_VARIANTS) note(`${path} was left out: ${folder} defines more than ${MAX_VARIANTS}`)
    else variants.push(found.variant)
  }
  if (repository === undefined) {
    note(`${folder} was left out: none of its definitions names an image`)
    return undefined
  }
  const info = attempt(`${folder}/info.yaml`, readInfo) ?? readInfo(undefined)
  const text = (name: string) =>
    attempt(`${folder}/${name}`, (bytes) => new TextDecoder().decode(bytes).replaceAll('\0', ''))
  const logo = files.get(`${folder}/logo.svg`) ?? null
  const detail: Detail = {
    description: info.description,
    overview: text('overview.md') ?? null,
    guides: text('guides.md') ?? null,
    homeUrl: info.homeUrl,
    tools: info.tools,
    alternatives: info.alternatives,
    variants: variants.sort(newestFirst),
  }
  if (JSON.stringify(detail).length > MAX_DETAIL_BYTES) {
    note(`${folder} was left out: its texts have more than ${MAX_DETAIL_BYTES} bytes together`)
    return undefined
  }
  const logoKey = logo === null ? null : createHash('sha256').update(logo).digest('hex').slice(0, 8)
  return { repository, said: { summary: summaryOf(folder, info, variants), detail, logo, logoKey } }
}

/** A runtime before its `-dev`, and what differs by its distribution alone by that. */
function newestFirst(a: Variant, b: Variant): number {
  const [nameA, nameB] = [a, b].map(({ definition }) => definition?.split('/').at(-1) ?? '')
  return nameA === nameB ? byBytes(a.distribution ?? '', b.distribution ?? '') : compareTagAge(nameB ?? '', nameA ?? '')
}

function summaryOf(folder: string, info: Info, variants: readonly Variant[]): Summary {
  const distinct = (of: (variant: Variant) => string | null) => [...new Set(variants.flatMap((one) => of(one) ?? []))]
  return {
    title: info.title,
    description: info.description === null ? null : cut(info.description, LISTED_DESCRIPTION),
    kind: folder.startsWith('chart/') ? 'chart' : 'image',
    categories: info.categories,
    distributions: distinct(({ distribution }) => distribution).slice(0, 6),
    compliance: joinCompliance(info.compliance, ...variants.map(({ compliance }) => compliance)),
    ...latestDates(variants),
    released:
      distinct(({ released }) => released)
        .sort()
        .at(-1) ?? null,
    words: wordsOf(variants),
  }
}

/** What the tags say besides versions and distributions: `fpm dev`. */
function wordsOf(variants: readonly Variant[]): string {
  const words = variants.flatMap(({ tags }) => tags).flatMap((tag) => tag.toLowerCase().split(/[-_.+]/))
  const told = [...new Set(words)].filter((word) => /^[a-z][a-z]+$/.test(word) && !/^(alpine|debian)$/.test(word))
  return lineOf(told.join(' '), WORDS) ?? ''
}
