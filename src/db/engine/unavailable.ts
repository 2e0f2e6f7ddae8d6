/** The database is away for now: nobody did anything wrong, and the same may go well in a moment. */

/**
 * Whether the transaction was committed is not known where this ends a commit, as with any other failure of one: it is no `AppError`, after
 * which callers take back what they have done.
 */
export class DatabaseUnavailable extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause })
    this.name = 'DatabaseUnavailable'
  }
}

/**
 * SQLSTATE classes and codes of a server that ends, begins or has no more connections (PostgreSQL, "Error Codes"): 08 connection exception,
 * 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now, 53300 too_many_connections.
 */
const AWAY = /^(08...|57P0[123]|53300)$/
/** What the system says of a connection. */
const BROKEN = /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/
/** What `pg` says of one, without a code. */
const TERMINATED =
  /^(Connection terminated|Client has encountered a connection error|Client was closed)|timeout expired$/

/** An error of `pg` as it is, or as DatabaseUnavailable where it is about the connection. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable) return error
  const code = 'code' in error ? String(error.code) : ''
  if (!AWAY.test(code) && !BROKEN.test(code) && !TERMINATED.test(error.message)) return error
  return new DatabaseUnavailable(`the database does not answer: ${error.message || code}`, error)
}
