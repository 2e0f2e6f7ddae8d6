/** The only file that knows which engine the data is in. Everything else asks `db.read` and `db.write`. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Kysely, type Transaction as KyselyTransaction, PostgresAdapter, sql } from 'kysely'
import { createLimiter } from '../../lib/concurrency.ts'
import type { Schema } from '../schema.ts'
import { createDurableGroups, type GroupCommit } from './group-commit.ts'
import { isOldPlan } from './kept-plans.ts'
import { createLater, type Later } from './later.ts'
import { runDirectly } from './prepared.ts'
import { openSqlite, type TakeTurn } from './sqlite.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import { detached, underWatch } from './watch.ts'

export type Engine = 'sqlite' | 'postgres'

/** What a query is built on: `db.read`, or the transaction of a `db.write`. */
export type Queries = Kysely<Schema>

/** The transaction of a `db.write`. */
export type Transaction = KyselyTransaction<Schema>

export interface Database {
  readonly engine: Engine
  /** Committed data, outside of any transaction. Using it inside `write` throws. */
  readonly read: Queries
  /**
   * The one way to change data. On SQLite one writer at a time (BEGIN IMMEDIATE); on PostgreSQL SERIALIZABLE with retry,
   * so `work` may run more than once: it has no side effects and does no I/O but its queries on `tx`.
   */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * The same for a few statements that a client waits for. On SQLite it may share its transaction, and the wait for the disk, with others
   * that come at the same moment; when it throws, its own statements alone are taken back.
   */
  readonly writeSmall: GroupCommit
  /**
   * The same as `write` for what nobody is told of before a later `write`: it survives the end of the process at once, and power loss with that
   * `write` or before. Spares a flush of the disk.
   */
  stage<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Small writes that a read brings about; it does not wait for them. */
  readonly later: Later
  /** For what needs the write connection, or one of the pool, to itself; never inside `write`. */
  readonly accounts: Kysely<Schema>
  close(): Promise<void>
}

const POSTGRES_CONNECTIONS = 16
/** Writes that PostgreSQL has undone for the sake of others are tried so long. */
const WRITE_PATIENCE_MS = 30_000
/** And after so many tries one after the other: those of one process keep each other from their end no more. */
const TRIES_TOGETHER = 5

/** For one of several processes that serve a database as one server. */
export interface DatabaseOptions {
  /** Of SQLite: one process writes at a time, in order of asking. Undefined: nobody else writes but offline verbs. */
  readonly takeTurn?: TakeTurn | undefined
  /** Its schema is up to date, since a process of the same program opened it before. */
  readonly isMigrated?: boolean
  /** Of PostgreSQL, at most. */
  readonly connections?: number
}

/**
 * Opens the database and brings its schema up to date.
 * @param location a file path for SQLite, or a `postgres://` URL
 */
export async function openDatabase(
  location: string,
  { takeTurn, isMigrated = false, connections = POSTGRES_CONNECTIONS }: DatabaseOptions = {},
): Promise<Database> {
  const inWrite = new AsyncLocalStorage<true>()
  const inStage = new AsyncLocalStorage<true>()
  const guard = () => {
    if (inWrite.getStore())
      throw new Error('the database was used inside db.write: use the transaction that it hands over')
  }
  const isPostgres = /^postgres(ql)?:\/\//.test(location)
  const engine: Engine = isPostgres ? 'postgres' : 'sqlite'
  const writer = isPostgres
    ? (await import('./postgres.ts')).openPostgres({ url: location, maxConnections: connections, guard })
    : openSqlite({ path: location, readonly: false, guard, isRelaxed: () => inStage.getStore() === true, takeTurn })
  const write = new Kysely<Schema>({ dialect: writer.dialect })
  if (!isMigrated) await (await import('./migrate.ts')).migrate(write, engine)
  const reader = isPostgres ? undefined : openSqlite({ path: location, readonly: true, guard })
  const read = reader === undefined ? write : new Kysely<Schema>({ dialect: reader.dialect })
  if (reader !== undefined) runDirectly(read, reader.runNow)

  const once = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    const transaction = write.transaction()
    const isolated = isPostgres ? transaction.setIsolationLevel('serializable') : transaction
    return isolated.execute((tx) => inWrite.run(true, () => underWatch(tx, () => work(tx))))
  }
  const onceStaged = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    inStage.run(true, () =>
      once(async (tx) => {
        if (isPostgres) await sql`SET LOCAL synchronous_commit = off`.execute(tx)
        return await work(tx)
      }),
    )
  const alone = createLimiter(1)
  const retried = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const until = performance.now() + WRITE_PATIENCE_MS
    let failure: unknown
    // Whoever has waited in line for too long does not begin.
    const unlessOver = () => {
      if (performance.now() < until) return attempt()
      throw new DatabaseUnavailable('other writes came in between again and again', failure)
    }
    for (let tries = 1; ; tries++) {
      try {
        return await (tries > TRIES_TOGETHER ? alone.run(async () => unlessOver()) : attempt())
      } catch (error) {
        if (!isRetryable(error)) throw error
        failure = error
        await Bun.sleep(Math.random() * 5 * Math.min(tries, 20))
      }
    }
  }
  const writeRetried: Database['write'] = (work) => retried(() => once(work))
  // PostgreSQL commits transactions of several connections together by itself.
  const grouped = isPostgres
    ? undefined
    : createDurableGroups((work) => write.transaction().execute((tx) => inWrite.run(true, () => work(tx))))
  const writeSmall: Database['writeSmall'] = async (work) => {
    if (grouped === undefined) return writeRetried(work)
    // One inside another would wait for itself.
    guard()
    return grouped((tx) => inWrite.run(true, () => underWatch(tx, () => work(tx))))
  }
  // Many requests' works share a transaction.
  const later = createLater((work) => detached(() => writeRetried(work)))
  return {
    engine,
    read,
    accounts: write,
    write: writeRetried,
    writeSmall,
    stage: (work) => retried(() => onceStaged(work)),
    later,
    async close() {
      await later.settled()
      if (reader !== undefined) {
        await read.destroy()
        reader.close()
      }
      await write.destroy()
      await writer.close()
    },
  }
}

/** Held until the transaction ends, so that `events.seq` is given out in the order of commits. SQLite has one writer anyway. */
export async function lockEventLog(tx: Transaction): Promise<void> {
  if (tx.getExecutor().adapter instanceof PostgresAdapter)
    await sql`select pg_advisory_xact_lock(${EVENT_LOG_LOCK})`.execute(tx)
}

const EVENT_LOG_LOCK = 7_042_001

/**
 * No other process on the same database is in such a `work` at the same time; one that dies lets go. For what takes several transactions,
 * and `db.write` of its own. With SQLite the process that does such work is alone anyway.
 */
export async function oneAtATime<T>(db: Database, work: () => Promise<T>): Promise<T> {
  if (db.engine === 'sqlite') return work()
  // A session's lock: it is held by a connection of its own.
  return db.accounts.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${FIRST_START_LOCK})`.execute(connection)
    try {
      return await work()
    } finally {
      await sql`select pg_advisory_unlock(${FIRST_START_LOCK})`.execute(connection)
    }
  })
}

const FIRST_START_LOCK = 7_042_003

/** Of PostgreSQL. 40001 serialization_failure, 40P01 deadlock_detected: the transaction did nothing and may run again. */
function isRetryable(error: unknown): boolean {
  const isUndone = error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01')
  return isUndone || isOldPlan(error)
}

/** True when an insert failed because the row is there already (both engines' words for it). */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  return (
    error.code === '23505' || error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  )
}
