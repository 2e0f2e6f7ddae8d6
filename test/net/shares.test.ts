// Nobody holds all outgoing requests: shares of the places, by organization and by registry.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Payer, sharesOf } from '../../src/net/payer.ts'
import { bulkOf, createSlots, type Lane } from '../../src/net/slots.ts'

const payer = (organization: string, registry: string): Payer => ({ organization, registry })
const settled = async () => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

describe('shares of 200 requests', () => {
  async function grab(requests: readonly (readonly [Lane, Payer])[]) {
    const slots = createSlots({ total: 200, bulk: 150 })
    const held: Payer[] = []
    for (const [lane, who] of requests) {
      void slots.acquire(lane, undefined, sharesOf(who, 200)).then(() => held.push(who))
    }
    await settled()
    return held
  }

  test('one organization gets 50 of them, 40 at one registry', async () => {
    const many = (count: number, registry: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => ['small', payer('evil', registry(i))] as const)
    expect(await grab(many(300, (i) => `r${i}`))).toHaveLength(50)
    expect(await grab(many(300, () => 'r'))).toHaveLength(40)
  })

  test('one registry gets 100 of them, whoever asks', async () => {
    const requests = Array.from({ length: 300 }, (_, i) => ['small', payer(`o${i % 30}`, 'slow')] as const)
    expect(await grab(requests)).toHaveLength(100)
  })

  test('any crowd: no share is passed, and another organization at another registry always finds a place', async () => {
    const lane = fc.constantFrom<Lane>('small', 'bulk')
    const who = fc.record({ organization: fc.constantFrom('a', 'b', 'c'), registry: fc.constantFrom('x', 'y', 'z') })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(lane, who), { maxLength: 600 }), async (requests) => {
        const held = await grab([...requests, ['small', payer('honest', 'healthy')]])
        const most = (key: (one: Payer) => string) =>
          Math.max(0, ...Object.values(Object.groupBy(held, key)).map((group) => group?.length ?? 0))
        expect(most((one) => one.organization)).toBeLessThanOrEqual(50)
        expect(most((one) => `${one.organization} ${one.registry}`)).toBeLessThanOrEqual(40)
        expect(most((one) => one.registry)).toBeLessThanOrEqual(100)
        expect(held).toContainEqual(payer('honest', 'healthy'))
      }),
      { numRuns: 30 },
    )
  })

  test('a share keeps room for small work too', async () => {
    const requests = Array.from({ length: 100 }, (_, i) => ['bulk', payer('one', `r${i}`)] as const)
    const held = await grab([...requests, ['small', payer('one', 'last')]])
    expect(held).toHaveLength(bulkOf(50) + 1)
    expect(held).toContainEqual(payer('one', 'last'))
  })
})

test('a free place goes to the organization that holds fewest, then in order of asking', async () => {
  const slots = createSlots({ total: 2, bulk: 2 })
  const share = (key: string) => [{ key, most: 2 }]
  const first = await slots.acquire('small', undefined, share('a'))
  const second = await slots.acquire('small', undefined, share('a'))
  const order: string[] = []
  const waits = ['a1', 'a2', 'b1', 'b2'].map(async (name) => {
    const release = await slots.acquire('small', undefined, share(name.slice(0, 1)))
    order.push(name)
    return release
  })
  first()
  await settled()
  second()
  await settled()
  expect(order).toEqual(['b1', 'a1'])
  ;(await waits[2])?.()
  await settled()
  expect(order).toEqual(['b1', 'a1', 'b2'])
})
