import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { createLeaseLock } from '../../src/jobs/lease-lock.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { havePostgres, postgres } from '../support/postgres.ts'

let databases: Database[] = []
beforeAll(async () => {
  if (!havePostgres) return
  const url = await (await postgres()).freshDatabase()
  databases = [await openDatabase(url), await openDatabase(url)]
})
afterAll(async () => {
  for (const db of databases) await db.close()
})

test.skipIf(!havePostgres)(
  'of two servers one is at work under a key at a time, and a failure gives it up',
  async () => {
    const locks = databases.map((db, i) => {
      const sleep = () => new Promise<void>((resolve) => setImmediate(resolve))
      return createLeaseLock({ db, clock: systemClock, holder: `server ${i}`, ttlMs: 60_000, name: 'test', sleep })
    })
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await databases[0]?.read.selectFrom('leases').select('key').execute()
      inside--
      return inside
    }
    const all = Array.from({ length: 12 }, (_, i) => locks[i % 2]?.('one key', work))
    await Promise.all(all)
    expect(most).toBe(1)
    const fail = async () => {
      throw new Error('on purpose')
    }
    expect(locks[0]?.('one key', fail)).rejects.toThrow('on purpose')
    expect(await locks[1]?.('one key', async () => 'after it')).toBe('after it')
  },
)
