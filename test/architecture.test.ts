import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/**
 * The house, from the roof to the ground. A folder or top-level file of `src/` may import what stands in a lower row, and
 * itself; rooms of one row do not know each other. docs/architecture.md shows the same table with the reasons.
 */
const ROWS: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['server'],
  ['http', 'web'],
  ['replication', 'copy', 'upkeep', 'backup'],
  ['mirror', 'catalog', 'sample'],
  ['registry', 'access'],
  ['events'],
  ['contents'],
  ['jobs'],
  ['trust', 'remote', 'layouts'],
  ['db', 'blobs', 'net'],
  ['api', 'config'],
  ['oci'],
  ['lib'],
  ['errors'],
]

/** Mirrors see a reader and a writer; the composition root hands them over (design: the ports). */
const FORBIDDEN: readonly (readonly [from: string, to: string])[] = [
  ['mirror', 'remote'],
  ['mirror', 'registry'],
  ['replication', 'remote'],
  ['replication', 'registry'],
]

/** Rooms that have inner rooms, from the roof to the ground; files at their door stand in a row of their own. */
const INNER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  db: [
    ['dump'],
    ['replication'],
    ['webhooks'],
    ['collection'],
    ['mirrors'],
    ['content'],
    ['people', 'repositories'],
    ['platform'],
    ['engine'],
    ['migrations'],
    ['schema'],
    ['rows'],
  ],
  mirror: [['create-engine'], ['subscriptions'], ['life'], ['pass'], ['engine']],
}

const MAX_FILE_LINES = 500
const MAX_MEDIAN_LINES = 100

const root = resolve(import.meta.dir, '..')
const source = join(root, 'src')

interface SourceFile {
  readonly path: string
  readonly room: string
  readonly text: string
}

function sourceFiles(): SourceFile[] {
  const entries = readdirSync(source, { recursive: true, encoding: 'utf8' })
  return entries
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => ({ path, room: roomOf(path), text: readFileSync(join(source, path), 'utf8') }))
}

function roomOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.tsx?$/, '')
}

function rowOf(room: string): number {
  return ROWS.findIndex((row) => row.includes(room))
}

/** Imports of own files, as paths below src/. */
function ownImports(file: SourceFile): string[] {
  const imports = new Bun.Transpiler({ loader: file.path.endsWith('x') ? 'tsx' : 'ts' }).scanImports(file.text)
  const typeOnly = [...file.text.matchAll(/from\s+'(\.[^']+)'/g)].map((match) => match[1] ?? '')
  return (
    [...new Set([...imports.map((item) => item.path), ...typeOnly])]
      .filter((path) => path.startsWith('.'))
      .map((path) => relative(source, resolve(source, dirname(file.path), path)))
      // What is outside is package.json, for the version.
      .filter((path) => path !== '../package.json')
  )
}

/**
 * Operands of `in` and of `values` that are neither a slice (called `chunk`, and of type Chunk where it is not made in place), nor a
 * subquery, nor constants, nor one row; and the other ways to put a list into a statement.
 */
function unboundedStatements(code: string): string[] {
  const operands = [...code.matchAll(/'(?:not )?in',\s*(\[[^\]]*\]|[^\s[][^,)]*)/g)].filter(
    ([, operand = '']) => !/^(chunk\b|\(?eb\b|\[\s*('[^']*',?\s*)*\]$)/.test(operand),
  )
  const rows = [...code.matchAll(/\.values\(([^)]*)/g)].filter(
    ([, operand = '']) => !/^\s*($|\{|chunk\b|row\b|run\b)/.test(operand),
  )
  const others = [
    ...code.matchAll(
      /(?:const|let) chunk\b(?! of (?:inChunks|rowChunks)\()|\bchunk: (?!Chunk<)|sql\.join\(|eb\.(?:or|and)\((?!\s*\[)|\bany\(\$\{/g,
    ),
  ]
  return [...operands, ...rows, ...others].map(([found]) => found.replace(/\s+/g, ' '))
}

/** Ways into the tables that all organizations share, other than from a link's digest, and statements that write them. */
function contentReads(code: string): string[] {
  const allowed =
    /Join\(\s*'(?:manifests|manifest_references|blobs)(?: as \w+)?',\s*'\w+\.(?:digest|parent_digest)',\s*'(?:link|fetched)\.digest'|(?:insertInto|updateTable)\(\s*'(?:manifests|manifest_references|blobs)'/g
  return [...code.replace(allowed, '').matchAll(/['"`](?:manifests|manifest_references|blobs)(?: as \w+)?['"`]/g)].map(
    ([found]) => found,
  )
}

/** Blobs and manifests that are about to be linked, and their sizes: they are nobody's yet (`db/content/quota.ts`). */
const UNLINKED_READS: ReadonlyMap<string, number> = new Map([
  // For operators alone: what is stored, whoever has it, is hashed again, marked and repaired; digests go to nobody else.
  ['db/content/damage-places.ts', 3],
  ['db/content/damage.ts', 4],
  ['db/content/storage-checks.ts', 3],
  ['db/mirrors/repair-sources.ts', 2],
  ['db/rows/storage-checks.ts', 2],
  // Takes what is damaged from what links gave.
  ['db/mirrors/known-content.ts', 2],
  ['db/content/quota.ts', 6],
  // Which object a blob has, asked by its key: backups, before they say that one is lost.
  ['db/content/storage-holds.ts', 1],
  // Only how many there are, for operators.
  ['db/platform/instance-health.ts', 2],
  // Garbage collection: what no link leads to, and which manifests of a repository need what it links.
  ['db/collection/blob-facts.ts', 2],
  // Names of counts.
  ['db/collection/collections.ts', 2],
  ['db/collection/manifest-facts.ts', 2],
  ['db/collection/portion-end.ts', 2],
  ['db/collection/unlinked.ts', 9],
])

describe('the house', () => {
  const files = sourceFiles()

  test('every folder of src/ stands in the table', () => {
    expect(files.filter((file) => rowOf(file.room) === -1).map((file) => file.path)).toEqual([])
  })

  test('imports go downwards only, and never to the same row', () => {
    const offences = files.flatMap((file) =>
      ownImports(file)
        // The page shows the recipes of the documentation as they stand there.
        .filter((path) => !(file.room === 'web' && path.startsWith('../docs/recipes/')))
        .map((path) => ({ path, room: roomOf(path) }))
        .filter(({ room }) => room !== file.room)
        .filter(
          ({ room }) =>
            rowOf(room) <= rowOf(file.room) || FORBIDDEN.some(([from, to]) => from === file.room && to === room),
        )
        .map(({ path }) => `${file.path} imports ${path}`),
    )
    expect(offences).toEqual([])
  })

  test('inside a room that has inner rooms, imports go downwards only too', () => {
    const offences = files.flatMap((file) => {
      const rows = INNER[file.room]
      if (rows === undefined) return []
      const inner = (path: string) =>
        rows.findIndex((row) => row.includes((path.split('/')[1] ?? '').replace('.ts', '')))
      const place = (path: string) => path.split('/').slice(0, 2).join('/')
      return ownImports(file)
        .filter((path) => roomOf(path) === file.room && place(path) !== place(file.path))
        .filter((path) => inner(file.path) === -1 || inner(path) <= inner(file.path))
        .map((path) => `${file.path} imports ${path}`)
    })
    expect(offences).toEqual([])
  })

  test('only config reads the environment', () => {
    const readers = files.filter((file) => /process\.env|Bun\.env|import\.meta\.env/.test(file.text))
    expect(readers.map((file) => file.room).filter((room) => room !== 'config')).toEqual([])
  })

  test('the command line writes through its terminal, and makes lines in one place: text from elsewhere makes none', () => {
    const cli = files
      .filter((file) => file.room === 'cli')
      .map((file) => ({ name: file.path.split('/').at(-1), text: file.text }))
    const writers = cli.filter(({ text }) => /console\.|process\.std(out|err)\.write/.test(text))
    expect(writers.map(({ name }) => name)).toEqual(['terminal.ts'])
    const joiners = cli.filter(({ text }) => text.includes(".join('\\n')"))
    expect(joiners.map(({ name }) => name).sort()).toEqual(['table.ts', 'welcome.ts'])
  })

  test('content is read through a link: of a repository, or of what an organization fetched (invariants 2 and 7)', () => {
    const inner = files.filter((file) => file.room === 'db' && !/\/migrations\/|^db\/schema\.ts/.test(file.path))
    const reads = inner.map(({ path, text }) => [path, contentReads(text).length] as const).filter(([, n]) => n > 0)
    expect(Object.fromEntries(reads)).toEqual(Object.fromEntries(UNLINKED_READS))
    const outside = files.filter((file) => file.room !== 'db' && /selectFrom\(/.test(file.text))
    expect(outside.filter(({ text }) => contentReads(text).length > 0).map(({ path }) => path)).toEqual([])
    // What the check must find, or it would pass whatever is written.
    for (const bad of [
      "selectFrom('manifests as manifest')",
      "selectFrom(['tags', 'blobs'])",
      "selectFrom((isBlob ? 'blobs' : 'manifests') as 'blobs')",
      "selectFrom('tags').innerJoin('manifests', 'manifests.digest', 'tags.digest')",
      "selectFrom('repository_manifests as link').innerJoin('blobs as blob', 'blob.digest', 'manifest.digest')",
      "deleteFrom('blobs')",
      "table: 'manifest_references'",
    ]) {
      expect([bad, contentReads(bad).length > 0]).toEqual([bad, true])
    }
    for (const good of [
      "innerJoin('blobs as blob', 'blob.digest', 'link.digest')",
      "innerJoin(\n'manifest_references as part',\n'part.parent_digest',\n'link.digest')",
      "insertInto('manifests')",
      "selectFrom('repository_blobs as link')",
    ]) {
      expect([good, contentReads(good)]).toEqual([good, []])
    }
  })

  test('only slices of a list get into one statement: engines take 32,766 values and no more (db/engine/chunks.ts)', () => {
    const texts = files.filter((file) => file.room === 'db').map(({ path, text }) => ({ path, code: text }))
    expect(texts.flatMap(({ path, code }) => unboundedStatements(code).map((found) => `${path}: ${found}`))).toEqual([])
    // What the check must find, or it would pass whatever is written.
    for (const bad of [
      "query.where('id', 'in', ids)",
      "eb('id', 'not in', ['', ...ids])",
      'for (const chunk of [ids]) {',
      'function find(chunk: readonly string[])',
      "query.where(\n'id',\n'in',\n[...ids],\n)",
      "tx.insertInto('events').values(rows)",
      "tx.insertInto('events')\n.values(ids.map((id) => ({ id })))",
      'sql.join(ids)',
      "eb.or(ids.map((id) => eb('id', '=', id)))",
      `sql\`id = any(\${ids})\``,
    ]) {
      expect([bad, unboundedStatements(bad).length]).toEqual([bad, 1])
    }
    for (const good of [
      "query.where('id', 'in', chunk)",
      "query.where('state', 'not in', ['absent', 'excluded'])",
      "eb('id', 'in', eb.selectFrom('members'))",
      "query.where('digest', 'in', (eb) => eb.selectFrom('links'))",
      "tx.insertInto('events').values({ id })",
      "tx.insertInto('runs').values(row)",
      'query.values(chunk.map((id) => ({ id })))',
      "[...map.values()].map((one) => eb('a', '=', one))",
    ]) {
      expect([good, unboundedStatements(good)]).toEqual([good, []])
    }
  })

  test('the page of the architecture has the same rows', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const rows: string[][] = []
    for (const [, row = '', rooms = ''] of page.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)) {
      const names = [...rooms.matchAll(/`([\w-]+)(\/|\.ts)`/g)].map(([, name = '']) => name)
      rows[Number(row) - 1] = [...new Set([...(rows[Number(row) - 1] ?? []), ...names])]
    }
    const there = ROWS.map((row) => row.filter((room) => files.some((file) => file.room === room)))
    expect(rows.map((row) => row.sort())).toEqual(there.map((row) => [...row].sort()))
  })

  test('only db knows the engines', () => {
    const offenders = files.filter((file) => file.room !== 'db' && /from 'bun:sqlite'|from 'pg'/.test(file.text))
    expect(offenders.map((file) => file.path)).toEqual([])
  })

  test(`no file has more than ${MAX_FILE_LINES} lines, and the median has at most ${MAX_MEDIAN_LINES}`, () => {
    const lengths = files.map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
    expect(lengths.filter(({ lines }) => lines > MAX_FILE_LINES)).toEqual([])
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b)
    expect(sorted[Math.floor(sorted.length / 2)] ?? 0).toBeLessThanOrEqual(MAX_MEDIAN_LINES)
  })

  test('files are kebab-case and say what they are', () => {
    const names = files.map((file) => file.path.split('/').at(-1) ?? '')
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.tsx?$/.test(name))).toEqual([])
    const vague = /^(utils?|helpers?|manager|service|impl|common|misc)\.tsx?$/
    expect(names.filter((name) => vague.test(name))).toEqual([])
  })
})
