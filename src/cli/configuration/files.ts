/** Reads the files of `kagami apply`: YAML (or JSON), several documents a file, all files of a folder. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LineCounter, parseAllDocuments } from 'yaml'
import {
  type Configuration,
  type ConfiguredMirror,
  type ConfiguredSubscription,
  type ConfiguredTarget,
  type ConfiguredUpstream,
  configurationSchema,
} from '../../api/configuration.ts'
import { isReference, readReference } from '../../config/secret-reference.ts'
import { AppError, isAppError, messageOf } from '../../errors.ts'
import { certificatesOf } from '../../lib/certificates.ts'
import { readUpstreamUrl } from '../../remote/pasted-url.ts'
import { type FileProblem, type Located, type Path, type Place, placeOf, problemsOf } from './problems.ts'

const MAX_FILE_BYTES = 4 * 1024 * 1024
const MAX_FILES = 1000
/** How often aliases may repeat what they stand for; more is a bomb. */
const MAX_ALIASES = 100

/** What one name of the files stands for. */
export interface Wanted<T> {
  /** Null: shared. */
  readonly organization: string | null
  readonly name: string
  readonly place: Place
  readonly config: T
}

/** An upstream with the secrets that its file refers to. */
export interface WantedUpstream extends Omit<ConfiguredUpstream, 'password' | 'ca'> {
  readonly password: string | undefined
  readonly ca: string | undefined
}

/** A target with the secrets that its file refers to. */
export interface WantedTarget extends Omit<ConfiguredTarget, 'password' | 'ca'> {
  readonly password: string | undefined
  readonly ca: string | undefined
}

export interface WantedState {
  /** Organizations that the files speak for. */
  readonly organizations: readonly string[]
  readonly upstreams: readonly Wanted<WantedUpstream>[]
  readonly targets: readonly Wanted<WantedTarget>[]
  readonly mirrors: readonly Wanted<ConfiguredMirror>[]
  /** Named by their upstream, of which there may be several. */
  readonly subscriptions: readonly Wanted<ConfiguredSubscription>[]
}

/** The whole of it, or everything that is wrong. */
export type ReadFiles = { readonly state: WantedState } | { readonly problems: readonly FileProblem[] }

export interface TextFile {
  /** As messages call it. */
  readonly file: string
  /** Where the paths of `file:` begin. */
  readonly directory: string
  readonly text: string
}

/**
 * @param paths files, and folders of which all `.yaml`, `.yml` and `.json` are read; `-` is `input`
 * @throws AppError CONFIG_INVALID when something cannot be read
 */
export async function readTexts(paths: readonly string[], input: () => Promise<string>): Promise<TextFile[]> {
  const texts: TextFile[] = []
  for (const path of paths) {
    if (path === '-') {
      texts.push({ file: '(standard input)', directory: '.', text: await input() })
      continue
    }
    for (const file of await filesAt(path)) texts.push(await readOne(file))
  }
  return texts
}

async function filesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name) && !name.endsWith('.schema.json'))
    if (names.length > MAX_FILES) {
      throw new AppError('CONFIG_INVALID', `${path} has ${names.length} files, want at most ${MAX_FILES}`)
    }
    if (names.length === 0) throw new AppError('CONFIG_INVALID', `${path} has no .yaml, .yml or .json file`)
    return names.sort().map((name) => join(path, name))
  } catch (error) {
    throw isAppError(error) ? error : unreadable(path, error)
  }
}

async function readOne(file: string): Promise<TextFile> {
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) {
      throw new AppError('CONFIG_INVALID', `${file} has ${size} bytes, want at most ${MAX_FILE_BYTES}`)
    }
    return { file, directory: dirname(file), text: await readFile(file, 'utf8') }
  } catch (error) {
    throw isAppError(error) ? error : unreadable(file, error)
  }
}

function unreadable(path: string, error: unknown): AppError {
  return new AppError('CONFIG_INVALID', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
}

/** Every problem of every file, or what they want. Reads the secrets that they refer to. */
export function parseFiles(texts: readonly TextFile[]): ReadFiles {
  const problems: FileProblem[] = []
  const upstreams = new Map<string, Wanted<WantedUpstream>>()
  const targets = new Map<string, Wanted<WantedTarget>>()
  const mirrors = new Map<string, Wanted<ConfiguredMirror>>()
  const subscriptions: Wanted<ConfiguredSubscription>[] = []
  const organizations = new Set<string>()

  function add<T>(to: Map<string, Wanted<T>>, one: Wanted<T>, kind: string): void {
    const key = `${one.organization ?? ''}/${one.name}`
    const before = to.get(key)
    if (before === undefined) to.set(key, one)
    else {
      const message = `stands in ${before.place.file}:${before.place.line} already, want it once`
      problems.push({ ...one.place, path: `${kind}.${one.name}`, message })
    }
  }

  for (const text of texts) {
    for (const { at, config } of documentsOf(text, problems)) {
      const organization = config.organization ?? null
      if (organization !== null) organizations.add(organization)
      for (const [name, upstream] of Object.entries(config.upstreams ?? {})) {
        const path = ['upstreams', name]
        const resolved = { ...upstream, ...resolve(at, path, upstream, text.directory, problems) }
        add(upstreams, { organization, name, place: placeOf(at, path), config: resolved }, 'upstreams')
      }
      for (const [name, target] of Object.entries(config.targets ?? {})) {
        const path = ['targets', name]
        const resolved = { ...target, ...resolve(at, path, target, text.directory, problems) }
        add(targets, { organization, name, place: placeOf(at, path), config: resolved }, 'targets')
      }
      for (const [name, mirror] of Object.entries(config.mirrors ?? {})) {
        add(mirrors, { organization, name, place: placeOf(at, ['mirrors', name]), config: mirror }, 'mirrors')
      }
      for (const [i, one] of (config.subscriptions ?? []).entries()) {
        const place = placeOf(at, ['subscriptions', i, 'upstream'])
        subscriptions.push({ organization, name: one.upstream, place, config: one })
      }
    }
  }
  if (problems.length > 0) return { problems }
  return {
    state: {
      organizations: [...organizations].sort(),
      upstreams: [...upstreams.values()],
      targets: [...targets.values()],
      mirrors: [...mirrors.values()],
      subscriptions,
    },
  }
}

function documentsOf(
  { file, text }: TextFile,
  problems: FileProblem[],
): { readonly at: Located; readonly config: Configuration }[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  return [...documents].flatMap((document) => {
    const at: Located = { file, document, lines }
    const faults = [...document.errors, ...document.warnings]
    for (const { pos, code, message } of faults) {
      const { line, col } = lines.linePos(pos[0])
      const what = code === 'DUPLICATE_KEY' ? 'this key stands here twice, want it once' : `is no YAML: ${message}`
      problems.push({ file, line, column: col, path: '', message: what })
    }
    // What stands twice can be read all the same, and whatever else is wrong is told with it.
    if (faults.some(({ code }) => code !== 'DUPLICATE_KEY')) return []
    let value: unknown
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch (error) {
      problems.push({ ...placeOf(at, []), path: '', message: `is no YAML: ${messageOf(error)}` })
      return []
    }
    // A file of comments alone, or what stands before the first `---`.
    if (value === null || value === undefined) return []
    const parsed = configurationSchema.safeParse(value)
    if (parsed.success) return [{ at, config: parsed.data }]
    problems.push(...problemsOf(at, parsed.error.issues, value))
    return []
  })
}

/** With its secrets, and an address that is one. */
function resolve(
  at: Located,
  path: Path,
  given: ConfiguredUpstream | ConfiguredTarget,
  directory: string,
  problems: FileProblem[],
): Pick<WantedUpstream, 'url' | 'password' | 'ca'> {
  const attempt = <T>(field: string, work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      if (!isAppError(error)) throw error
      const message = error.message.replace(/^url: /, '')
      problems.push({ ...placeOf(at, [...path, field]), path: [...path, field].join('.'), message })
      return undefined
    }
  }
  const read = (field: string, text: string | undefined) =>
    text === undefined
      ? undefined
      : attempt(field, () => (isReference(text) ? readReference(text, { directory }) : text))
  const url =
    attempt('url', () => readUpstreamUrl(given.url, path[0] === 'targets' ? 'replicate to' : 'mirror')) ?? given.url
  const ca = read('ca', given.ca)
  return {
    url,
    password: read('password', given.password),
    // Only the certificates leave this machine.
    ca: ca === undefined ? undefined : attempt('ca', () => certificatesOf(ca, 'the text')),
  }
}
