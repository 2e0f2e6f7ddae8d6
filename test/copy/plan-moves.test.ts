import { describe, expect, test } from 'bun:test'
import { planMoves } from '../../src/copy/bundle/plan-moves.ts'
import type { Digest } from '../../src/oci/digest.ts'

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest
const place = (letter: string) => (letter === '-' ? null : digest(letter))

/** One letter a place, `-` for none: the first is where the history begins. */
function historyOf(way: string, tag = 'latest') {
  return [...way].slice(1).map((to, i) => ({ tag, from: place(way[i] ?? '-'), to: place(to) }))
}

function plan(bundle: string, there: string, o: { gone?: string; isForced?: boolean; isImmutable?: boolean } = {}) {
  const end = place(there.at(-1) ?? '-')
  const last = place(bundle.at(-1) ?? '-')
  const said = { at: '2026-01-01T00:00:00.000Z', by: 'user:a', cause: 'pushed' as const, reason: 'pushed' }
  const planned = planMoves(
    {
      tags: last === null ? [] : [{ tag: 'latest', digest: last }],
      history: historyOf(bundle).map((move) => ({ ...move, ...said })),
    },
    {
      tags: new Map(end === null ? [] : [['latest', end]]),
      history: historyOf(there),
      isImmutable: () => o.isImmutable === true,
    },
    { has: (one) => !(o.gone ?? '').includes(one.at(-1) ?? ''), isForced: o.isForced === true },
  )
  const way = planned.moves.map(({ to }) => to?.at(-1) ?? '-').join('')
  return planned.conflicts.length > 0 ? 'conflict' : way
}

describe('moves of a bundle', () => {
  test.each([
    ['a new tag takes the whole way', '-abc', '-', 'abc'],
    ['what was deleted in the end is deleted again', '-ab-', '-', 'ab-'],
    ['the way goes on from where it was', '-abc', '-ab', 'c'],
    ['nothing is left', '-abc', '-abc', ''],
    ['back and forth is followed', '-aba', '-a', 'ba'],
    ['back and forth has been', '-aba', '-aba', ''],
    ['a history that was cut off here', 'cde', '-abc', 'de'],
    ['a history that was cut off there', '-abcd', 'bc', 'd'],
    ['somebody moved it', '-abc', '-abx', 'conflict'],
    ['somebody moved it back', '-abc', '-abcb', 'conflict'],
    ['somebody deleted it', '-abc', '-ab-', 'conflict'],
    ['somebody else had it before', '-ab', '-x', 'conflict'],
    ['somebody moved it, and back again', '-abcd', '-abxb', 'cd'],
    ['somebody moved it to where it is now', '-abc', '-axc', ''],
    ['a newer bundle was here', '-ab', '-abc', 'conflict'],
  ])('%s', (_, bundle, there, way) => expect(plan(bundle, there)).toBe(way))

  test('force moves to the end alone, and the next bundle goes on from there', () => {
    expect(plan('-abcd', '-abcb', { isForced: true })).toBe('d')
    expect(plan('-abcde', '-abcbd')).toBe('e')
    expect(plan('-ab', '-x', { isForced: true })).toBe('b')
    expect(plan('-abc', '-xb')).toBe('c')
  })

  test('places whose content is gone are passed over, and stay so', () => {
    expect(plan('-aba', '-', { gone: 'b' })).toBe('a')
    expect(plan('-abac', '-a', { gone: 'b' })).toBe('c')
    expect(plan('-abac', '-ac', { gone: 'b' })).toBe('')
  })

  test('an immutable tag goes to its end at once', () => {
    expect(plan('-abc', '-', { isImmutable: true })).toBe('c')
  })

  test('moves of several tags keep their order', () => {
    const said = { at: '2026-01-01T00:00:00.000Z', by: 'user:a', cause: 'pushed' as const, reason: 'pushed' }
    const history = [
      { ...said, tag: 'one', from: null, to: digest('a') },
      { ...said, tag: 'two', from: null, to: digest('b') },
      { ...said, tag: 'one', from: digest('a'), to: digest('c') },
    ]
    const { moves } = planMoves(
      {
        history,
        tags: [
          { tag: 'one', digest: digest('c') },
          { tag: 'two', digest: digest('b') },
        ],
      },
      { tags: new Map(), history: [], isImmutable: () => false },
      { has: () => true, isForced: false },
    )
    expect(moves.map(({ tag, isLast }) => [tag as string, isLast])).toEqual([
      ['one', false],
      ['two', true],
      ['one', true],
    ])
  })
})
