// Small writes of SQLite that share a transaction: each is kept or taken back by itself, and belongs to its own request.
import { expect, spyOn, test } from 'bun:test'
import { join } from 'node:path'
import { openDatabase, type Transaction } from '../../src/db/engine/engine.ts'
import { watchWrites } from '../../src/db/engine/watch.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { temporaryDirectory } from '../support/process.ts'

const put = (key: string) => async (tx: Transaction) => {
  await tx.insertInto('instance_settings').values({ key, value: 'v' }).execute()
  return key
}

describeOnEachEngine('db.writeSmall', (openFresh) => {
  test('keeps what does not throw of many at once, and nothing of what does', async () => {
    const db = await openFresh()
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) =>
        db.writeSmall(async (tx) => {
          await put(`key ${n}`)(tx)
          if (n % 10 === 3) throw new Error(`${n} is wrong`)
          return n
        }),
      ),
    )
    const wrong = results.flatMap((one, n) => (one.status === 'rejected' ? [n] : []))
    expect(wrong).toEqual([3, 13, 23, 33, 43, 53, 63, 73, 83, 93])
    const rows = await db.read.selectFrom('instance_settings').select('key').where('value', '=', 'v').execute()
    expect(rows).toHaveLength(90)
    expect(rows.filter(({ key }) => / \d*3$/.test(key))).toEqual([])
  })

  test('takes back one that the database refuses, and goes on', async () => {
    const db = await openFresh()
    const twice = await Promise.allSettled([db.writeSmall(put('a')), db.writeSmall(put('a')), db.writeSmall(put('b'))])
    expect(twice.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await db.writeSmall(put('c'))).toBe('c')
  })

  test('is watched as its own request wants, and refuses another inside', async () => {
    const db = await openFresh()
    const seen: string[] = []
    const watched = (name: string) =>
      watchWrites({ around: (_tx, work) => work().finally(() => seen.push(name)) }, () => db.writeSmall(put(name)))
    await Promise.all([watched('first'), db.writeSmall(put('unwatched')), watched('second')])
    expect(seen.sort()).toEqual(['first', 'second'])
    const nested = db.writeSmall(() => db.writeSmall(put('nested')))
    await expect(nested).rejects.toThrow('inside db.write')
    expect(await db.writeSmall(put('after'))).toBe('after')
  })
})

test('SQLite commits those that come together at once, and all of them before one that comes later', async () => {
  using directory = temporaryDirectory('write-small')
  let turns = 0
  const db = await openDatabase(join(directory.path, 'kagami.sqlite'), {
    takeTurn: async () => {
      turns++
      return () => {}
    },
  })
  // A transaction takes in what it can within ten milliseconds, for which a busy machine may be away: here no time passes.
  const standing = spyOn(performance, 'now').mockReturnValue(performance.now())
  turns = 0
  try {
    await Promise.all(Array.from({ length: 64 }, (_, n) => db.writeSmall(put(`${n}`))))
    expect(turns).toBe(1)
    await db.writeSmall(put('later'))
    expect(turns).toBe(2)
  } finally {
    standing.mockRestore()
  }
  await db.close()
})

test('a turn that could not be had fails one write, and holds up no other', async () => {
  using directory = temporaryDirectory('write-small')
  let failures = 0
  const db = await openDatabase(join(directory.path, 'kagami.sqlite'), {
    takeTurn: async () => {
      if (failures-- > 0) throw new Error('no turn')
      return () => {}
    },
  })
  failures = 1
  const [first, second] = await Promise.allSettled([db.write(put('a')), db.write(put('b'))])
  expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
  expect(await db.write(put('a'))).toBe('a')
  await db.close()
})
