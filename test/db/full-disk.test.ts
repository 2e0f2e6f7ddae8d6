import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { findInstanceSetting, setInstanceSetting } from '../../src/db/platform/instance-settings.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const disk = mountSmallDisk(32)
afterAll(() => disk?.remove())

describe.skipIf(disk === undefined)('SQLite on a full disk', () => {
  test('refuses the write as STORAGE_FULL, keeps what it had, and goes on once there is room', async () => {
    const db = await openDatabase(join(disk?.path ?? '', 'kagami.sqlite'))
    await db.write((tx) => setInstanceSetting(tx, 'before', 'kept'))
    disk?.fill(0)
    const large = 'x'.repeat(8 * 1024 * 1024)
    for (const key of ['first', 'second']) {
      const write = db.write((tx) => setInstanceSetting(tx, key, large))
      await expect(write).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    }
    expect(await findInstanceSetting(db.read, 'before')).toBe('kept')
    disk?.empty()
    await db.write((tx) => setInstanceSetting(tx, 'first', large))
    expect(await findInstanceSetting(db.read, 'first')).toBe(large)
    expect(await findInstanceSetting(db.read, 'second')).toBeUndefined()
    await db.close()
  })
})
