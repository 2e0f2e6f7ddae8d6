/** The budgets of all accounts at all registries. */
import { type BudgetOptions, createRequestBudget, type RequestBudget } from './request-budget.ts'

export interface RequestBudgets {
  /** The budget of `key`, the same one for as long as anybody uses it. */
  of(key: string): RequestBudget
}

/** Tenants make accounts by changing a password: beyond these, those that nobody uses at the moment are forgotten, the longest unused first. */
const MAX_BUDGETS = 1000

export function createRequestBudgets(options: BudgetOptions = {}): RequestBudgets {
  const budgets = new Map<string, RequestBudget>()
  return {
    of(key) {
      const budget = budgets.get(key) ?? createRequestBudget(options, key)
      budgets.delete(key)
      budgets.set(key, budget)
      for (const [other, { inFlight, waiting }] of budgets.size > MAX_BUDGETS ? budgets : []) {
        if (other === key || inFlight > 0 || waiting().length > 0) continue
        budgets.delete(other)
        break
      }
      return budget
    },
  }
}
