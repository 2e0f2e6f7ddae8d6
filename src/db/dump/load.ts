/** Fills an empty database with a dump, in one transaction: there is all of it, or nothing. */
import { CompiledQuery, Kysely, sql } from 'kysely'
import { AppError, messageOf } from '../../errors.ts'
import { rowChunks } from '../engine/chunks.ts'
import type { Engine, Queries } from '../engine/engine.ts'
import { applyMigrations } from '../engine/migrate.ts'
import { openSqlite } from '../engine/sqlite.ts'
import { MIGRATIONS } from '../migrations/index.ts'
import { setInstanceSetting } from '../platform/instance-settings.ts'
import type { Schema } from '../schema.ts'
import type { Cell } from './read-rows.ts'
import { findMigrations, listTables, type Table, type TableColumn } from './tables.ts'

export interface DumpedTable {
  readonly name: string
  readonly columns: readonly Pick<TableColumn, 'name' | 'kind'>[]
  readonly rows: number
}

export interface Dump {
  /** Names it in errors. */
  readonly title: string
  /** Kept in the database, so that it can be told which dump it came from. */
  readonly id: string
  readonly migrations: readonly string[]
  readonly tables: readonly DumpedTable[]
  readonly serials: Readonly<Record<string, number>>
  /** The key is gone that secrets in it are sealed with. */
  readonly isKeyLost: boolean
  rowsOf(table: string): AsyncIterable<readonly (readonly Cell[])[]>
}

/** The instance setting by which a database says which dump it was filled with. */
export const RESTORED_FROM = 'restored_from'

/**
 * Makes the schema that the dump has, fills it, and brings it up to date. The transaction has the lock of migrations: a server that starts
 * meanwhile waits, and finds all of it.
 * @param location a `postgres://` URL, or the path of a file for SQLite that nobody else uses yet; its bytes are not durable afterwards
 * @throws AppError CONFLICT when the database has tables already, UPSTREAM_INVALID for a dump that does not fit its schema
 */
export async function loadDatabase(location: string, dump: Dump): Promise<void> {
  const isPostgres = /^postgres(ql)?:\/\//.test(location)
  const engine: Engine = isPostgres ? 'postgres' : 'sqlite'
  const guard = () => {}
  const opened = isPostgres
    ? (await import('../engine/postgres.ts')).openPostgres({ url: location, maxConnections: 1, guard })
    : openSqlite({ path: location, readonly: false, guard })
  const database = new Kysely<Schema>({ dialect: opened.dialect })
  try {
    await database.connection().execute(async (connection) => {
      if (engine === 'sqlite') {
        // Its log would take as much room as the database; and a file that is not whole is thrown away.
        for (const text of ['journal_mode = DELETE', 'synchronous = OFF', 'foreign_keys = OFF']) {
          await run(connection, `PRAGMA ${text}`)
        }
      }
      await connection.transaction().execute((tx) => fill(tx, engine, dump))
    })
  } finally {
    await database.destroy()
    await opened.close()
  }
}

const run = (db: Queries, text: string) => db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text))

async function fill(tx: Queries, engine: Engine, dump: Dump): Promise<void> {
  // Files are verified while it is open, and blobs before it.
  if (engine === 'postgres') await run(tx, `SET LOCAL idle_in_transaction_session_timeout = '15min'`)
  if ((await findMigrations(tx, engine)) !== undefined) {
    throw new AppError('CONFLICT', 'KAGAMI_DATABASE: the database has data already, want an empty one')
  }
  const wanted = new Set(dump.migrations)
  const older = MIGRATIONS.filter(({ name }) => wanted.has(name))
  await applyMigrations(tx, engine, older)
  const tables = await listTables(tx, engine)
  const constraints = engine === 'postgres' ? await dropForeignKeys(tx) : []
  // Migrations leave rows of their own: cursors of readers of the log.
  for (const { name } of tables) await run(tx, `DELETE FROM "${name}"`)
  for (const dumped of dump.tables) await fillTable(tx, dump, dumped, tables)
  for (const [table, last] of Object.entries(dump.serials)) await setSerial(tx, engine, { table, last, tables, dump })
  for (const text of constraints) await run(tx, text).catch(refusing(dump))
  if (engine === 'sqlite') await checkForeignKeys(tx, dump)
  await applyMigrations(tx, engine)
  await free(tx, dump)
  if (dump.isKeyLost) await dropSealed(tx)
}

async function fillTable(
  tx: Queries,
  { title, rowsOf }: Dump,
  dumped: DumpedTable,
  tables: readonly Table[],
): Promise<void> {
  const table = tables.find(({ name }) => name === dumped.name)
  if (table === undefined) throw unfit(title, `has the table ${dumped.name}, which its schema does not have`)
  const want = table.columns.map(({ name, kind }) => `${name} ${kind}`).sort()
  const got = dumped.columns.map(({ name, kind }) => `${name} ${kind}`).sort()
  if (want.join() !== got.join()) {
    throw unfit(title, `${dumped.name} has the columns ${got.join(', ')}, its schema wants ${want.join(', ')}`)
  }
  const columns = dumped.columns.map(({ name }) => table.columns.find((one) => one.name === name) as TableColumn)
  for await (const portion of rowsOf(dumped.name)) {
    const rows = portion.map((cells) =>
      Object.fromEntries(columns.map((column, i) => [column.name, storedValue(column, cells[i] ?? null)])),
    )
    for (const chunk of rowChunks(rows)) {
      await tx
        .insertInto(dumped.name as 'tags')
        .values(chunk as unknown as never[])
        .execute()
        .catch((error) => {
          throw unfit(title, `rows of ${dumped.name} do not fit: ${messageOf(error)}`, error)
        })
    }
  }
}

function storedValue({ kind, own }: TableColumn, cell: Cell): unknown {
  if (cell === null) return null
  if (kind === 'bytes') return Buffer.from(String(cell), 'base64')
  return own === 'boolean' ? cell === 1 : cell
}

/** Tables come in the order of their names, and rows that refer to each other in any: what they refer to is looked at once all are there. */
async function dropForeignKeys(tx: Queries): Promise<string[]> {
  const { rows } = await sql<{ name: string; owner: string; definition: string }>`
    SELECT conname AS name, conrelid::regclass::text AS owner, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY conrelid, conname`.execute(tx)
  for (const { name, owner } of rows) await run(tx, `ALTER TABLE ${owner} DROP CONSTRAINT "${name}"`)
  return rows.map(({ name, owner, definition }) => `ALTER TABLE ${owner} ADD CONSTRAINT "${name}" ${definition}`)
}

async function checkForeignKeys(tx: Queries, { title }: Dump): Promise<void> {
  const { rows } = await run(tx, 'SELECT "table", parent FROM pragma_foreign_key_check LIMIT 1')
  const [wrong] = rows
  if (wrong === undefined) return
  throw unfit(title, `rows of ${String(wrong.table)} refer to rows of ${String(wrong.parent)} that are not there`)
}

async function setSerial(
  tx: Queries,
  engine: Engine,
  o: { readonly table: string; readonly last: number; readonly tables: readonly Table[]; readonly dump: Dump },
): Promise<void> {
  const { table, last } = o
  const found = o.tables.find(({ name }) => name === table)
  if (found?.key.join() !== 'seq') throw unfit(o.dump.title, `counts in ${table}, which has no numbers of its own`)
  if (engine === 'postgres') {
    await sql`SELECT setval(pg_get_serial_sequence(quote_ident(${table}), 'seq')::regclass, ${last})`.execute(tx)
    return
  }
  await sql`DELETE FROM sqlite_sequence WHERE name = ${table}`.execute(tx)
  await sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${last})`.execute(tx)
}

/** Who held a lease is at another database, if anywhere. Its generation stays: what is fenced off by an older one stays fenced off. */
async function free(tx: Queries, { id }: Dump): Promise<void> {
  await tx.updateTable('leases').set({ holder: null }).execute()
  // The blobs beside it are others.
  await tx.deleteFrom('instance_settings').where('key', '=', 'blobs.database').execute()
  await setInstanceSetting(tx as never, RESTORED_FROM, id)
}

/** What nothing opens any more. Second factors stay, closed: an operator ends them, one person at a time. */
async function dropSealed(tx: Queries): Promise<void> {
  await tx.deleteFrom('instance_settings').where('key', '=', 'token.signing_key').execute()
  await tx.updateTable('upstreams').set({ sealed_password: null }).execute()
  await tx.updateTable('targets').set({ sealed_password: null }).execute()
  await tx.updateTable('identity_providers').set({ sealed_client_secret: null }).execute()
  const disabled_reason = 'its secret is gone: it was restored without the key'
  await tx.updateTable('webhooks').set({ enabled: 0, disabled_reason }).execute()
}

function refusing({ title }: Dump): (error: unknown) => never {
  return (error) => {
    throw unfit(title, `rows refer to rows that are not there: ${messageOf(error)}`, error)
  }
}

function unfit(title: string, problem: string, cause?: unknown): AppError {
  return new AppError('UPSTREAM_INVALID', `${title}: ${problem}`, cause === undefined ? {} : { cause })
}
