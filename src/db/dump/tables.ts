/** The tables of a database as it says them itself: dumps are of any schema that was ever released, not of today's alone. */
import { sql } from 'kysely'
import type { Engine, Queries } from '../engine/engine.ts'

/**
 * What a column holds in a dump, the same of both engines: ISO 8601 times are text, booleans are 0 and 1, bytes are base64.
 * The engine's own kind says how it is written there.
 */
export type ColumnKind = 'text' | 'integer' | 'bytes'

export interface TableColumn {
  readonly name: string
  readonly kind: ColumnKind
  /** Of PostgreSQL, in the tables that better-auth fills. */
  readonly own?: 'timestamp' | 'boolean'
}

export interface Table {
  readonly name: string
  readonly columns: readonly TableColumn[]
  /** Names of the columns of its primary key, in its order. */
  readonly key: readonly string[]
}

/** The one that says which schema it is. */
const MIGRATIONS_TABLE = 'migrations'

/** All but that of the migrations, by name. */
export async function listTables(db: Queries, engine: Engine): Promise<Table[]> {
  const names = engine === 'sqlite' ? await sqliteNames(db) : await postgresNames(db)
  const tables: Table[] = []
  for (const name of names.filter((one) => one !== MIGRATIONS_TABLE).sort()) {
    tables.push(engine === 'sqlite' ? await sqliteTable(db, name) : await postgresTable(db, name))
  }
  return tables
}

/** Names of the migrations that were applied; undefined: there is no database of ours. */
export async function findMigrations(db: Queries, engine: Engine): Promise<string[] | undefined> {
  const names = engine === 'sqlite' ? await sqliteNames(db) : await postgresNames(db)
  if (!names.includes(MIGRATIONS_TABLE)) return undefined
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(MIGRATIONS_TABLE)}`.execute(db)
  return rows.map(({ name }) => name).sort()
}

async function sqliteNames(db: Queries): Promise<string[]> {
  const { rows } = await sql<{
    name: string
  }>`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`.execute(db)
  return rows.map(({ name }) => name)
}

async function postgresNames(db: Queries): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`.execute(db)
  return rows.map(({ name }) => name)
}

async function sqliteTable(db: Queries, name: string): Promise<Table> {
  const { rows } = await sql<{
    name: string
    type: string
    pk: number
  }>`SELECT name, type, pk FROM pragma_table_info(${name}) ORDER BY cid`.execute(db)
  const key = rows.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
  return {
    name,
    columns: rows.map((column) => columnOf(name, column.name, column.type.toLowerCase())),
    key: key.map((column) => column.name),
  }
}

async function postgresTable(db: Queries, name: string): Promise<Table> {
  const { rows } = await sql<{ name: string; type: string }>`SELECT column_name AS name, data_type AS type
    FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ${name}
    ORDER BY ordinal_position`.execute(db)
  const { rows: key } = await sql<{ name: string }>`SELECT attribute.attname AS name FROM pg_index AS index
    CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS part (number, place)
    JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
    WHERE index.indisprimary AND index.indrelid = quote_ident(${name})::regclass ORDER BY part.place`.execute(db)
  return {
    name,
    columns: rows.map((column) => columnOf(name, column.name, column.type)),
    key: key.map((column) => column.name),
  }
}

const KINDS: Readonly<Record<string, Omit<TableColumn, 'name'>>> = {
  text: { kind: 'text' },
  integer: { kind: 'integer' },
  bigint: { kind: 'integer' },
  blob: { kind: 'bytes' },
  bytea: { kind: 'bytes' },
  'timestamp with time zone': { kind: 'text', own: 'timestamp' },
  boolean: { kind: 'integer', own: 'boolean' },
}

function columnOf(table: string, name: string, type: string): TableColumn {
  const found = KINDS[type]
  if (found === undefined) throw new Error(`${table}.${name} is of type ${type}, which no migration of ours makes`)
  return { name, ...found }
}
