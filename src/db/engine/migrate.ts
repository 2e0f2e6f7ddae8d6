import { CompiledQuery, type Kysely } from 'kysely'
import { MIGRATIONS } from '../migrations/index.ts'
import type { ColumnTypes, Migration, MigrationTransaction } from '../migrations/migration.ts'
import type { Schema } from '../schema.ts'

const TYPES: Record<'sqlite' | 'postgres', ColumnTypes> = {
  sqlite: {
    text: 'text',
    integer: 'integer',
    bytes: 'blob',
    serial: 'integer PRIMARY KEY AUTOINCREMENT',
    timestamp: 'text',
    boolean: 'integer',
  },
  postgres: {
    text: 'text COLLATE "C"',
    integer: 'bigint',
    bytes: 'bytea',
    serial: 'bigserial PRIMARY KEY',
    timestamp: 'timestamptz',
    boolean: 'boolean',
  },
}

const MIGRATION_LOCK = 7_042_002

/**
 * Applies what is missing, each migration in one transaction; two servers that start at once do not meet.
 * @throws when the data was written by a newer version, whose migrations this one does not know
 */
export async function migrate(
  db: Kysely<Schema>,
  engine: 'sqlite' | 'postgres',
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await db.transaction().execute((tx) => applyMigrations(tx, engine, migrations))
}

/** The same within a transaction, which has the migrations to itself until it ends. */
export async function applyMigrations(
  tx: Kysely<Schema>,
  engine: 'sqlite' | 'postgres',
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const types = TYPES[engine]
  const run = (on: Kysely<Schema>, text: string) => on.executeQuery<{ name: string }>(CompiledQuery.raw(text))
  if (engine === 'postgres') await run(tx, `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
  await run(
    tx,
    `CREATE TABLE IF NOT EXISTS migrations (name ${types.text} PRIMARY KEY, applied_at ${types.text} NOT NULL)`,
  )
  const applied = new Set((await run(tx, 'SELECT name FROM migrations')).rows.map((row) => row.name))
  const stranger = findStranger(applied, migrations)
  if (stranger !== undefined) {
    throw new Error(
      `the data holds migration ${stranger}, which this version does not know: start the newer version again`,
    )
  }
  for (const migration of migrations) {
    if (applied.has(migration.name)) continue
    for (const statement of migration.statements(types)) await run(tx, statement)
    await migration.convert?.(tx as MigrationTransaction)
    await run(tx, `INSERT INTO migrations VALUES ('${migration.name}', '${new Date().toISOString()}')`)
  }
}

/** The name of one that this version does not know. */
export function findStranger(
  applied: Iterable<string>,
  migrations: readonly Migration[] = MIGRATIONS,
): string | undefined {
  const known = new Set(migrations.map((migration) => migration.name))
  return [...applied].find((name) => !known.has(name))
}
