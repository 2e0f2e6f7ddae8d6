/** Keeps what registries said of how often they may be asked, for restarts and for the other servers on the database. */
import type { Database } from '../db/engine/engine.ts'
import { findLearnedBudget, keepLearnedBudget } from '../db/mirrors/learned-budgets.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import { type Learned, type LearnedStore, mergeLearned } from '../net/learned-budget.ts'

/** @param nameOf see `accountNames` */
export function learnedBudgets(db: Database, nameOf: (account: string) => string): LearnedStore {
  return {
    async load(account) {
      const kept = await findLearnedBudget(db.read, nameOf(account)).catch(() => undefined)
      return kept as Learned | undefined
    },
    save(account, learned) {
      const name = nameOf(account)
      const now = systemClock.now()
      const merge = (kept: unknown) =>
        kept === undefined ? learned : mergeLearned(kept as Learned, learned, now.getTime())
      db.later.add(`learned budget ${name}`, (tx) => keepLearnedBudget(tx, { account: name, at: isoTime(now), merge }))
    },
  }
}
