/** Logins that failed lately. Rows go when their window is over and never before: nothing pushes a count out. */
import type { Database, Queries, Transaction } from '../engine/engine.ts'

/** Who was tried from where. */
export interface LoginKey {
  readonly account: string
  readonly network: string
}

export interface FailedLogins {
  /** Different passwords, by their keyed hashes. */
  readonly guesses: ReadonlySet<string>
  /** In all. */
  readonly failures: number
  /** ISO 8601; undefined: nothing has failed. */
  readonly endsAt: string | undefined
}

/** What counts at the time `at`. */
export async function readFailedLogins(db: Queries, key: LoginKey, at: string): Promise<FailedLogins> {
  const rows = await db
    .selectFrom('failed_logins')
    .select(['guess', 'failures', 'ends_at'])
    .where('account', '=', key.account)
    .where('network', '=', key.network)
    .where('ends_at', '>', at)
    .execute()
  return {
    guesses: new Set(rows.map((row) => row.guess)),
    failures: rows.reduce((sum, row) => sum + row.failures, 0),
    endsAt: rows[0]?.ends_at,
  }
}

/** Counts one failure; the first one of a window says when it ends. What is over is removed, whosever it was. */
export async function addFailedLogin(
  tx: Transaction,
  key: LoginKey,
  o: { readonly guess: string; readonly at: string; readonly endsAt: string },
): Promise<void> {
  await tx.deleteFrom('failed_logins').where('ends_at', '<=', o.at).execute()
  const { endsAt } = await readFailedLogins(tx, key, o.at)
  await tx
    .insertInto('failed_logins')
    .values({ ...key, guess: o.guess, failures: 1, ends_at: endsAt ?? o.endsAt })
    .onConflict((conflict) =>
      conflict
        .columns(['account', 'network', 'guess'])
        .doUpdateSet((eb) => ({ failures: eb('failed_logins.failures', '+', 1) })),
    )
    .execute()
}

/** Forgets what was counted, in the background: the login that was right does not wait for it. */
export function forgetFailedLogins(db: Database, key: LoginKey): void {
  db.later.add(`failed logins ${key.account} ${key.network}`, async (tx) => {
    await tx.deleteFrom('failed_logins').where('account', '=', key.account).where('network', '=', key.network).execute()
  })
}
