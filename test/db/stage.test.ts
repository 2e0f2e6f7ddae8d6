// A commit that is not waited for is there at once, and what comes after it is waited for again.
import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { openDatabase, type Queries, type Transaction } from '../../src/db/engine/engine.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { temporaryDirectory } from '../support/process.ts'

describeOnEachEngine('staging', (openFresh) => {
  const put = (key: string) => (tx: Transaction) =>
    tx.insertInto('instance_settings').values({ key, value: '1' }).execute()

  test('is seen at once, also after a failure of another', async () => {
    const db = await openFresh()
    await db.stage(put('first'))
    await expect(
      db.stage(async (tx) => {
        await put('lost')(tx)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await db.write(put('second'))
    const rows = await db.read.selectFrom('instance_settings').select('key').where('value', '=', '1').execute()
    expect(rows.map(({ key }) => key).sort()).toEqual(['first', 'second'])
  })
})

test('SQLite waits for the disk for each write, and each statement of its own, whatever was staged before', async () => {
  using directory = temporaryDirectory('stage')
  const db = await openDatabase(`${directory.path}/kagami.sqlite`)
  const mode = async (on: Queries) =>
    (await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(on)).rows[0]?.synchronous
  const [NORMAL, FULL] = [1, 2]
  expect(await db.stage(mode)).toBe(NORMAL)
  expect(await mode(db.accounts)).toBe(FULL)
  expect(await db.write(mode)).toBe(FULL)
  await db.stage(() => Promise.reject(new Error('no'))).catch(() => {})
  expect(await db.write(mode)).toBe(FULL)
  const both = await Promise.all([db.stage(mode), db.write(mode), db.stage(mode), db.write(mode)])
  expect(both).toEqual([NORMAL, FULL, NORMAL, FULL])
  await db.close()
})
