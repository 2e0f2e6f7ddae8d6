// Work that is shared: done once, kept within bounds, and not for longer than it serves anybody.
import { expect, test } from 'bun:test'
import { createSharing } from '../../src/lib/sharing.ts'

const HOUR_MS = 3_600_000
const sharing = (o: { ttlMs?: number; maxBytes?: number; isKept?(found: string): boolean } = {}) =>
  createSharing<string>({ ttlMs: HOUR_MS, maxBytes: 1000, sizeOf: ({ length }) => length, ...o })

test('who asks meanwhile or later has what was found; a failure and what is not kept serve only who waits', async () => {
  const one = sharing({ isKept: (found) => found !== 'half' })
  let done = 0
  const work = (found: string) => async () => {
    done++
    if (found === 'fails') throw new Error('no')
    return found
  }
  expect(await Promise.all([one.ask('a', work('x')), one.ask('a', work('y'))])).toEqual(['x', 'x'])
  expect([await one.ask('a', work('z')), done]).toEqual(['x', 1])
  expect(
    (await Promise.allSettled([one.ask('b', work('fails')), one.ask('b', work('y'))])).map((one) => one.status),
  ).toEqual(['rejected', 'rejected'])
  expect([await one.ask('b', work('now')), done]).toEqual(['now', 3])
  expect([await one.ask('c', work('half')), await one.ask('c', work('whole'))]).toEqual(['half', 'whole'])
})

test('takes no more than it may, whatever is asked for, and keeps what was asked for last', async () => {
  const one = sharing()
  const ask = (key: number, length: number) => one.ask(String(key), async () => String(key % 10).repeat(length))
  for (let key = 0; key < 1000; key++) {
    await ask(key, (key * 37) % 400)
    expect(one.bytes).toBeLessThanOrEqual(1000)
  }
  expect(one.bytes).toBeGreaterThan(600)
  expect(await ask(999, 1)).toHaveLength((999 * 37) % 400)
  // What alone is too large is handed on, not kept.
  const before = await ask(5000, 5000)
  expect([before.length, (await ask(5000, 3)).length]).toEqual([5000, 3])
})

test('forgets by itself what serves nobody any more', async () => {
  const one = sharing({ ttlMs: 1 })
  await one.ask('a', async () => 'x'.repeat(500))
  while (one.bytes > 0) await new Promise(setImmediate)
  expect(one.bytes).toBe(0)
})
