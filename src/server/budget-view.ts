/** What a budget knows, as the API and the dry run show it. */
import type { Budget } from '../api/rates.ts'
import { isoTime } from '../lib/clock.ts'
import { saturate } from '../lib/saturate.ts'
import type { Allowance, BudgetPause } from '../mirror/engine.ts'
import { type Learned, type LearnedAllowance, renewedMs } from '../net/learned-budget.ts'
import { ALL } from '../net/registry-windows.ts'
import type { RequestBudget } from '../net/request-budget.ts'

const timeOf = (ms: number | undefined) => (ms === undefined ? null : isoTime(new Date(ms)))

export function allowancesOf({ allowances }: Learned): Allowance[] {
  return allowances.map((one) => ({
    kind: one.kind,
    counts: one.kind === ALL ? 'all' : 'manifests',
    remaining: saturate(one.remaining),
    until: timeOf(renewedMs(one)),
  }))
}

export function pausesOf({ pauses }: Learned): BudgetPause[] {
  return pauses.map(({ untilMs, reason }) => ({ until: isoTime(new Date(untilMs)), reason }))
}

/** @param organizations whose requests are told: others may share the login, and are none of theirs; undefined: all */
export async function budgetView(budget: RequestBudget, organizations: readonly string[] | undefined): Promise<Budget> {
  const { pauses, allowances } = await budget.learned()
  const mine = budget
    .waiting()
    .filter(({ organization = '' }) => organizations === undefined || organizations.includes(organization))
  const { requests, inFlight } = organizations === undefined ? budget : budget.askedBy(organizations)
  return {
    requests,
    inFlight,
    mostInFlight: budget.mostInFlight,
    share: budget.share,
    windows: budget.windows().map(({ kind, requests: size, answerMs }) => ({
      kind,
      requests: size,
      answerMs: answerMs === undefined ? null : Math.round(answerMs),
    })),
    pauses: pauses.map(({ kind, untilMs, reason }) => ({ kind, until: isoTime(new Date(untilMs)), reason })),
    allowances: allowances.map(allowanceView),
    waiting: mine.map(({ about, priority, requests }) => ({ repository: about ?? '(catalog)', priority, requests })),
  }
}

function allowanceView(one: LearnedAllowance): Budget['allowances'][number] {
  return {
    kind: one.kind,
    limit: one.limit === undefined ? null : saturate(one.limit),
    remaining: saturate(one.remaining),
    windowSeconds: one.windowMs === undefined ? null : Math.round(one.windowMs / 1000),
    until: timeOf(renewedMs(one)),
    source: one.source ?? null,
    at: isoTime(new Date(one.atMs)),
  }
}
