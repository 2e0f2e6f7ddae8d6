import { expect, test } from 'bun:test'
import { createSlots } from '../../src/net/slots.ts'

test('of those who wait alike the first goes first, a lower rank before them, and a rank that changes is asked anew', async () => {
  const slots = createSlots({ total: 1, bulk: 1 })
  const share = [{ key: 'acme', most: 1 }]
  const order: string[] = []
  const holder = await slots.acquire('small', undefined, share)
  let urgency = 9
  const wait = async (name: string, rank: number | (() => number)) => {
    const release = await slots.acquire('small', undefined, share, { rank, name })
    order.push(name)
    // The second of equals goes before nobody, and the one that became urgent before all that are left.
    if (name === 'b') urgency = 0
    release()
  }
  const all = [wait('a', 2), wait('c', 2), wait('b', 1), wait('late', () => urgency), wait('d', 3)]
  expect(slots.ahead('c')).toBe(2)
  holder()
  await Promise.all(all)
  expect(order).toEqual(['b', 'late', 'a', 'c', 'd'])
  expect(slots.wanted).toBe(0)
})
