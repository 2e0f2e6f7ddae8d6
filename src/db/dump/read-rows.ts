/** Rows of any table, in the order of its key and in the form that both engines share. */
import { sql } from 'kysely'
import type { Engine, Queries } from '../engine/engine.ts'
import type { Table, TableColumn } from './tables.ts'

/** Bytes are base64. */
export type Cell = string | number | null

const FIRST_PAGE_ROWS = 16
const MAX_PAGE_ROWS = 1000
/** What a page is to have, by the rows before it. */
const PAGE_BYTES = 2 * 1024 * 1024

/** Pages of rows, each as its cells in the order of `table.columns`. A page has so many rows as about 2 MiB allow. */
export async function* readRows(db: Queries, table: Table): AsyncGenerator<readonly (readonly Cell[])[]> {
  if (table.key.length === 0) throw new Error(`${table.name} has no primary key: it cannot be read in portions`)
  const key = table.key.map((name) => sql.ref(name))
  const order = listed(key)
  let after: readonly Cell[] | undefined
  let limit = FIRST_PAGE_ROWS
  for (;;) {
    const where = after === undefined ? sql`` : sql`WHERE (${order}) > (${listed(after.map((value) => sql`${value}`))})`
    const { rows } = await sql<Record<string, unknown>>`SELECT * FROM ${sql.table(table.name)} ${where}
      ORDER BY ${order} LIMIT ${sql.lit(limit)}`.execute(db)
    const page = rows.map((row) => table.columns.map((column) => cellOf(table, column, row[column.name])))
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || rows.length < limit) return
    after = table.key.map((name) => last[table.columns.findIndex((column) => column.name === name)] ?? null)
    const bytes = page.reduce((sum, cells) => sum + sizeOf(cells), 0)
    // By twos: each number of rows is a statement of its own.
    const fitting = 2 ** Math.floor(Math.log2(Math.max(1, PAGE_BYTES / (bytes / page.length))))
    limit = Math.min(MAX_PAGE_ROWS, limit * 8, fitting)
  }
}

type Part = ReturnType<typeof sql>

/** Few: the columns of one key. */
function listed(parts: readonly Part[]): Part {
  return parts.reduce((all, part) => sql`${all}, ${part}`)
}

function sizeOf(cells: readonly Cell[]): number {
  return cells.reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 8), 0)
}

function cellOf(table: Table, { name, kind }: TableColumn, value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (kind === 'bytes' && value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (kind === 'integer' && typeof value === 'boolean') return value ? 1 : 0
  if (kind === 'integer' && Number.isSafeInteger(value)) return value as number
  if (kind === 'text' && typeof value === 'string') return value
  if (kind === 'text' && value instanceof Date) return value.toISOString()
  throw new Error(`${table.name}.${name} holds a ${typeof value}, want ${kind}`)
}

/**
 * The last number that each serial column has given out, by table; it is never given out again, so that cursors stay right when the newest rows
 * are gone.
 */
export async function readSerials(
  db: Queries,
  engine: Engine,
  tables: readonly Table[],
): Promise<Record<string, number>> {
  const serials: Record<string, number> = {}
  if (engine === 'sqlite') {
    const { rows } = await sql<{ name: string; seq: number }>`SELECT name, seq FROM sqlite_sequence`.execute(db)
    for (const { name, seq } of rows) if (tables.some((table) => table.name === name)) serials[name] = seq
    return serials
  }
  for (const { name, key } of tables) {
    if (key[0] !== 'seq' || key.length !== 1) continue
    const { rows } = await sql<{
      last: number | null
    }>`SELECT pg_sequence_last_value(pg_get_serial_sequence(quote_ident(${name}), 'seq')::regclass) AS last`.execute(db)
    const last = rows[0]?.last
    if (typeof last === 'number') serials[name] = last
  }
  return serials
}
