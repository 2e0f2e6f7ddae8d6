// Links of an older version get the sizes of what they link.
import { expect, test } from 'bun:test'
import { CompiledQuery } from 'kysely'
import { summarizeRepositories } from '../../src/db/content/repository-summaries.ts'
import { migrate } from '../../src/db/engine/migrate.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('links of before sizes', (openFresh) => {
  test('sum up to what each repository holds', async () => {
    const db = await openFresh()
    const run = (text: string) => db.accounts.executeQuery(CompiledQuery.raw(text))
    // As an older version left it.
    for (const links of ['repository_blobs', 'repository_manifests']) {
      await run(`DROP INDEX ${links}_size`)
      await run(`ALTER TABLE ${links} DROP COLUMN size_bytes`)
    }
    await run(`DELETE FROM migrations WHERE name = '0022-link-sizes'`)
    for (const id of ['r', 's', 'empty']) {
      await run(`INSERT INTO repositories (id, organization_id, name, visibility, description, allow_sparse, immutable_tags,
        immutable_patterns, created_at, updated_at) VALUES ('${id}', 'o', 'acme/${id}', 'private', '', 0, 'none', '[]', '-', '-')`)
    }
    for (const [digest, size] of [
      ['a', 1],
      ['b', 20],
    ]) {
      await run(
        `INSERT INTO blobs (digest, size_bytes, storage_key, touched_at) VALUES ('${digest}', ${size}, '${digest}', '-')`,
      )
    }
    await run(`INSERT INTO manifests (digest, size_bytes, bytes, created_at) VALUES ('m', 300, '', '-')`)
    await run(
      `INSERT INTO repository_blobs (repository_id, digest, linked_at) VALUES ('r', 'a', '-'), ('r', 'b', '-'), ('s', 'b', '-')`,
    )
    await run(`INSERT INTO repository_manifests (repository_id, digest, media_type) VALUES ('r', 'm', '-')`)
    await migrate(db.accounts, db.engine)
    const rows = await db.read.selectFrom('repositories').selectAll().orderBy('id').execute()
    const sizes = (await summarizeRepositories(db.read, rows)).map(({ row, sizeBytes }) => [row.id, sizeBytes])
    expect(sizes).toEqual([
      ['empty', 0],
      ['r', 321],
      ['s', 20],
    ])
  })
})
