import { expect, test } from 'bun:test'
import { forecastText, upstreamText } from '../../src/cli/budget-text.ts'

const until = '2026-11-01T14:05:00.000Z'

test('what a run needs, and what is left of it', () => {
  const forecast = { requests: 500, needed: 340, kind: 'pulls', left: 212, until, referrers: null }
  expect(forecastText(forecast)).toBe(
    `A run needs 340 pulls (500 requests in all), 212 left until ${until}: it waits for the rest.`,
  )
  expect(forecastText({ ...forecast, needed: 500, kind: 'requests', left: 600, until: null })).toBe(
    'A run needs 500 requests, 600 left.',
  )
  expect(forecastText({ ...forecast, requests: 1, needed: 1, kind: null, left: null, until: null })).toBe(
    'A run needs 1 request.',
  )
  const signed = { upstream: 'signed', requests: 7, needed: 7, kind: 'requests', left: 5, until: null }
  expect(forecastText({ ...forecast, referrers: signed })).toBe(
    `A run needs 340 pulls (500 requests in all), 212 left until ${until}: it waits for the rest. A run needs 7 requests of signed, 5 left: it waits for the rest.`,
  )
})

test('an upstream: its limit, what is left until when, who waits', () => {
  const upstream = {
    name: 'hub',
    url: 'https://docker.io',
    organization: 'acme',
    username: null,
    referrersFrom: null,
    plainHttp: false,
    ca: null,
    prefix: '',
    maxRate: ['10/s', '50MB/s'],
    isMaxRateSet: true,
    ceilings: [],
    createdAt: until,
  }
  const budget = {
    requests: 12,
    inFlight: 3,
    mostInFlight: 8,
    windows: [
      { kind: 'manifest-head' as const, requests: 23, answerMs: 41 },
      { kind: 'blob' as const, requests: 8, answerMs: null },
    ],
    share: 4,
    pauses: [{ kind: 'pulls', until, reason: 'its allowance is spent' }],
    allowances: [
      { kind: 'pulls', limit: 100, remaining: 0, windowSeconds: 21_600, until, source: '192.0.2.1', at: until },
    ],
    waiting: [{ repository: 'library/alpine', priority: 'recheck' as const, requests: 5 }],
  }
  const text = upstreamText({ upstream, budget })
  expect(text).toContain('3 of at most 8 under way, 4 of them by this server')
  expect(text).toMatch(/Limit:? +10\/s, 50MB\/s/)
  expect(text).toContain(`No pulls before ${until}: its allowance is spent.`)
  expect(text).toContain(`0 of 100 pulls left until ${until}, counted for 192.0.2.1.`)
  expect(text).toContain('library/alpine: 5 requests waiting (looked at again)')
})
