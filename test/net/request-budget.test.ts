import { describe, expect, test } from 'bun:test'
import { AppError, isAppError } from '../../src/errors.ts'
import { unavailable } from '../../src/net/connection-failure.ts'
import type { HttpResponse } from '../../src/net/guarded-fetch.ts'
import { emptyBody } from '../../src/net/idle-body.ts'
import type { Learned } from '../../src/net/learned-budget.ts'
import { type BudgetOptions, createRequestBudget } from '../../src/net/request-budget.ts'
import { createRequestBudgets } from '../../src/net/request-budgets.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

/** A clock that only sleeping moves. */
function standingTime(options: BudgetOptions = {}) {
  let nowMs = START
  const slept: number[] = []
  const budget = createRequestBudget({
    random: () => 0.5,
    ...options,
    clock: { now: () => new Date(nowMs) },
    sleep: async (ms) => {
      slept.push(ms)
      nowMs += ms
    },
  })
  return { budget, slept }
}

function answer(status: number, headers: Record<string, string> = {}): HttpResponse {
  return {
    status,
    headers: new Headers(headers),
    body: emptyBody(),
    url: new URL('http://x.test/'),
    address: '127.0.0.1',
    ledBy: '127.0.0.1',
  }
}

/** Gives the answers in turn, each with its place given back at once. */
function script(...answers: (HttpResponse | Error)[]) {
  let tries = 0
  return {
    attempt: async (onEnd: () => void) => {
      onEnd()
      const next = answers[Math.min(tries++, answers.length - 1)]
      if (next === undefined || next instanceof Error) throw next
      return next
    },
    get tries() {
      return tries
    },
  }
}

describe('a request budget', () => {
  test('a pause lasts as long as was asked for, also when the clock is set back, and over a restart', async () => {
    const YEAR = 365 * 24 * 3_600_000
    let nowMs = START + YEAR
    let kept: Learned | undefined
    const store = {
      load: async () => kept,
      save(_account: string, learned: Learned) {
        kept = learned
      },
    }
    const open = () => createRequestBudget({ store, maxWaitMs: 0, clock: { now: () => new Date(nowMs) } })
    const busy = script(answer(429, { 'retry-after': '600' }))
    await open().send(busy.attempt, { what: 'x' })
    nowMs = START
    const budget = open()
    const good = script(answer(200))
    await expect(budget.send(good.attempt, { what: 'x' })).rejects.toThrow('2026-11-01T12:10:00.000Z')
    nowMs += 599_000
    await expect(budget.send(good.attempt, { what: 'x' })).rejects.toThrow('2026-11-01T12:10:00.000Z')
    nowMs += 1000
    expect((await budget.send(good.attempt, { what: 'x' })).status).toBe(200)
  })

  test.each([408, 429, 499, 500, 502, 503, 504, 522])('tries again after %i, with growing waits', async (status) => {
    const { budget, slept } = standingTime()
    const { attempt } = script(answer(status), answer(status), answer(200))
    expect((await budget.send(attempt, { what: 'x' })).status).toBe(200)
    expect(slept).toEqual([750, 2250])
    expect(budget.requests).toBe(3)
  })

  test.each([200, 304, 400, 401, 403, 404, 405, 416, 501])('hands %i to the caller at once', async (status) => {
    const { budget, slept } = standingTime()
    const scripted = script(answer(status))
    expect((await budget.send(scripted.attempt, { what: 'x' })).status).toBe(status)
    expect([scripted.tries, slept.length]).toEqual([1, 0])
  })

  test('gives the last answer when the tries are used up', async () => {
    const { budget } = standingTime({ maxTries: 3 })
    const scripted = script(answer(500))
    expect((await budget.send(scripted.attempt, { what: 'x' })).status).toBe(500)
    expect(scripted.tries).toBe(3)
  })

  test('tries again after a broken connection, not after a bad certificate or a refused address', async () => {
    const broken = script(unavailable('reset', 'cut', {}), answer(200))
    const { budget } = standingTime()
    expect((await budget.send(broken.attempt, { what: 'x' })).status).toBe(200)
    for (const error of [
      unavailable('tls', 'bad', {}),
      unavailable('not-found', 'no name', {}),
      new AppError('ADDRESS_NOT_ALLOWED', 'no'),
    ]) {
      const scripted = script(error)
      await expect(budget.send(scripted.attempt, { what: 'x' })).rejects.toBe(error)
      expect(scripted.tries).toBe(1)
    }
  })

  test('once a request has tried in vain, others try once until one is answered, or half a minute has passed', async () => {
    const refused = unavailable('refused', 'nobody listens', {})
    for (const failure of [refused, answer(502), answer(504)]) {
      const { budget, slept } = standingTime()
      const triesOf = async (...answers: (HttpResponse | Error)[]) => {
        const scripted = script(...answers)
        await budget.send(scripted.attempt, { what: 'x' }).catch(() => {})
        return scripted.tries
      }
      expect(await triesOf(failure)).toBe(4)
      expect(await triesOf(failure)).toBe(1)
      expect(await triesOf(answer(404))).toBe(1)
      expect(await triesOf(failure, answer(200))).toBe(2)
      expect(await triesOf(failure)).toBe(4)
      const before = slept.length
      expect([await triesOf(failure), slept.length]).toEqual([1, before])
    }
    // One file that the registry cannot read says nothing about the others.
    const { budget } = standingTime()
    const broken = script(answer(500))
    await budget.send(broken.attempt, { what: 'x' })
    await budget.send(broken.attempt, { what: 'y' })
    expect(broken.tries).toBe(8)
  })

  test('Retry-After in seconds or as a date pauses the whole key (RFC 9110 section 10.2.3)', async () => {
    for (const value of ['7', new Date(START + 7000).toUTCString()]) {
      const { budget, slept } = standingTime()
      expect(
        (await budget.send(script(answer(429, { 'retry-after': value }), answer(200)).attempt, { what: 'x' })).status,
      ).toBe(200)
      expect(slept).toEqual([7000])
    }
  })

  test('a pause that one request caused holds the next one too', async () => {
    const { budget, slept } = standingTime({ maxTries: 1 })
    await budget.send(script(answer(503, { 'retry-after': '20' })).attempt, { what: 'x' })
    expect(budget.pausedUntil).toEqual(new Date(START + 20_000))
    await budget.send(script(answer(200)).attempt, { what: 'y' })
    expect(slept).toEqual([20_000])
    expect(budget.pausedUntil).toBeUndefined()
  })

  test('a spent quota pauses the key until it is renewed, though the answer was good', async () => {
    const { budget, slept } = standingTime()
    const spent = answer(200, { 'ratelimit-remaining': '0;w=21600', 'ratelimit-reset': '45' })
    expect((await budget.send(script(spent).attempt, { what: 'x' })).status).toBe(200)
    expect(slept).toEqual([])
    await budget.send(script(answer(200, { 'ratelimit-remaining': '99;w=21600' })).attempt, { what: 'y' })
    expect(slept).toEqual([45_000])
  })

  test('waiting is bounded: a longer pause is an error that says until when', async () => {
    const { budget, slept } = standingTime({ maxWaitMs: 60_000 })
    const limited = answer(429, { 'retry-after': '3600' })
    expect((await budget.send(script(limited).attempt, { what: 'x' })).status).toBe(429)
    const error = await budget
      .send(script(answer(200)).attempt, { what: 'registry.test: app:1' })
      .catch((e: unknown) => e)
    expect(isAppError(error, 'UPSTREAM_RATE_LIMITED')).toBe(true)
    expect(String(error)).toContain('registry.test: app:1')
    expect((error as AppError).detail).toEqual({ retryAt: '2026-11-01T13:00:00.000Z' })
    expect(slept).toEqual([])
  })

  test('holds the number of requests in flight, bodies included', async () => {
    const { budget } = standingTime({ concurrency: 2 })
    const ends: (() => void)[] = []
    let started = 0
    const sends = [1, 2, 3].map(() =>
      budget.send(
        async (onEnd) => {
          started++
          ends.push(onEnd)
          return answer(200)
        },
        { what: 'x' },
      ),
    )
    await Promise.all(sends.slice(0, 2))
    expect(started).toBe(2)
    ends[0]?.()
    await sends[2]
    expect(started).toBe(3)
  })

  test('one key has one budget', () => {
    const budgets = createRequestBudgets()
    expect(budgets.of('a')).toBe(budgets.of('a'))
    expect(budgets.of('a')).not.toBe(budgets.of('b'))
  })

  test('an aborted wait ends as cancelled', async () => {
    const stop = new AbortController()
    const budget = createRequestBudget({ random: () => 0.5 })
    const sending = budget.send(
      async (onEnd) => {
        onEnd()
        stop.abort()
        return answer(500)
      },
      { what: 'x', signal: stop.signal },
    )
    expect(isAppError(await sending.catch((e: unknown) => e), 'CANCELLED')).toBe(true)
  })
})
