// What a read of the catalog means, by properties: nothing is lost that a mirror feeds, and a brake changes nothing by itself.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { EntryFacts } from '../../../src/db/mirrors/subscription-entries.ts'
import { decideEntry, type EntrySituation } from '../../../src/mirror/subscriptions/decide-entry.ts'
import { planRead } from '../../../src/mirror/subscriptions/plan-read.ts'
import { CAUSES, remedyOf, standingOf } from '../../../src/mirror/subscriptions/standing.ts'

const flag = fc.constantFrom<0 | 1>(0, 1)
const name = fc.constantFrom(...'abcdefghij')
const entries = fc.uniqueArray(fc.record({ repository: name, matched: flag, listed: flag, made: flag }), {
  selector: ({ repository }) => repository,
})
const readings = fc
  .record({ matched: fc.uniqueArray(name), others: fc.nat(20) })
  .map(({ matched, others }) => ({ matched, listed: matched.length + others }))

describe('planRead', () => {
  test('each name is in one part at most, and what has or had a mirror is never forgotten', () => {
    fc.assert(
      fc.property(entries, readings, fc.option(fc.nat(40)), fc.boolean(), (known, reading, before, acceptShrink) => {
        const plan = planRead(known as EntryFacts[], reading, { before, acceptShrink })
        const parts = [...plan.added, ...plan.relisted, ...plan.unlisted, ...plan.forgotten]
        expect(new Set(parts).size).toBe(parts.length)
        const of = new Map(known.map((entry) => [entry.repository, entry]))
        for (const one of plan.forgotten) expect(of.get(one)?.made).toBe(0)
        for (const one of plan.added) expect([of.has(one), reading.matched.includes(one)]).toEqual([false, true])
        for (const one of plan.unlisted) expect(reading.matched.includes(one)).toBe(false)
        if (acceptShrink) expect(plan.brake).toBeUndefined()
        if (!acceptShrink && (before ?? 0) > 0 && reading.listed === 0) expect(plan.brake).toBeDefined()
      }),
    )
  })

  test('after the plan was carried out, the same reading plans nothing', () => {
    fc.assert(
      fc.property(entries, readings, (known, reading) => {
        const plan = planRead(known as EntryFacts[], reading, { before: null, acceptShrink: true })
        const after: EntryFacts[] = [
          ...known
            .filter(({ repository }) => !plan.forgotten.includes(repository))
            .map((entry) => ({
              ...entry,
              listed: plan.relisted.includes(entry.repository)
                ? (1 as const)
                : plan.unlisted.includes(entry.repository)
                  ? (0 as const)
                  : entry.listed,
            })),
          ...plan.added.map((repository) => ({
            repository,
            matched: 1 as const,
            listed: 1 as const,
            made: 0 as const,
          })),
        ]
        expect(planRead(after, reading, { before: reading.listed, acceptShrink: false })).toEqual({
          brake: undefined,
          added: [],
          relisted: [],
          unlisted: [],
          forgotten: [],
        })
      }),
    )
  })

  test('half may go, more may not; a few may go all', () => {
    const known = (number: number): EntryFacts[] =>
      Array.from({ length: number }, (_, n) => ({ repository: `r${n}`, matched: 1, listed: 1, made: 1 }))
    const brake = (had: number, left: number) => {
      const matched = known(left).map(({ repository }) => repository)
      return planRead(known(had), { matched, listed: 100 }, { before: 100, acceptShrink: false }).brake
    }
    expect([brake(554, 277), brake(3, 0), brake(4, 2)]).toEqual([undefined, undefined, undefined])
    expect(brake(554, 276)).toContain('without 278 of the 554')
    expect(brake(4, 1)).toContain('without 3 of the 4')
  })
})

describe('decideEntry', () => {
  const base: EntrySituation = {
    subscriptionId: 's',
    upstreamId: 'u',
    source: 'app',
    destination: 'acme/dhi-app',
    wasMade: false,
    adopt: false,
    repository: undefined,
    mirror: undefined,
  }
  const repository = { visibility: 'private' as const, archived_at: null }
  const mirror = {
    upstream_id: 'u',
    source_repository: 'app',
    state: 'active' as const,
    subscription: null,
    upstream: 'hub',
  }
  const stopped = { ...mirror, state: 'stopped' as const }
  test.each([
    ['nothing is there', {}, 'make'],
    ['its mirror was removed', { wasMade: true }, 'leave'],
    ['it was removed, and adopt does not bring it back', { wasMade: true, adopt: true }, 'leave'],
    ['people pushed there', { repository }, 'fail'],
    ['people pushed there, and it may take it', { repository, adopt: true }, 'take'],
    ['public', { repository: { ...repository, visibility: 'public' }, adopt: true }, 'fail'],
    ['archived', { repository: { ...repository, archived_at: '-' }, adopt: true }, 'fail'],
    ['a mirror of the same', { repository, mirror }, 'join'],
    ['its own', { repository, mirror: { ...mirror, subscription: 's' }, wasMade: true }, 'join'],
    ['of another subscription', { repository, mirror: { ...mirror, subscription: 'other' } }, 'fail'],
    ['of another repository', { repository, mirror: { ...mirror, source_repository: 'other' } }, 'fail'],
    ['of another upstream', { repository, mirror: { ...mirror, upstream_id: 'v' }, adopt: true }, 'fail'],
    ['stopped', { repository, mirror: stopped }, 'join'],
    ['stopped, and it may take it', { repository, mirror: stopped, adopt: true }, 'take'],
    ['stopped by people since', { repository, mirror: stopped, adopt: true, wasMade: true }, 'join'],
  ] as const)('%s', (_what, situation, action) => {
    expect(decideEntry({ ...base, ...(situation as Partial<EntrySituation>) }).action).toBe(action)
  })
})

test('every cause has its state and the line that ends it, and stands before entries without a mirror', () => {
  const entries = { failed: 1, total: 3, first: 'app: taken' }
  const about = { id: 'i', organization: 'acme', upstream: 'hub' }
  for (const cause of Object.keys(CAUSES) as (keyof typeof CAUSES)[]) {
    const { state, reason } = standingOf({ state: 'active', cause, problem: 'said' }, entries)
    expect([state, reason]).toEqual([CAUSES[cause].state, 'said'])
    expect(remedyOf({ ...about, state, cause })).not.toMatch(/\b(ID|ORG|UPSTREAM)\b/)
  }
  expect(standingOf({ state: 'paused', cause: null, problem: null }, entries)).toEqual({
    state: 'degraded',
    reason: '1 of 3 repositories have no mirror, app: taken',
  })
  expect(standingOf({ state: 'degraded', cause: null, problem: null }, { ...entries, failed: 0 }).state).toBe('active')
  expect(standingOf({ state: 'stopped', cause: 'shrink', problem: 'x' }, entries).state).toBe('stopped')
})
