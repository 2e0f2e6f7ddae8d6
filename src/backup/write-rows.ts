/** The rows of a database as files: one snapshot, table after table, in portions that are known by their digest. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { isKept } from '../db/dump/kept-tables.ts'
import { type Cell, readRows, readSerials } from '../db/dump/read-rows.ts'
import { findMigrations, listTables, type Table } from '../db/dump/tables.ts'
import type { Engine, Queries } from '../db/engine/engine.ts'
import { findStranger } from '../db/engine/migrate.ts'
import { readSnapshot } from '../db/engine/snapshot.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { digestOf } from '../oci/digest.ts'
import { type BackupPortion, type BackupSet, type BackupTable, rowsPath } from './backup-set.ts'
import type { BackupDestination } from './destination.ts'

const pack = promisify(gzip)
/** Of one portion before it is packed: at least, at most, and how many there are between two ends on average once it has the least. */
const LEAST_BYTES = 1024 * 1024
const MOST_BYTES = 4 * 1024 * 1024
const MEAN_BYTES = 1024 * 1024

export interface WrittenRows extends Pick<BackupSet, 'engine' | 'migrations' | 'tables' | 'serials'> {
  /** Bytes of all portions, and those that were not there before. */
  readonly bytes: number
  readonly newBytes: number
}

interface Options {
  readonly destination: BackupDestination
  readonly signal: AbortSignal
  onRows?(table: string, rows: number): void
}

/** @param location of the database @throws AppError CONFIG_INVALID when its schema is newer than this version, what `destination` throws */
export function writeRows(location: string, o: Options): Promise<WrittenRows> {
  return readSnapshot(location, (queries, engine) => writeAll(queries, engine, o))
}

async function writeAll(queries: Queries, engine: Engine, o: Options): Promise<WrittenRows> {
  const migrations = (await findMigrations(queries, engine)) ?? []
  const stranger = findStranger(migrations)
  if (stranger !== undefined) {
    throw new AppError(
      'CONFIG_INVALID',
      `the data holds migration ${stranger}, which this version does not know: back up by the newer version`,
    )
  }
  const kept = (await listTables(queries, engine)).filter(({ name }) => isKept(name))
  const tables: BackupTable[] = []
  const counts = { bytes: 0, newBytes: 0 }
  for (const table of kept) tables.push(await writeTable(queries, table, counts, o))
  return { engine, migrations, tables, serials: await readSerials(queries, engine, kept), ...counts }
}

async function writeTable(
  queries: Queries,
  table: Table,
  counts: { bytes: number; newBytes: number },
  { destination, signal, onRows }: Options,
): Promise<BackupTable> {
  const portions: BackupPortion[] = []
  let lines: string[] = []
  let rawSize = 0
  let rows = 0
  const flush = async () => {
    if (lines.length === 0) return
    const raw = Buffer.from(lines.join(''))
    const bytes = await pack(raw, { level: 5 })
    const digest = digestOf(bytes)
    const path = rowsPath(digest)
    if (!(await destination.has(path, bytes.byteLength))) {
      await destination.put(path, bytes, bytes.byteLength)
      counts.newBytes += bytes.byteLength
    }
    counts.bytes += bytes.byteLength
    portions.push({ digest, size: bytes.byteLength, rawSize: raw.byteLength, rows: lines.length })
    lines = []
    rawSize = 0
  }
  for await (const page of readRows(queries, table)) {
    if (signal.aborted) throw cancelledBy(signal)
    for (const cells of page) {
      const line = lineOf(cells)
      lines.push(line)
      rawSize += line.length
      if (isEnd(line, rawSize)) await flush()
    }
    rows += page.length
    onRows?.(table.name, rows)
  }
  await flush()
  return { name: table.name, columns: table.columns.map(({ name, kind }) => ({ name, kind })), rows, portions }
}

/** Where the bytes of a row say so: a row that is new or gone changes the portion that it is in, and those after it are the files of before. */
function isEnd(line: string, rawSize: number): boolean {
  if (rawSize < LEAST_BYTES) return false
  return rawSize >= MOST_BYTES || Bun.hash.xxHash32(line) < (line.length / MEAN_BYTES) * 2 ** 32
}

const lineOf = (cells: readonly Cell[]) => `${JSON.stringify(cells)}\n`
