/** Kysely over bun:sqlite: one connection, one user of it at a time. */
import { Database as BunDatabase, type Statement } from 'bun:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import { createTurns } from '../../lib/turns.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** Waiting for another process (an offline verb) that holds the write lock, without blocking the event loop: soon at first, then seldom. */
const MAX_BUSY_RETRY_MS = 20
const BUSY_PATIENCE_MS = 10_000
/** When it has been held for longer: those in line come one after the other, and are not to wait for each other's patience. */
const BUSY_LOOK_MS = 50
/** A reader meets a lock only while another process mends the index of the log after one was killed: a moment, for which it may block. */
const READER_BUSY_MS = 1000

/** Pages (4 KiB) of the log before they are written to the file. Digests fall anywhere in an index: the longer the log, the more of its pages are written once for many rows. */
const CHECKPOINT_PAGES = 4096
/** SQLite's 2 MiB hold no index of a catalog. */
const WRITER_CACHE_KIB = 16 * 1024

export interface SqliteOptions {
  readonly path: string
  readonly readonly: boolean
  /** Called before a connection is handed out; throws when the caller may not have one. */
  readonly guard: () => void
  /** Asked when a transaction begins: it need not survive power loss before the next one that does. */
  readonly isRelaxed?: () => boolean
  /** Of several processes that serve one database, whose turn it is to write. */
  readonly takeTurn?: TakeTurn | undefined
}

/** What waits here already is written in the same turn, so long: each change of turns empties the cache of pages of the next. */
const MAX_TURN_MS = 10

/** Waits until this process may write; what it gives ends the turn. */
export type TakeTurn = () => Promise<() => void>

/** Opens `path` with the settings that make an acknowledged commit survive power loss (WAL, synchronous=FULL). */
export function openSqlite(options: SqliteOptions): {
  dialect: Dialect
  /** One statement outside of any transaction, at once: it runs to its end before anything else can. */
  runNow: <R>(query: CompiledQuery<R>) => R[]
  close: () => void
} {
  const sqlite = new BunDatabase(
    options.path,
    options.readonly ? { readonly: true } : { readwrite: true, create: true },
  )
  if (!options.readonly) {
    sqlite.exec('PRAGMA journal_mode = WAL')
    sqlite.exec('PRAGMA synchronous = FULL')
    sqlite.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    sqlite.exec(`PRAGMA cache_size = ${-WRITER_CACHE_KIB}`)
  }
  sqlite.exec('PRAGMA foreign_keys = ON')
  sqlite.exec(`PRAGMA busy_timeout = ${options.readonly ? READER_BUSY_MS : 0}`)
  const connection = new SqliteConnection(sqlite)
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(connection, options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new QueryCompiler(),
  }
  return {
    dialect,
    runNow: <R>(query: CompiledQuery<R>) => {
      options.guard()
      return connection.run<R>(query).rows
    },
    close: () => connection.close(),
  }
}

interface Prepared {
  readonly statement: Statement
  /** Asked once: the answer makes a string of every column's name. */
  readonly hasRows: boolean
}

/**
 * SQLite prepares a statement anew at every run when a bare parameter is compared with a column of a join (measured with 3.54:
 * 19 µs instead of 2 for a decision about rights). The sign changes no value: unary plus is a no-op on text too.
 */
class QueryCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?'
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #sqlite: BunDatabase
  readonly #turns = createTurns()
  /** Since when another process has held the write lock at each look. */
  #busySince: number | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  readonly #statements = new LRUCache<string, Prepared>({ max: 500, dispose: ({ statement }) => statement.finalize() })

  constructor(sqlite: BunDatabase) {
    this.#sqlite = sqlite
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // A transaction of thousands of statements holds the write lock, and must not hold the event loop too.
    const turn = this.#turns()
    if (turn !== undefined) await turn
    return this.run(query)
  }

  run<R>(query: CompiledQuery): QueryResult<R> {
    try {
      return this.#run(query)
    } catch (error) {
      throw asStorageError(error)
    }
  }

  #run<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, hasRows } = this.#statements.get(query.sql) ?? this.#prepare(query.sql)
    const parameters = query.parameters as never[]
    if (hasRows) return { rows: statement.all(...parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  #prepare(text: string): Prepared {
    const statement = this.#sqlite.prepare(text)
    const prepared = { statement, hasRows: statement.columnNames.length > 0 }
    this.#statements.set(text, prepared)
    return prepared
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for a generator; nothing here streams rows from SQLite.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed from SQLite: page by key')
  }

  async begin(): Promise<void> {
    const begunAt = performance.now()
    for (let retryMs = 1; ; retryMs = Math.min(retryMs * 2, MAX_BUSY_RETRY_MS)) {
      try {
        this.#sqlite.exec('BEGIN IMMEDIATE')
        this.#busySince = undefined
        return
      } catch (error) {
        if (!isBusy(error)) throw asStorageError(error)
        const now = performance.now()
        // Nobody has looked for long: it may have been free in between.
        if (now - this.#lookedAt > BUSY_PATIENCE_MS / 10) this.#busySince = begunAt
        this.#lookedAt = now
        this.#busySince ??= begunAt
        if (now - this.#busySince >= BUSY_PATIENCE_MS && now - begunAt >= BUSY_LOOK_MS) throw heldByAnother(error)
        await Bun.sleep(retryMs)
      }
    }
  }

  /**
   * Whether commits wait for the disk. In the log of one database a commit that waits takes all before it along (SQLite, "PRAGMA
   * synchronous"). Never a prepared statement: SQLite carries this pragma out while it compiles it.
   */
  waitForDisk(isWaiting: boolean): void {
    this.#sqlite.exec(`PRAGMA synchronous = ${isWaiting ? 'FULL' : 'NORMAL'}`)
  }

  /** A full disk has rolled the transaction back already (SQLite, "Automatic Rollback"). */
  rollback(): void {
    if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK')
  }

  close(): void {
    this.#statements.clear()
    this.#sqlite.close()
  }
}

class SqliteDriver implements Driver {
  readonly #connection: SqliteConnection
  readonly #guard: () => void
  readonly #isRelaxed: () => boolean
  readonly #takeTurn: TakeTurn | undefined
  #isWaiting = true
  #inLine = 0
  #held: { readonly end: () => void; readonly since: number } | undefined
  #turn: Promise<void> = Promise.resolve()
  #release: () => void = () => {}

  constructor(
    connection: SqliteConnection,
    { guard, isRelaxed = () => false, takeTurn }: Pick<SqliteOptions, 'guard' | 'isRelaxed' | 'takeTurn'>,
  ) {
    this.#connection = connection
    this.#guard = guard
    this.#isRelaxed = isRelaxed
    this.#takeTurn = takeTurn
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#guard()
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    this.#inLine++
    await before
    this.#inLine--
    if (this.#takeTurn !== undefined) {
      try {
        this.#held ??= { end: await this.#takeTurn(), since: performance.now() }
      } catch (error) {
        // Whoever is next in line may have more luck.
        resolve()
        throw error
      }
    }
    this.#release = () => {
      if (this.#inLine === 0 || performance.now() - (this.#held?.since ?? 0) > MAX_TURN_MS) {
        this.#held?.end()
        this.#held = undefined
      }
      resolve()
    }
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    if (!this.#isWaiting) this.#connection.waitForDisk(true)
    this.#isWaiting = true
    this.#release()
  }

  async beginTransaction(): Promise<void> {
    if (this.#isRelaxed()) {
      this.#connection.waitForDisk(false)
      this.#isWaiting = false
    }
    await this.#connection.begin()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(): Promise<void> {
    this.#connection.rollback()
  }

  async destroy(): Promise<void> {}
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
}

function heldByAnother(cause: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('another process holds the write lock of the database', cause)
}

/** SQLITE_IOERR_SHMSIZE: there was no room for the index of the WAL. */
function asStorageError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (isBusy(error)) return heldByAnother(error)
  if (code !== 'SQLITE_FULL' && code !== 'SQLITE_IOERR_SHMSIZE') return error
  return new AppError('STORAGE_FULL', 'the disk that holds the database is full', { cause: error })
}
