/** Keeps what registries said of how often they may be asked, so that a restart does not begin by asking too often. */
import { createHmac } from 'node:crypto'
import type { Database } from '../db/engine/engine.ts'
import { findLearnedBudget, keepLearnedBudget } from '../db/mirrors/learned-budgets.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Learned, LearnedStore } from '../net/learned-budget.ts'

/** Rows are under a keyed hash of the account: the account's own name is a hash of its password, which could be guessed at. */
export function learnedBudgets(db: Database, sealer: Sealer): LearnedStore {
  const key = sealer.derive('accounts of learned budgets').reveal()
  const nameOf = (account: string) => createHmac('sha256', key).update(account).digest('hex')
  return {
    async load(account) {
      const kept = await findLearnedBudget(db.read, nameOf(account)).catch(() => undefined)
      return kept as Learned | undefined
    },
    save(account, learned) {
      const name = nameOf(account)
      const row = { account: name, learned: JSON.stringify(learned), at: isoTime(systemClock.now()) }
      db.later.add(`learned budget ${name}`, (tx) => keepLearnedBudget(tx, row))
    },
  }
}
