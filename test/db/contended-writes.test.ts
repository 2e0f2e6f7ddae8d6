// Writes of two servers to the same row at once: PostgreSQL undoes most of them, and each is done in the end.
import { expect, setDefaultTimeout, test } from 'bun:test'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { havePostgres, postgres } from '../support/postgres.ts'

setDefaultTimeout(60_000)

const EACH = 60

test.skipIf(!havePostgres)('hundreds at once, at two servers, are all done', async () => {
  const url = await (await postgres()).migratedDatabase()
  const servers = [await openDatabase(url), await openDatabase(url)]
  const [first] = servers as [Database]
  await first.write((tx) => tx.insertInto('instance_settings').values({ key: 'count', value: '0' }).execute())
  const addOne = (db: Database) =>
    db.write(async (tx) => {
      const { value } = await tx
        .selectFrom('instance_settings')
        .select('value')
        .where('key', '=', 'count')
        .executeTakeFirstOrThrow()
      const changed = { value: `${Number(value) + 1}` }
      await tx.updateTable('instance_settings').set(changed).where('key', '=', 'count').execute()
    })
  const ended = await Promise.allSettled(servers.flatMap((db) => Array.from({ length: EACH }, () => addOne(db))))
  expect(ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([])
  const rows = await first.read.selectFrom('instance_settings').select('value').where('key', '=', 'count').execute()
  expect(rows).toEqual([{ value: `${2 * EACH}` }])
  for (const db of servers) await db.close()
})
