import type { Transaction } from 'kysely'

/** Column types that differ between the engines; compared text is `COLLATE "C"` on PostgreSQL, as SQLite compares it. */
export interface ColumnTypes {
  readonly text: string
  readonly integer: string
  readonly bytes: string
  /** Ascending, never reused; for `events.seq`. */
  readonly serial: string
  /** Only in the tables that better-auth owns, which binds dates and booleans of the engine's own kind. */
  readonly timestamp: string
  readonly boolean: string
}

// biome-ignore lint/suspicious/noExplicitAny: the tables are those of this step, which no type of today has.
export type MigrationTransaction = Transaction<any>

/** One step of the schema. Migrations are a static list (the single executable has no folder) and are never edited once landed. */
export interface Migration {
  readonly name: string
  statements(t: ColumnTypes): readonly string[]
  /** What SQL alone cannot say, after the statements and in their transaction: of no type, because the tables change later. */
  readonly convert?: (tx: MigrationTransaction) => Promise<void>
}
