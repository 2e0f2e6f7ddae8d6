import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isAppError } from '../../src/errors.ts'
import { formatUploadRange, parseChunkRange, parseRange } from '../../src/oci/range.ts'

const codeOf = (work: () => unknown) => {
  try {
    return work()
  } catch (error) {
    return isAppError(error) ? error.code : error
  }
}

describe('parseRange (RFC 9110 section 14.2)', () => {
  const rows: [string | null, number, unknown][] = [
    [null, 10, undefined],
    ['bytes=0-4', 10, { from: 0, to: 5 }],
    ['bytes=5-', 10, { from: 5, to: 10 }],
    ['bytes=-3', 10, { from: 7, to: 10 }],
    ['bytes=-30', 10, { from: 0, to: 10 }],
    ['bytes=4-400', 10, { from: 4, to: 10 }],
    ['BYTES= 4-5 ', 10, { from: 4, to: 6 }],
    ['bytes=10-', 10, 'RANGE_INVALID'],
    ['bytes=5-4', 10, 'RANGE_INVALID'],
    ['bytes=500-0', 2048, 'RANGE_INVALID'],
    ['bytes=-0', 10, 'RANGE_INVALID'],
    ['bytes=0-0', 0, 'RANGE_INVALID'],
    ['bytes=-1', 0, 'RANGE_INVALID'],
    ['bytes=-', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['items=0-1', 10, undefined],
    [`bytes=${'9'.repeat(400)}-`, 10, 'RANGE_INVALID'],
  ]
  for (const [header, size, want] of rows) {
    test(`${header?.slice(0, 40)} of ${size} bytes`, () => {
      expect(codeOf(() => parseRange(header, size))).toEqual(want)
    })
  }

  test('whatever is asked, the range lies within the content and is not empty', () => {
    const header = fc.tuple(fc.option(fc.nat()), fc.option(fc.nat())).map(([a, b]) => `bytes=${a ?? ''}-${b ?? ''}`)
    fc.assert(
      fc.property(header, fc.nat(), (text, size) => {
        const range = codeOf(() => parseRange(text, size))
        if (range === undefined || range === 'RANGE_INVALID') return
        const { from, to } = range as { from: number; to: number }
        expect(from >= 0 && from < to && to <= size).toBe(true)
      }),
    )
  })
})

describe('parseChunkRange (distribution-spec end-5)', () => {
  test('first-last, both inclusive, without a unit; anything else is RANGE_INVALID', () => {
    expect(parseChunkRange(null)).toBeUndefined()
    expect(parseChunkRange('0-0')).toEqual({ from: 0, to: 1 })
    expect(parseChunkRange('10-19')).toEqual({ from: 10, to: 20 })
    for (const text of [
      '',
      '5',
      '5-',
      '-5',
      '9-8',
      'bytes 0-9/10',
      '0-9/10',
      '1.0-2',
      '0x1-2',
      `${'9'.repeat(16)}-1`,
    ]) {
      expect(codeOf(() => parseChunkRange(text))).toBe('RANGE_INVALID')
    }
  })

  test('an answer’s Range says 0-0 before the first byte, as Docker’s registry does', () => {
    expect([0, 1, 2, 100].map(formatUploadRange)).toEqual(['0-0', '0-0', '0-1', '0-99'])
  })
})
