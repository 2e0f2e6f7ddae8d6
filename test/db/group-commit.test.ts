// Small writes share transactions, and what one of them does wrong is its own fault alone, and costs the others little.
import { afterEach, expect, spyOn, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { createGroupCommit } from '../../src/db/engine/group-commit.ts'
import { describeOnEachEngine } from '../support/engines.ts'

let standing: { mockRestore(): void } | undefined
afterEach(() => standing?.mockRestore())

describeOnEachEngine('a group of small writes', (openFresh) => {
  test('is one transaction; where one throws it fails alone, and the rest is not committed one by one', async () => {
    const db = await openFresh()
    let transactions = 0
    const counted: Database = {
      ...db,
      stage(work) {
        transactions++
        return db.stage(work)
      },
    }
    const commit = createGroupCommit(counted)
    const add = (key: string, isWrong = false) =>
      commit(async (tx) => {
        await tx.insertInto('instance_settings').values({ key, value: 'v' }).execute()
        if (isWrong) throw new Error(`${key} is wrong`)
        return key
      })
    // The first goes at once; what comes meanwhile is the group.
    // A slow machine needs more than the milliseconds for which a transaction takes in works: here no time passes.
    standing = spyOn(performance, 'now').mockReturnValue(performance.now())
    const first = add('first')
    const good = await Promise.allSettled(Array.from({ length: 64 }, (_, n) => add(`good ${n}`)))
    await first
    expect([good.every(({ status }) => status === 'fulfilled'), transactions]).toEqual([true, 2])
    transactions = 0
    const mixed = await Promise.allSettled(Array.from({ length: 64 }, (_, n) => add(`mixed ${n}`, n === 40)))
    const wrong = mixed.flatMap((one, n) => (one.status === 'rejected' ? [n] : []))
    expect(wrong).toEqual([40])
    // Seven that hold the wrong one, and the other half of each.
    expect(transactions).toBeLessThanOrEqual(1 + 13)
    const { count } = await db.read
      .selectFrom('instance_settings')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('value', '=', 'v')
      .executeTakeFirstOrThrow()
    expect(Number(count)).toBe(1 + 64 + 63)
  })
})
