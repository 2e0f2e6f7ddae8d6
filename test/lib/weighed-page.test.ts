// Pages that end by weight: nothing is lost or given twice, and no page is heavier than its budget (issue 7, row 7).
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { cutPage, PAGE_BUDGET_BYTES, readPage, weigh } from '../../src/lib/weighed-page.ts'

interface Item {
  readonly id: string
  readonly text: string
}

const itemsOf = (weights: readonly number[]): Item[] =>
  weights.map((weight, i) => ({ id: String(i).padStart(4, '0'), text: 'x'.repeat(weight) }))

test('all pages together are the list, each within its budget unless it is one item, and no read holds much more', async () => {
  const weights = fc.array(fc.oneof(fc.nat(50), fc.nat(5000)), { maxLength: 120 })
  await fc.assert(
    fc.asyncProperty(weights, fc.integer({ min: 1, max: 130 }), async (list, limit) => {
      const all = itemsOf(list)
      const budgetBytes = 6000
      const seen: Item[] = []
      let after: string | undefined
      do {
        const page = await readPage({
          limit,
          after,
          budgetBytes,
          read: async (from, count) => all.filter((one) => from === undefined || one.id > from).slice(0, count),
          keyOf: (one) => one.id,
        })
        expect(page.items.length).toBeLessThanOrEqual(limit)
        const bytes = page.items.reduce((sum, one) => sum + weigh(one), 0)
        if (page.items.length > 1) expect(bytes).toBeLessThanOrEqual(budgetBytes)
        if (page.next !== null) expect(page.items.length).toBeGreaterThan(0)
        seen.push(...page.items)
        after = page.next ?? undefined
      } while (after !== undefined)
      expect(seen).toEqual(all)
    }),
  )
})

test('reads of heavy items become small: no more is held than some budgets', async () => {
  const all = itemsOf(Array.from({ length: 400 }, () => 100_000))
  const counts: number[] = []
  const page = await readPage({
    limit: 1000,
    read: async (from, count) => {
      counts.push(count)
      return all.filter((one) => from === undefined || one.id > from).slice(0, count)
    },
    keyOf: (one) => one.id,
  })
  expect(page.items).toHaveLength(10)
  expect(Math.max(...counts)).toBeLessThanOrEqual(8)
})

test('rows at hand are cut the same way', () => {
  const all = itemsOf(Array.from({ length: 30 }, () => 100_000))
  const { items, next } = cutPage(all, 1000, (one) => one.id)
  expect(items.reduce((sum, one) => sum + weigh(one), 0)).toBeLessThanOrEqual(PAGE_BUDGET_BYTES)
  expect([items.length, next]).toEqual([10, '0009'])
  expect(cutPage(all.slice(0, 3), 3, (one) => one.id).next).toBeNull()
})
