/** One after the other, over all servers on the database. */
import type { Database } from '../db/engine/engine.ts'
import type { Clock } from '../lib/clock.ts'
import { createKeyedTurns, type Lock } from '../lib/keyed-turns.ts'
import { type Sleep, systemSleep } from '../lib/retry.ts'
import { acquireLease } from './leases.ts'

const RETRY_MS = 200
const TTL_MS = 20_000

/** With SQLite this process is alone, and its own turns are enough. @param o.prefix of the keys of its leases */
export function createLeaseLock(o: {
  readonly db: Database
  readonly clock: Clock
  readonly holder: string
  readonly prefix: string
  readonly sleep?: Sleep
}): Lock {
  const own = createKeyedTurns()
  const { db, clock, holder, prefix, sleep = systemSleep } = o
  if (db.engine === 'sqlite') return own
  return (key, work) =>
    own(key, async () => {
      for (;;) {
        const lease = await acquireLease({ db, clock, holder, key: `${prefix}${key}`, ttlMs: TTL_MS })
        if (lease === undefined) {
          await sleep(RETRY_MS)
          continue
        }
        try {
          return await work()
        } finally {
          await lease.release()
        }
      }
    })
}
