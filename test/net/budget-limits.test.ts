// What people allow and what registries say: rates, allowances, pauses by kind of request, priorities; kept over restarts.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isAppError } from '../../src/errors.ts'
import { findRate, type Rate } from '../../src/lib/rate.ts'
import type { HttpResponse } from '../../src/net/guarded-fetch.ts'
import { emptyBody } from '../../src/net/idle-body.ts'
import type { Learned } from '../../src/net/learned-budget.ts'
import type { Priority } from '../../src/net/priority.ts'
import { allowanceOf } from '../../src/net/rate-headers.ts'
import { type BudgetOptions, createRequestBudget } from '../../src/net/request-budget.ts'
import { createRequestBudgets } from '../../src/net/request-budgets.ts'

const START = Date.parse('2026-11-01T12:00:00Z')
const HUB = 'https://registry-1.docker.io anonymous'
const GHCR = 'https://ghcr.io anonymous'

function standingTime(key: string, options: BudgetOptions = {}, startMs = START) {
  let nowMs = startMs
  const budget = createRequestBudget(
    {
      random: () => 0.5,
      ...options,
      clock: { now: () => new Date(nowMs) },
      sleep: async (ms) => {
        nowMs += ms
      },
    },
    key,
  )
  return { budget, elapsedMs: () => nowMs - startMs }
}

const answer = (status: number, headers: Record<string, string> = {}, body = emptyBody()): HttpResponse => ({
  status,
  headers: new Headers(headers),
  body,
  url: new URL('https://x.test/'),
  address: '127.0.0.1',
  ledBy: '127.0.0.1',
})

/** An attempt that gives its place back at once. */
const giving = (response: HttpResponse) => async (onEnd: () => void) => {
  onEnd()
  return response
}

const rate = (text: string): Rate => {
  const found = findRate(text)
  if (found === undefined) throw new Error(`${text} is no rate`)
  return found
}

describe('rates as people write them', () => {
  test.each([
    ['10/s', 'requests', 10, 1000],
    ['100/h', 'requests', 100, 3_600_000],
    ['50MB/s', 'bytes', 50_000_000, 1000],
    ['512KiB/m', 'bytes', 524_288, 60_000],
  ] as const)('%s', (text, of, amount, perMs) => {
    expect(findRate(text)).toEqual({ of, amount, perMs })
  })
  test.each(['', '0/s', '10', '10/y', 'MB/s', '-1/s', '1.5/s', '10 /s', '10/s ', '9999999999/s'])(
    '%j is none',
    (text) => {
      expect(findRate(text)).toBeUndefined()
    },
  )
})

describe('a limit that people set', () => {
  test('10 a second: a burst of one second, then evenly, whatever is asked', async () => {
    const { budget, elapsedMs } = standingTime(GHCR)
    const rates = { owner: 'a', list: [rate('10/s')] }
    for (let i = 0; i < 30; i++) await budget.send(giving(answer(200)), { what: 'x', rates })
    expect(elapsedMs()).toBe(2000)
    // One that has no such limit does not wait for it.
    await budget.send(giving(answer(200)), { what: 'x' })
    expect(elapsedMs()).toBe(2000)
  })

  test('100 an hour are spread over it, and several limits hold together', async () => {
    const { budget, elapsedMs } = standingTime(GHCR)
    const rates = { owner: 'a', list: [rate('100/h'), rate('10/s')] }
    for (let i = 0; i < 11; i++) await budget.send(giving(answer(200)), { what: 'x', rates })
    expect(elapsedMs()).toBe(360_000)
  })

  test('bytes: a body comes no faster, and as it is', async () => {
    const { budget, elapsedMs } = standingTime(GHCR)
    const chunks = Array.from({ length: 40 }, (_, i) => new Uint8Array(100_000).fill(i))
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    const rates = { owner: 'a', list: [rate('1MB/s')] }
    const response = await budget.send(giving(answer(200, {}, body)), { what: 'x', rates })
    const got = new Uint8Array(await new Response(response.body).arrayBuffer())
    expect(Buffer.from(got).equals(Buffer.concat(chunks))).toBe(true)
    expect(elapsedMs()).toBe(3000)
  })
})

describe('what registries say is left', () => {
  test('Docker Hub, GitHub, the draft of the IETF; what cannot be read says nothing', () => {
    const of = (headers: Record<string, string>) => allowanceOf(new Headers(headers), START)
    const hub = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '97;w=21600' }
    expect(of({ ...hub, 'docker-ratelimit-source': '192.0.2.1' })).toEqual({
      limit: 100,
      remaining: 97,
      windowMs: 21_600_000,
      resetMs: undefined,
      source: '192.0.2.1',
    })
    const reset = String(START / 1000 + 60)
    const github = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': reset }
    expect(of(github)).toMatchObject({ limit: 5000, remaining: 4999, resetMs: START + 60_000 })
    expect(of({ 'ratelimit-remaining': '5', 'ratelimit-reset': '30' })).toMatchObject({ resetMs: START + 30_000 })
    for (const bad of ['', 'many', '-1', '1e9']) expect(of({ 'x-ratelimit-remaining': bad })).toBeUndefined()
    // Nobody is kept away for longer than a day by what a header says.
    expect(of({ 'ratelimit-remaining': '0', 'ratelimit-reset': '99999999' })?.resetMs).toBe(START + 86_400_000)
  })

  test('any header is read or ignored, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), (text) => {
        const headers = new Headers()
        try {
          headers.set('ratelimit-remaining', text)
        } catch {
          return
        }
        const told = allowanceOf(headers, START)
        if (told !== undefined) expect(Number.isSafeInteger(told.remaining) && told.remaining >= 0).toBe(true)
      }),
    )
  })

  test('Docker Hub counts pulls: spent ones hold GETs of manifests, and nothing else', async () => {
    const { budget, elapsedMs } = standingTime(HUB)
    const spent = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600', 'ratelimit-reset': '90' }
    await budget.send(giving(answer(200, spent)), { what: 'x', kind: 'manifest-get' })
    for (const kind of ['manifest-head', 'blob', 'tags'] as const) {
      await budget.send(giving(answer(200)), { what: 'x', kind })
    }
    expect(elapsedMs()).toBe(0)
    const { pauses, allowances } = await budget.learned()
    expect(pauses).toEqual([{ kind: 'pulls', untilMs: START + 90_000, reason: 'its allowance is spent', atMs: START }])
    expect(allowances).toMatchObject([{ kind: 'pulls', limit: 100, remaining: 0 }])
    await budget.send(giving(answer(200)), { what: 'x', kind: 'manifest-get' })
    expect(elapsedMs()).toBe(90_000)
  })

  test('elsewhere one login is one count, and a 503 speaks for all everywhere', async () => {
    const one = standingTime(GHCR)
    const limited = { 'retry-after': '30' }
    await one.budget.send(giving(answer(429, limited)), { what: 'x', kind: 'manifest-get' }).catch(() => {})
    expect(one.elapsedMs()).toBeGreaterThanOrEqual(30_000)
    const hub = standingTime(HUB, { maxTries: 1 })
    await hub.budget.send(giving(answer(503, limited)), { what: 'x', kind: 'manifest-get' })
    await hub.budget.send(giving(answer(200)), { what: 'x', kind: 'blob' })
    expect(hub.elapsedMs()).toBe(30_000)
  })
})

describe('a restart', () => {
  test('knows what the registry said: it does not begin by asking too often', async () => {
    const kept = new Map<string, Learned>()
    const store = {
      load: async (account: string) => kept.get(account),
      save: (account: string, learned: Learned) => void kept.set(account, JSON.parse(JSON.stringify(learned))),
    }
    const before = standingTime(GHCR, { maxTries: 1, store })
    await before.budget.send(giving(answer(429, { 'retry-after': '3600' })), { what: 'x' })
    const after = standingTime(GHCR, { store }, START + 1000)
    let asked = 0
    const failure = await after.budget
      .send(
        async () => {
          asked++
          return answer(200)
        },
        { what: 'x' },
      )
      .catch((error: unknown) => error)
    expect([isAppError(failure, 'UPSTREAM_RATE_LIMITED'), asked]).toEqual([true, 0])
    // Another login, and this one when its time has come, are free.
    const other = standingTime('https://ghcr.io someone', { store })
    expect((await other.budget.send(giving(answer(200)), { what: 'x' })).status).toBe(200)
    const later = standingTime(GHCR, { store }, START + 3_600_001)
    expect((await later.budget.send(giving(answer(200)), { what: 'x' })).status).toBe(200)
    expect(later.elapsedMs()).toBe(0)
  })
})

describe('priorities', () => {
  /** One request is under way; the others ask meanwhile. @returns the order in which they are sent */
  async function orderOf(asking: readonly (readonly [Priority, string])[]) {
    const { budget } = standingTime(GHCR, { concurrency: 1 })
    const order: string[] = []
    const ends: (() => void)[] = []
    const first = budget.send(
      async (onEnd) => {
        ends.push(onEnd)
        return answer(200)
      },
      { what: 'x', organization: 'none' },
    )
    await first
    const rest = asking.map(([priority, organization]) =>
      budget.send(
        async (onEnd) => {
          order.push(`${organization} ${priority}`)
          onEnd()
          return answer(200)
        },
        { what: 'x', priority, organization },
      ),
    )
    while (budget.waiting().reduce((sum, { requests }) => sum + requests, 0) < asking.length) await Promise.resolve()
    const waiting = budget.waiting()
    ends[0]?.()
    await Promise.all(rest)
    return { order, waiting }
  }

  test('asked for, then hinted, then new, then looked at again', async () => {
    const { order, waiting } = await orderOf([
      ['recheck', 'a'],
      ['new', 'a'],
      ['hinted', 'a'],
      ['asked', 'a'],
      ['recheck', 'a'],
    ])
    expect(order).toEqual(['a asked', 'a hinted', 'a new', 'a recheck', 'a recheck'])
    expect(waiting).toContainEqual({ organization: 'a', about: undefined, priority: 'recheck', requests: 2 })
  })

  test('only within an organization: what one asks for does not keep another from looking again', async () => {
    const { order } = await orderOf([
      ['asked', 'a'],
      ['asked', 'a'],
      ['asked', 'a'],
      ['recheck', 'b'],
    ])
    expect(order.indexOf('b recheck')).toBeLessThanOrEqual(1)
  })
})

describe('what tenants can make any number of', () => {
  test('budgets that nobody uses are forgotten, and no other', async () => {
    const budgets = createRequestBudgets()
    const [idle, used] = [budgets.of('https://idle.test anonymous'), budgets.of('https://used.test anonymous')]
    const { promise: answered, resolve: end } = Promise.withResolvers<HttpResponse>()
    const sent = used.send(
      async (onEnd) => {
        const response = await answered
        onEnd()
        return response
      },
      { what: 'app' },
    )
    await Bun.sleep(0)
    for (let i = 0; i < 1500; i++) budgets.of(`https://registry.test ${i}`)
    expect(budgets.of('https://used.test anonymous')).toBe(used)
    expect(budgets.of('https://idle.test anonymous')).not.toBe(idle)
    end(answer(200))
    await sent
  })

  test("an owner's limits of long ago are forgotten, and those of no other owner", async () => {
    const { budget, elapsedMs } = standingTime(GHCR)
    const send = (owner: string, text: string) =>
      budget.send(giving(answer(200)), { what: 'app', rates: { owner, list: [rate(text)] } })
    await send('ours', '1/h')
    await send('theirs', '1/h')
    for (let i = 0; i < 100; i++) await send('theirs', `${2 + i}/h`)
    await send('theirs', '1/h')
    expect(elapsedMs()).toBe(0)
    await send('ours', '1/h')
    expect(elapsedMs()).toBeGreaterThanOrEqual(3_600_000)
  })
})
