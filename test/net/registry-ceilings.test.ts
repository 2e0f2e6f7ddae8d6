// What registries document is held by default: by kind of request, for all who share the login, until somebody sets something else.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ceilingsFor, ratesOf } from '../../src/catalog/upstream-rates.ts'
import { findRate } from '../../src/lib/rate.ts'
import { emptyBody } from '../../src/net/idle-body.ts'
import { CEILINGS, ceilingsOf } from '../../src/net/registry-ceilings.ts'
import { ALL, type RequestKind, WRITES, windowOf } from '../../src/net/registry-windows.ts'
import { createRequestBudget, type Rates } from '../../src/net/request-budget.ts'

const upstream = (url: string, more: { username?: string; own?: string[]; organization?: string } = {}) => ({
  organization_id: more.organization ?? null,
  url,
  username: more.username ?? null,
  max_rate: JSON.stringify(more.own ?? []),
  has_own_rate: more.own === undefined ? (0 as const) : (1 as const),
})

describe('what a registry documents', () => {
  test.each([
    ['https://ghcr.io', undefined, ['2000/m']],
    ['ghcr.io', 'someone', ['2000/m']],
    ['https://acme.azurecr.io', 'someone', ['1000/m']],
    ['https://public.ecr.aws', undefined, ['1/s']],
    ['https://public.ecr.aws', 'AWS', ['10/s']],
    // Told in its answers, or without a number.
    ['docker.io', undefined, []],
    ['quay.io', undefined, []],
    ['https://ghcr.io.example', undefined, []],
  ])('%s as %s: %j', (url, username, want) => {
    const found = ceilingsFor(upstream(url, username === undefined ? {} : { username }))
    expect(found.map(({ rate }) => rate)).toEqual(want)
  })

  test('of writing is held where something is written, and not shown of what is read', () => {
    const counts = (host: string, use: 'read' | 'write') => ceilingsOf(host, false, use).map((one) => one.counts)
    const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
    expect(counts(ecr, 'read')).toEqual([])
    expect(counts(ecr, 'write')).toEqual(['PutImage', 'InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload'])
    expect(counts('europe-docker.pkg.dev', 'read')).toEqual(['requests'])
    expect(counts('europe-docker.pkg.dev', 'write')).toEqual(['requests', 'writes'])
    for (const kind of WRITES) expect(windowOf(ecr, kind)).not.toBe(ALL)
    expect(new Set(WRITES.map((kind) => windowOf(ecr, kind))).size).toBe(WRITES.length)
    expect(WRITES.map((kind) => windowOf('acme.azurecr.io', kind))).toEqual(WRITES.map(() => 'WriteOps'))
    expect(windowOf('acme.azurecr.io', 'blob')).toBe('ReadOps')
    expect(windowOf('ghcr.io', 'manifest-put')).toBe(ALL)
  })

  test('is no longer held once somebody has set something, be it no limit', () => {
    expect(ratesOf(upstream('ghcr.io', { own: ['10/s'] })).list).toEqual([findRate('10/s') as never])
    expect(ratesOf(upstream('ghcr.io', { own: [] })).list).toEqual([])
    expect(ceilingsFor(upstream('ghcr.io', { own: [] }))).toEqual([])
  })

  test('every entry can be read, and the page of the budgets has each with its source', () => {
    const page = readFileSync(join(import.meta.dir, '../../docs/budgets.md'), 'utf8')
    for (const { registry, rate, counts, source } of CEILINGS) {
      expect(findRate(rate)).toBeDefined()
      const line = page
        .split('\n')
        .find((one) => one.includes(`| ${registry}`) && one.includes(`\`${rate}\` ${counts}`))
      expect([registry, rate, line?.includes(source)]).toEqual([registry, rate, true])
    }
  })
})

describe('in the budget', () => {
  function standing() {
    let nowMs = Date.parse('2026-11-01T12:00:00Z')
    const began = nowMs
    const budget = createRequestBudget(
      {
        clock: { now: () => new Date(nowMs) },
        sleep: async (ms) => {
          nowMs += ms
        },
      },
      'https://public.ecr.aws anonymous',
    )
    const ask = (rates: Rates, kind: RequestKind) =>
      budget.send(
        async (onEnd) => {
          onEnd()
          const url = new URL('https://public.ecr.aws/')
          const address = '127.0.0.1'
          return { status: 200, headers: new Headers(), body: emptyBody(), url, address, ledBy: address }
        },
        { what: 'x', kind, rates },
      )
    return { ask, elapsedMs: () => nowMs - began }
  }

  test('pulls are counted, for all organizations together, and nothing else is', async () => {
    const { ask, elapsedMs } = standing()
    const [ours, theirs] = ['a', 'b'].map((organization) => ratesOf(upstream('public.ecr.aws', { organization })))
    if (ours === undefined || theirs === undefined) throw new Error('want two')
    for (let i = 0; i < 10; i++) await ask(ours, 'manifest-head')
    expect(elapsedMs()).toBe(0)
    for (const rates of [ours, theirs, ours, theirs]) await ask(rates, 'manifest-get')
    expect(elapsedMs()).toBe(3000)
    for (let i = 0; i < 10; i++) await ask(theirs, 'blob')
    expect(elapsedMs()).toBe(3000)
  })
})
