// What several processes were told of one account becomes one, in whatever order it comes.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Learned, type LearnedPause, mergeLearned } from '../../src/net/learned-budget.ts'
import { learnedBudgets } from '../../src/server/learned-budgets.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const NOW = Date.parse('2026-11-01T12:00:00Z')
const pause = (kind: string, atMs: number, forMs: number): LearnedPause => ({
  kind,
  atMs: NOW + atMs,
  untilMs: forMs === 0 ? 0 : NOW + atMs + forMs,
  reason: 'it answered 429',
})
const of = (...pauses: LearnedPause[]): Learned => ({ pauses, allowances: [] })
const merge = (one: Learned, other: Learned) => mergeLearned(one, other, NOW)

describe('pauses', () => {
  test('the longest counts; one that was ended since it was said does not, one that was said since the end does', () => {
    expect(merge(of(pause('a', 0, 60)), of(pause('a', 1, 10))).pauses[0]?.untilMs).toBe(NOW + 60)
    expect(merge(of(pause('a', 0, 60)), of(pause('a', 1, 0))).pauses[0]?.untilMs).toBe(0)
    expect(merge(of(pause('a', 2, 60)), of(pause('a', 1, 0))).pauses[0]?.untilMs).toBe(NOW + 62)
  })

  test('whose comes first makes no difference, and of another kind nothing is lost', () => {
    const any = fc.record({
      kind: fc.constantFrom('a', 'b', 'c'),
      atMs: fc.nat(100),
      forMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 })),
    })
    const learned = fc
      .uniqueArray(any, { selector: ({ kind }) => kind })
      .map((all) => of(...all.map(({ kind, atMs, forMs }) => pause(kind, atMs, forMs))))
    const sorted = ({ pauses }: Learned) => pauses.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
    fc.assert(
      fc.property(learned, learned, (one, other) => {
        expect(sorted(merge(one, other))).toEqual(sorted(merge(other, one)))
        const kinds = new Set([...one.pauses, ...other.pauses].map(({ kind }) => kind))
        expect(new Set(merge(one, other).pauses.map(({ kind }) => kind))).toEqual(kinds)
      }),
    )
  })

  test('what is over is forgotten, and so is an end that ends nothing any more', () => {
    const day = 24 * 60 * 60 * 1000
    expect(merge(of(pause('a', -100, 50)), of(pause('b', -day, 0))).pauses).toEqual([])
  })
})

describeOnEachEngine('two servers', (openFresh) => {
  test('that keep what they were told do not take away what the other was', async () => {
    const db = await openFresh()
    const [one, other] = [0, 1].map(() => learnedBudgets(db, (account) => account))
    const soon = { atMs: Date.now(), untilMs: Date.now() + 60_000, reason: 'it answered 429' }
    one?.save('x', of({ kind: 'a', ...soon }))
    await db.later.settled()
    other?.save('x', of({ kind: 'b', ...soon }))
    await db.later.settled()
    const kept = await one?.load('x')
    expect(kept?.pauses.map(({ kind }) => kind).toSorted()).toEqual(['a', 'b'])
  })
})
