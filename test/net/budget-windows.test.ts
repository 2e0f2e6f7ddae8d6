// The windows of a budget: whose requests they bound, and what of them is kept and shared.
import { expect, test } from 'bun:test'
import type { HttpResponse } from '../../src/net/guarded-fetch.ts'
import { emptyBody } from '../../src/net/idle-body.ts'
import { type Learned, mergeLearned } from '../../src/net/learned-budget.ts'
import type { RequestKind } from '../../src/net/registry-windows.ts'
import { type BudgetOptions, createRequestBudget, type RequestBudget } from '../../src/net/request-budget.ts'
import { createRequestBudgets } from '../../src/net/request-budgets.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

function answer(status: number): HttpResponse {
  const url = new URL('http://x.test/')
  return { status, headers: new Headers(), body: emptyBody(), url, address: '127.0.0.1', ledBy: '127.0.0.1' }
}

const settled = async () => {
  for (let i = 0; i < 100; i++) await Promise.resolve()
}

/** A registry whose answers the test gives. */
function registry() {
  const open: { readonly about: string | undefined; answer(status: number): void }[] = []
  return {
    open,
    ask(budget: RequestBudget, kind: RequestKind, count: number, about?: string) {
      for (let i = 0; i < count; i++) {
        const attempt = async (onEnd: () => void) => {
          const status = await new Promise<number>((resolve) => open.push({ about, answer: resolve }))
          onEnd()
          return answer(status)
        }
        budget.send(attempt, { what: 'x', kind, about, organization: 'acme' }).catch(() => {})
      }
    },
    /** Answers all that are under way, and what comes after, until nothing does. */
    async drain(status = 200) {
      for (await settled(); open.length > 0; await settled()) open.shift()?.answer(status)
    },
  }
}

function still(options: BudgetOptions = {}) {
  let nowMs = START
  return {
    pass: (ms: number) => {
      nowMs += ms
    },
    options: {
      ...options,
      clock: { now: () => new Date(nowMs) },
      sleep: async (ms: number) => {
        nowMs += ms
      },
    },
  }
}

const sizeOf = (budget: RequestBudget, kind: RequestKind) => budget.windows().find((one) => one.kind === kind)?.requests

test('each kind has its own window, and all of them what there is at most', async () => {
  const budget = createRequestBudget({ ...still().options, concurrency: 20 })
  const { open, ask, drain } = registry()
  ask(budget, 'manifest-get', 30)
  await settled()
  expect(open.length).toBe(8)
  ask(budget, 'referrers', 30)
  ask(budget, 'tags', 30)
  await settled()
  expect(open.length).toBe(20)
  await drain()
  expect(budget.requests).toBe(90)
  expect(sizeOf(budget, 'manifest-get')).toBeGreaterThan(8)
})

test('a burst of 429 halves the window once, of all kinds that are counted together', async () => {
  const of = (host: string) => createRequestBudget({ ...still().options, maxTries: 1 }, `https://${host} login`)
  const [together, apart] = [of('registry.example.com'), of('registry-1.docker.io')]
  for (const [budget, heads] of [
    [together, 4],
    [apart, 9],
  ] as const) {
    const { open, ask, drain } = registry()
    ask(budget, 'manifest-head', 8)
    await drain()
    ask(budget, 'manifest-get', 8)
    await settled()
    expect(open.length).toBe(8)
    await drain(429)
    expect([sizeOf(budget, 'manifest-get'), sizeOf(budget, 'manifest-head')]).toEqual([4, heads])
  }
})

test('two repositories of one registry share a window, two registries and two logins share none', async () => {
  const budgets = createRequestBudgets(still().options)
  const budget = budgets.of('https://a.test one')
  const { open, ask, drain } = registry()
  ask(budget, 'blob', 30, 'first')
  ask(budget, 'blob', 4, 'second')
  await settled()
  expect(open.map(({ about }) => about)).toEqual(Array(8).fill('first'))
  for (let i = 0; i < 4; i++) open.shift()?.answer(404)
  await settled()
  // What becomes free goes to the one that holds fewest, though the other has asked before.
  expect(open.filter(({ about }) => about === 'second').length).toBe(4)
  for (const key of ['https://b.test one', 'https://a.test two']) {
    const before = open.length
    ask(budgets.of(key), 'blob', 30, 'first')
    await settled()
    expect(open.length - before).toBe(8)
  }
  await drain()
})

test('what was learned is there after a restart and for other servers, and a refusal of one is known to the others', async () => {
  const rows = new Map<string, Learned>()
  const time = still({
    store: {
      load: async (account) => rows.get(account),
      save(account, learned) {
        const before = rows.get(account)
        rows.set(account, before === undefined ? learned : mergeLearned(before, learned, START + 60_000))
      },
    },
    maxTries: 1,
  })
  const open = () => createRequestBudget(time.options, 'https://a.test one')
  const first = open()
  const { ask, drain } = registry()
  ask(first, 'referrers', 1500)
  await drain()
  const learned = sizeOf(first, 'referrers') ?? 0
  expect(learned).toBeGreaterThan(40)
  time.pass(1000)
  const second = open()
  ask(second, 'referrers', 1)
  await drain()
  // Kept as it grows, by a quarter of it.
  const kept = sizeOf(second, 'referrers') ?? 0
  expect(kept).toBeGreaterThanOrEqual(learned * 0.75)
  time.pass(1000)
  ask(second, 'referrers', 1)
  await drain(429)
  expect(sizeOf(second, 'referrers')).toBe(Math.floor(kept / 2))
  time.pass(120_000)
  ask(first, 'referrers', 1)
  await drain()
  expect(sizeOf(first, 'referrers')).toBe(Math.floor(kept / 2))
})

test('of a window a server has the part that it has of the places', async () => {
  const portions = { of: () => ({ limit: 16, want: () => {} }) }
  const budget = createRequestBudget({ ...still().options, portions })
  const { open, ask, drain } = registry()
  ask(budget, 'blob', 30)
  await settled()
  expect(open.length).toBe(2)
  await drain()
  expect(budget.requests).toBe(30)
})
