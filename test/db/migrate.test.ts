import { expect, test } from 'bun:test'
import { migrate } from '../../src/db/engine/migrate.ts'
import { MIGRATIONS } from '../../src/db/migrations/index.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('migrations', (openFresh) => {
  test('are applied once', async () => {
    const db = await openFresh()
    await migrate(db.accounts, db.engine)
    expect(await db.read.selectFrom('repositories').selectAll().execute()).toEqual([])
  })

  test('a failing step leaves nothing of itself or of the others', async () => {
    const db = await openFresh()
    const broken = [
      ...MIGRATIONS,
      { name: '9998-new', statements: () => ['CREATE TABLE new_table (a integer)'] },
      { name: '9999-broken', statements: () => ['CREATE TABLE broken ('] },
    ]
    await expect(migrate(db.accounts, db.engine, broken)).rejects.toThrow()
    const good = [...MIGRATIONS, { name: '9998-new', statements: () => ['CREATE TABLE new_table (a integer)'] }]
    await migrate(db.accounts, db.engine, good)
  })

  test('data of a newer version is refused by name', async () => {
    const db = await openFresh()
    const newer = [...MIGRATIONS, { name: '9999-future', statements: () => [] }]
    await migrate(db.accounts, db.engine, newer)
    await expect(migrate(db.accounts, db.engine)).rejects.toThrow('9999-future')
  })
})
