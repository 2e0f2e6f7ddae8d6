/** Reads a whole database as it was at one moment, beside whoever writes it; nothing of it is changed, not even its schema. */
import { CompiledQuery, Kysely } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Engine, Queries } from './engine.ts'
import { openSqlite } from './sqlite.ts'

/** Where a slow destination takes what was read, no query comes for a while. */
const IDLE = '15min'

/**
 * On SQLite a read transaction, on PostgreSQL one of REPEATABLE READ: until `work` ends it sees nothing that is committed meanwhile.
 * @param location a file path for SQLite, or a `postgres://` URL
 */
export async function readSnapshot<T>(
  location: string,
  work: (queries: Queries, engine: Engine) => Promise<T>,
): Promise<T> {
  const isPostgres = /^postgres(ql)?:\/\//.test(location)
  const guard = () => {}
  const opened = isPostgres
    ? (await import('./postgres.ts')).openPostgres({ url: location, maxConnections: 1, guard })
    : openSqlite({ path: location, readonly: true, guard })
  const database = new Kysely<Schema>({ dialect: opened.dialect })
  const begin = isPostgres
    ? ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', `SET LOCAL idle_in_transaction_session_timeout = '${IDLE}'`]
    : ['BEGIN']
  try {
    return await database.connection().execute(async (queries) => {
      const run = (text: string) => queries.executeQuery(CompiledQuery.raw(text))
      for (const text of begin) await run(text)
      // The moment is that of the first query on both engines.
      await run(isPostgres ? 'SELECT 1' : 'SELECT 1 FROM sqlite_schema LIMIT 1')
      try {
        return await work(queries, isPostgres ? 'postgres' : 'sqlite')
      } finally {
        await run('ROLLBACK').catch(() => {})
      }
    })
  } finally {
    await database.destroy()
    await opened.close()
  }
}
