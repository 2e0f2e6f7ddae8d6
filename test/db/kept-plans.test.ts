// PostgreSQL keeps plans of a connection; what a newer server's migration makes of them must not reach whoever asks an older one.
import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { prepareQuery, type Value } from '../../src/db/engine/prepared.ts'
import { havePostgres, postgres } from '../support/postgres.ts'

const readBlob = prepareQuery((db, value: Value<{ readonly digest: string }>) =>
  db.selectFrom('blobs').selectAll().where('digest', '=', value('digest')),
)

describe.skipIf(!havePostgres)('kept plans', () => {
  test('a statement is planned once, and anew after a migration, for reads and in transactions', async () => {
    const db = await openDatabase(await (await postgres()).freshDatabase(), { connections: 1 })
    try {
      const digest = 'sha256:1'
      await sql`insert into blobs (digest, size_bytes, storage_key, touched_at) values (${digest}, 1, 'k', 't')`.execute(
        db.accounts,
      )
      const kept = async () =>
        (await sql<{ name: string }>`select name from pg_prepared_statements`.execute(db.read)).rows
      for (let i = 0; i < 3; i++) expect(await readBlob(db.read, { digest })).toMatchObject([{ digest }])
      expect(await kept()).toHaveLength(1)
      await sql`alter table blobs add column later text default 'new'`.execute(db.accounts)
      expect(await readBlob(db.read, { digest })).toMatchObject([{ digest, later: 'new' }])
      await sql`alter table blobs add column last text default 'newest'`.execute(db.accounts)
      expect(await db.write((tx) => readBlob(tx, { digest }))).toMatchObject([{ digest, last: 'newest' }])
    } finally {
      await db.close()
    }
  })
})
