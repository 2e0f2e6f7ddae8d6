/** What all servers on one database share of the budgets of registries (record 32). */
import { createHmac } from 'node:crypto'
import type { Database } from '../db/engine/engine.ts'
import { findSharedRate, forgetSharedRates, keepSharedRate } from '../db/platform/shared-rates.ts'
import type { Sealer } from '../lib/seal.ts'
import { sliceOf } from '../lib/spread.ts'
import type { Portions } from '../net/portions.ts'
import { isNear, type RateLedger } from '../net/rate-gate.ts'

/** Names of rows are keyed hashes of accounts: an account's own name is a hash of its password, which could be guessed at. */
export function accountNames(sealer: Sealer): (account: string) => string {
  const key = sealer.derive('accounts of learned budgets').reveal()
  return (account) => createHmac('sha256', key).update(account).digest('hex')
}

/** Places of requests under way, by account. */
export function requestPortions(portions: Portions, nameOf: (account: string) => string): Portions {
  return { of: (account, use) => portions.of(`requests ${nameOf(account)}`, use) }
}

/** Limits that people set: one small write a second and limit, while it is asked for. */
export function sharedRates(db: Database, nameOf: (name: string) => string): RateLedger {
  return {
    take(name, spread, { units, nowMs, patienceMs }) {
      const row = nameOf(name)
      return db.write(async (tx) => {
        const givenUs = await findSharedRate(tx, row)
        const given = givenUs === undefined ? undefined : givenUs / 1000
        const { fromMs, untilMs } = sliceOf(given, spread, { units, nowMs })
        const isTaken = isNear(fromMs, spread, { nowMs, patienceMs })
        if (!isTaken) return { fromMs, isTaken }
        await keepSharedRate(tx, row, Math.ceil(untilMs * 1000))
        if (givenUs === undefined) await forgetSharedRates(tx, nowMs)
        return { fromMs, isTaken }
      })
    },
  }
}
