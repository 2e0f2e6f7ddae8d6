// When a pass goes by what upstream lists: for any numbers.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { whyShrunk, whyTooMany } from '../../../src/mirror/pass/brake.ts'

const count = fc.nat(2000)

describe('a list that shrank', () => {
  test('is believed when nothing was listed before, when it grew, and when it lost less than ten or less than half', () => {
    fc.assert(
      fc.property(count, count, (before, listed) => {
        const why = whyShrunk({ before, listed })
        if (listed >= before) expect(why).toBeUndefined()
        if (listed > 0 && (before - listed < 10 || listed * 2 >= before)) expect(why).toBeUndefined()
        if (listed === 0 && before > 0) expect(why).toContain(`${before}`)
        if (listed * 2 < before && before - listed >= 10) expect(why).toContain(`${before}`)
      }),
    )
    expect(whyShrunk({ before: undefined, listed: 0 })).toBeUndefined()
  })

  test('the less is listed, the less it is believed', () => {
    fc.assert(
      fc.property(count, count, count, (before, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        if (whyShrunk({ before, listed: more }) !== undefined) {
          expect(whyShrunk({ before, listed: less })).toBeDefined()
        }
      }),
    )
  })
})

describe('tags that would be untagged', () => {
  test('are too many when they are more than five and more than the share, and the numbers are told', () => {
    fc.assert(
      fc.property(count, count, fc.integer({ min: 1, max: 100 }), (untagged, others, percent) => {
        const owned = untagged + others
        const why = whyTooMany({ untagged, owned, percent })
        const isTooMany = untagged > 5 && (untagged / owned) * 100 > percent + 1e-9
        expect(why !== undefined).toBe(isTooMany)
        if (why !== undefined) for (const number of [untagged, owned, percent]) expect(why).toContain(`${number}`)
      }),
    )
  })
})
