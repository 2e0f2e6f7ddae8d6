/** What one backup is: a document that names every file of it by digest, and where those files are. docs/backup.md has it for others. */
import { digestSchema, timeSchema, z } from '../api/schema.ts'
import { invalid, type LayoutFiles, parseDocument, readSmall } from '../layouts/layout-files.ts'
import { quoted } from '../lib/quoted.ts'
import { algorithmOf, type Digest, digestOf, encodedOf } from '../oci/digest.ts'

const SET_TYPE = 'application/vnd.kagami.backup.v1+json'
/** 130 bytes a portion of some MiB. */
const MAX_SET_BYTES = 64 * 1024 * 1024
/** Of one portion once it is unpacked: a manifest has 4 MiB at most, and a row of text hardly more. */
export const MAX_PORTION_BYTES = 64 * 1024 * 1024

/** The file by which a folder is known to be one of backups. */
export const MARK_PATH = 'kagami-backups'
export const MARK_TEXT = '{"layout":1}\n'

const countSchema = z.int().min(0)
const nameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'want a name')

/** JSON lines, an array a row, packed by gzip. `size`: bytes of the file, `rawSize`: unpacked. */
const portionSchema = z.strictObject({
  digest: digestSchema,
  size: countSchema,
  rawSize: countSchema.max(MAX_PORTION_BYTES),
  rows: countSchema,
})

const tableSchema = z.strictObject({
  name: nameSchema,
  /** In the order of the cells of a row. */
  columns: z.array(z.strictObject({ name: nameSchema, kind: z.enum(['text', 'integer', 'bytes']) })).max(500),
  rows: countSchema,
  portions: z.array(portionSchema),
})

const setSchema = z.strictObject({
  schemaVersion: z.literal(1),
  mediaType: z.literal(SET_TYPE),
  madeAt: timeSchema,
  /** Of Kagami that made it, and of the database that it was made from: for people. */
  version: z.string().max(100),
  engine: z.enum(['sqlite', 'postgres']),
  /** The schema of the rows: the names of all migrations that made it. */
  migrations: z.array(z.string().max(200)).min(1).max(10_000),
  /** `fingerprint`: of the key that secrets in the rows are sealed with. `included`: the key is in the backup too. */
  sealKey: z.strictObject({ fingerprint: z.string().regex(/^[\w-]{43}$/), included: z.boolean() }),
  tables: z.array(tableSchema).max(10_000),
  /** The last number that each counting column has given out, by table. */
  serials: z.record(nameSchema, countSchema),
  /** Those that the table `blobs` names. */
  blobs: z.strictObject({ count: countSchema, bytes: countSchema }),
})

export type BackupSet = z.infer<typeof setSchema>
export type BackupTable = z.infer<typeof tableSchema>
export type BackupPortion = z.infer<typeof portionSchema>

/** A set beside the name of its file, which holds its digest. */
export interface NamedSet {
  readonly name: string
  readonly set: BackupSet
}

const SET_NAME = /^\d{8}T\d{9}Z-([a-f0-9]{64})\.json$/
/** Every path that a backup may have but those of blobs, which are a layout's. */
export const BACKUP_PATH =
  /^(?:kagami-backups|sets\/\d{8}T\d{9}Z-[a-f0-9]{64}\.json|rows\/sha256\/[a-f0-9]{64}|keys\/[\w-]{43})$/

export const setPath = (name: string): string => `sets/${name}`
export const rowsPath = (digest: string): string => `rows/sha256/${encodedOf(digest as Digest)}`
export const keyPath = (fingerprint: string): string => `keys/${fingerprint}`
export const isSetName = (name: string): boolean => SET_NAME.test(name)

export function newSet(o: Omit<BackupSet, 'schemaVersion' | 'mediaType'>): {
  readonly name: string
  readonly bytes: Uint8Array
} {
  const set: BackupSet = { schemaVersion: 1, mediaType: SET_TYPE, ...o }
  const bytes = new TextEncoder().encode(`${JSON.stringify(set, null, 1)}\n`)
  return { name: `${o.madeAt.replace(/[-:.]/g, '')}-${encodedOf(digestOf(bytes))}.json`, bytes }
}

/** @throws AppError UPSTREAM_INVALID: its bytes are not those of its name, it is of a newer version, or of another shape */
export async function readSet(files: LayoutFiles, name: string): Promise<NamedSet> {
  const path = setPath(name)
  const bytes = await readSmall(files, path, MAX_SET_BYTES)
  if (bytes === undefined) throw invalid(files, `${path} is not there`)
  return parseSet(files, name, bytes)
}

/** @throws as `readSet` */
export function parseSet(files: Pick<LayoutFiles, 'title'>, name: string, bytes: Uint8Array): NamedSet {
  const path = setPath(name)
  const want = SET_NAME.exec(name)?.[1]
  const got = encodedOf(digestOf(bytes))
  if (got !== want)
    throw invalid(files, `the bytes of ${path} hash to ${got}: it was changed, or only part of it is there`)
  const set = parseDocument(files, path, bytes, setSchema)
  refuseContradictions(files, path, set)
  return { name, set }
}

function refuseContradictions(files: Pick<LayoutFiles, 'title'>, path: string, { tables, blobs }: BackupSet): void {
  const names = new Set<string>()
  for (const { name, rows, portions } of tables) {
    if (names.has(name)) throw invalid(files, `${path} has the table ${name} twice`)
    names.add(name)
    const inPortions = portions.reduce((sum, portion) => sum + portion.rows, 0)
    if (inPortions !== rows) throw invalid(files, `${path}: ${name} has ${rows} rows, its portions ${inPortions}`)
  }
  const listed = tables.find(({ name }) => name === 'blobs')
  if (listed === undefined) throw invalid(files, `${path} has no table blobs`)
  if (listed.rows !== blobs.count) {
    throw invalid(files, `${path} has ${blobs.count} blobs, and ${listed.rows} rows of them`)
  }
}

/** One row of the table `blobs`, as far as it says what to copy. */
export interface ListedBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly storageKey: string
}

/** @throws Error saying what of it cannot be */
export function listedBlob(cells: readonly unknown[], { columns }: Pick<BackupTable, 'columns'>): ListedBlob {
  const cell = (name: string) => cells[columns.findIndex((column) => column.name === name)]
  const [digest, sizeBytes, storageKey] = [cell('digest'), cell('size_bytes'), cell('storage_key')]
  if (!digestSchema.safeParse(digest).success) throw new Error(`a digest is ${quoted(String(digest), 100)}`)
  if (!countSchema.safeParse(sizeBytes).success) throw new Error(`${String(digest)} has no size`)
  const known = digest as Digest
  // It becomes the path of a file.
  const start = `${algorithmOf(known)}-${encodedOf(known)}-`
  if (
    typeof storageKey !== 'string' ||
    !storageKey.startsWith(start) ||
    !/^[a-z0-9]{1,64}$/.test(storageKey.slice(start.length))
  ) {
    throw new Error(`${known} has the key ${quoted(String(storageKey), 100)}, want ${start}…`)
  }
  return { digest: known, sizeBytes: sizeBytes as number, storageKey }
}
