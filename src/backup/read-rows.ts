/** Rows out of a backup, each portion verified before any of it is used. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Cell } from '../db/dump/read-rows.ts'
import { messageOf } from '../errors.ts'
import { invalid, type LayoutFiles, readSmall } from '../layouts/layout-files.ts'
import { parseForeignJson } from '../lib/json.ts'
import { digestOf } from '../oci/digest.ts'
import {
  type BackupPortion,
  type BackupTable,
  type ListedBlob,
  listedBlob,
  MAX_PORTION_BYTES,
  rowsPath,
} from './backup-set.ts'

const unpack = promisify(gunzip)

/** The rows of one table, a portion at a time. @throws AppError UPSTREAM_INVALID with what is wrong in which file */
export async function* portionsOf(
  files: LayoutFiles,
  table: BackupTable,
): AsyncGenerator<readonly (readonly Cell[])[]> {
  for (const portion of table.portions) {
    const path = rowsPath(portion.digest)
    const bytes = await readSmall(files, path, MAX_PORTION_BYTES)
    if (bytes === undefined) throw invalid(files, `${path} is missing: rows of ${table.name}`)
    yield await rowsIn(files, table, portion, bytes)
  }
}

/** @param bytes of the file, as they are packed */
export async function rowsIn(
  files: Pick<LayoutFiles, 'title'>,
  table: BackupTable,
  portion: BackupPortion,
  bytes: Uint8Array,
): Promise<readonly (readonly Cell[])[]> {
  const what = `${rowsPath(portion.digest)} (rows of ${table.name})`
  const got = digestOf(bytes)
  if (got !== portion.digest) throw invalid(files, `the bytes of ${what} hash to ${got}`)
  let raw: Uint8Array
  try {
    raw = await unpack(bytes, { maxOutputLength: portion.rawSize + 1 })
  } catch (error) {
    throw invalid(files, `${what} does not unpack: ${messageOf(error)}`, error)
  }
  if (raw.byteLength !== portion.rawSize) {
    throw invalid(files, `${what} has ${raw.byteLength} bytes unpacked, want ${portion.rawSize}`)
  }
  const lines = new TextDecoder().decode(raw).split('\n')
  lines.pop()
  if (lines.length !== portion.rows) throw invalid(files, `${what} has ${lines.length} rows, want ${portion.rows}`)
  return lines.map((line, i) => {
    const cells = cellsOf(line, table)
    if (cells !== undefined) return cells
    throw invalid(files, `${what}: row ${i + 1} is no array of ${table.columns.length} cells of their kinds`)
  })
}

function cellsOf(line: string, { columns }: BackupTable): readonly Cell[] | undefined {
  let value: unknown
  try {
    value = parseForeignJson(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(value) || value.length !== columns.length) return undefined
  const isFit = value.every((cell, i) => {
    if (cell === null) return true
    return columns[i]?.kind === 'integer' ? Number.isSafeInteger(cell) : typeof cell === 'string'
  })
  return isFit ? value : undefined
}

/** What the table `blobs` names, in the order of digests. @param rows its portions */
export async function* blobsIn(
  files: Pick<LayoutFiles, 'title'>,
  table: BackupTable,
  rows: AsyncIterable<readonly (readonly Cell[])[]>,
): AsyncGenerator<ListedBlob> {
  const damage = table.columns.findIndex(({ name }) => name === 'damage')
  for await (const portion of rows) {
    for (const cells of portion) {
      // Known to be damaged, and served to nobody: its row goes along, so that it is repaired there.
      if (damage !== -1 && cells[damage] !== null) continue
      let found: ListedBlob
      try {
        found = listedBlob(cells, table)
      } catch (error) {
        throw invalid(files, `in the rows of blobs ${messageOf(error)}`, error)
      }
      yield found
    }
  }
}
