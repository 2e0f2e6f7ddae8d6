/** Kysely over PostgreSQL's own driver, with the values that the portable columns promise. */
import { type Dialect, PostgresDialect } from 'kysely'
import pg from 'pg'
import { createKeptPlans } from './kept-plans.ts'
import { asUnavailable } from './unavailable.ts'

const INT8 = 20
/** Transactions here do nothing but their queries. */
const IDLE_IN_TRANSACTION_MS = 10_000

/** Sizes and sequence numbers stay below 2^53, so int8 is read as a number. */
function parseInt8(text: string): number {
  return Number(text)
}

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  readonly maxConnections: number
  /** Called before a connection is handed out; throws when the caller may not have one. */
  readonly guard: () => void
}

export function openPostgres(options: PostgresOptions): { dialect: Dialect; close: () => Promise<void> } {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    // A process that is stopped in a transaction must not keep its locks from the others.
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? parseInt8 : pg.types.getTypeParser(oid, format as 'text'),
    },
  })
  // An idle connection that the server closes must not end the process; the next query opens another.
  pool.on('error', () => {})
  // Nor one that is in use: its query, or the next one, says so.
  const plans = createKeptPlans()
  pool.on('connect', (client) => {
    client.on('error', () => {})
    tellUnavailable(client)
    plans.keep(client)
  })
  const guarded = {
    connect: async () => {
      options.guard()
      return pool.connect().catch((error) => {
        throw asUnavailable(error)
      })
    },
    end: () => pool.end(),
  }
  const dialect = new PostgresDialect({ pool: guarded as unknown as pg.Pool })
  return { dialect, close: async () => {} }
}

/** Its queries fail with DatabaseUnavailable where the connection is the cause. */
function tellUnavailable(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  client.query = ((...args: unknown[]) => {
    const result = query(...args)
    if (!(result instanceof Promise)) return result
    return result.catch((error) => {
      throw asUnavailable(error)
    })
  }) as typeof client.query
}
