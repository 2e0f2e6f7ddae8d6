/** Files of definitions as entries of a catalog, a few at a time: thousands of them hold up nothing else. */
import { createHash } from 'node:crypto'
import { LISTED_DESCRIPTION } from '../../api/catalog.ts'
import { byBytes } from '../../db/engine/chunks.ts'
import { messageOf } from '../../errors.ts'
import { createTurns } from '../../lib/turns.ts'
import { compareTagAge } from '../../oci/tag-version.ts'
import { joinCompliance } from '../compliance.ts'
import type { Detail, Summary, Variant } from '../summary.ts'
import { latestDates } from '../support.ts'
import { cut, lineOf } from '../text.ts'
import type { DefinitionFiles } from './files.ts'
import { type Info, readDefinition, readInfo } from './read.ts'

/** Raised when the same files mean something else than before. */
const READER = 2
/** Files of a folder that are read. */
const MAX_VARIANTS = 300
/** Of the texts that are JSON together. */
const MAX_DETAIL_BYTES = 768 * 1024
/** What is said of a folder may be so much longer than its files, and no more: aliases of YAML say a long text a thousand times. */
const GROWTH = { factor: 1.25, bytesOfFile: 1024 }
const WORDS = 48
/** How long the files of others may hold the one thread that there is, in milliseconds. */
const TURN_MS = 8
const MAX_USELESS = 1000
const NOTES_OF_USELESS = 10

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
 * Folders that give nothing, by the digest of their files, with what was noted of them: they are in no database, and would be read again
 * each time. Files that are the same say the same, whosever they are.
 */
export type UselessFolders = Map<string, readonly string[]>

/**
 * Entries by repository. Where two folders define the same repository, the first by name has it.
 * @param known repositories by the digest of their files, which need not be read again
 * @param note hears of what was left out
 * @param useless of before; filled here
 */
export async function* definedEntries(
  { files }: DefinitionFiles,
  known: ReadonlyMap<string, string>,
  note: (text: string) => void,
  useless: UselessFolders = new Map(),
): AsyncGenerator<DefinedEntry> {
  const taken = new Map<string, string>()
  const turn = createTurns(TURN_MS)
  for (const [folder, paths] of foldersOf(files)) {
    const digest = await digestOf(paths, files, turn)
    const before = known.get(digest)
    const said = useless.get(digest) ?? []
    said.forEach(note)
    if (useless.has(digest)) continue
    const notes: string[] = []
    const entry =
      before === undefined
        ? await readFolder(folder, paths, files, { turn, note: (text) => void notes.push(text) })
        : { repository: before, said: undefined }
    notes.forEach(note)
    if (entry === undefined) {
      remember(useless, digest, notes)
      continue
    }
    const other = taken.get(entry.repository)
    if (other !== undefined) note(`${folder} was left out: ${other} defines ${entry.repository} already`)
    else {
      taken.set(entry.repository, folder)
      yield { ...entry, digest }
    }
  }
}

function remember(useless: UselessFolders, digest: string, notes: readonly string[]): void {
  const [oldest] = useless.keys()
  if (useless.size >= MAX_USELESS && oldest !== undefined) useless.delete(oldest)
  // The last one says why it is none.
  useless.set(digest, notes.slice(-NOTES_OF_USELESS))
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

async function digestOf(
  paths: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  turn: () => Promise<void> | undefined,
): Promise<string> {
  const hash = createHash('sha256').update(`${READER}\n`)
  for (const path of paths) {
    await turn()
    const bytes = files.get(path) ?? new Uint8Array()
    hash.update(`${path}\n${bytes.byteLength}\n`).update(bytes)
  }
  return hash.digest('hex')
}

async function readFolder(
  folder: string,
  paths: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  { turn, note }: { readonly turn: () => Promise<void> | undefined; readonly note: (text: string) => void },
): Promise<Omit<DefinedEntry, 'digest'> | undefined> {
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
  for (const path of definitions.slice(0, MAX_VARIANTS)) {
    await turn()
    const found = attempt(path, (bytes) => readDefinition(path, bytes))
    if (found === undefined) continue
    repository ??= found.repository
    if (found.repository !== repository) note(`${path} was left out: it defines ${found.repository}, not ${repository}`)
    else variants.push(found.variant)
  }
  const rest = definitions.length - MAX_VARIANTS
  if (rest > 0) note(`${rest} definitions of ${folder} were left out: it has more than ${MAX_VARIANTS}`)
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
  const bytes = paths.reduce((sum, path) => sum + (files.get(path)?.byteLength ?? 0), 0)
  const most = Math.min(MAX_DETAIL_BYTES, Math.ceil(bytes * GROWTH.factor) + paths.length * GROWTH.bytesOfFile)
  if (Buffer.byteLength(JSON.stringify(detail)) > most) {
    note(`${folder} was left out: its texts have more than ${most} bytes together`)
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
