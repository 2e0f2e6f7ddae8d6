// The history of an older version gets its reasons.
import { expect, test } from 'bun:test'
import { CompiledQuery } from 'kysely'
import { migrate } from '../../src/db/engine/migrate.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('the history of before reasons', (openFresh) => {
  test('says why each tag moved, as far as its row tells', async () => {
    const db = await openFresh()
    const run = (text: string) => db.accounts.executeQuery(CompiledQuery.raw(text))
    // As an older version left it.
    await run('DROP TABLE tag_pins')
    await run('DROP INDEX tag_history_repository')
    await run('DROP INDEX tag_history_at')
    await run('DROP INDEX mirror_tags_odd')
    await run('ALTER TABLE tag_history DROP COLUMN reason')
    await run(`DELETE FROM migrations WHERE name = '0018-history'`)
    await run(`INSERT INTO repositories (id, organization_id, name, visibility, description, allow_sparse, immutable_tags,
      immutable_patterns, created_at, updated_at) VALUES ('r', 'o', 'acme/app', 'private', '', 0, 'none', '[]', '-', '-')`)
    const rows = [
      ['NULL', `'x'`, 'mirror:m', `'run'`, 'new at upstream'],
      [`'x'`, `'y'`, 'mirror:m', `'run'`, 'moved at upstream'],
      [`'y'`, 'NULL', 'user:ada', 'NULL', 'deleted by ada'],
      ['NULL', `'z'`, 'user:ada', 'NULL', 'pushed'],
    ]
    for (const [i, [from, to, actor, runId]] of rows.entries()) {
      await run(`INSERT INTO tag_history (id, repository_id, tag, from_digest, to_digest, at, actor, run_id)
        VALUES ('h${i}', 'r', 't', ${from}, ${to}, '2026-01-0${i + 1}T00:00:00.000Z', '${actor}', ${runId})`)
    }
    await migrate(db.accounts, db.engine)
    const found = await db.read.selectFrom('tag_history').select('reason').orderBy('at').execute()
    expect(found.map(({ reason }) => reason)).toEqual(rows.map(([, , , , reason]) => String(reason)))
  })
})
