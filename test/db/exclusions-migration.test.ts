import { expect, test } from 'bun:test'
import { CompiledQuery } from 'kysely'
import { defaultNamePrefix } from '../../src/catalog/name-prefix.ts'
import { migrate } from '../../src/db/engine/migrate.ts'
import { describeOnEachEngine } from '../support/engines.ts'

/** Addresses as people give them, and what default names begin with. */
const ADDRESSES: readonly (readonly [url: string, prefix: string])[] = [
  ['https://dhi.io', 'dhi-'],
  ['dhi.io', 'dhi-'],
  ['DHI.io/', 'dhi-'],
  ['https://dhi.io:443/', 'dhi-'],
  ['dhi.io/team', 'dhi-'],
  ['http://127.0.0.1:5081/dhi', 'dhi-'],
  ['https://registry.example.com/dhi/', 'dhi-'],
  ['https://registry.example.com/team/dhi//', 'dhi-'],
  ['registry.example.com/dhi', 'dhi-'],
  ['https://registry.example.com', ''],
  ['https://registry.example.com/dhi/team', ''],
  ['https://registry.example.com/my-dhi', ''],
  ['https://dhi', ''],
  ['https://dhi/', ''],
  ['https://notdhi.io', ''],
  ['https://dhi.io.example.com', ''],
  ['https://mirror.dhi.io', ''],
  ['docker.io/acme', ''],
]

test.each(ADDRESSES)('the default names of %s begin with %j', (url, prefix) => {
  expect(defaultNamePrefix(url)).toBe(prefix)
})

describeOnEachEngine('data of before exclusions and prefixes', (openFresh) => {
  test('keeps what people deleted, and gets prefixes by address', async () => {
    const db = await openFresh()
    const run = (text: string) => db.accounts.executeQuery(CompiledQuery.raw(text))
    // As an older version left it.
    await run('DROP TABLE mirror_tag_exclusions')
    await run('ALTER TABLE mirror_exclusions DROP COLUMN excluded_by')
    await run('ALTER TABLE sync_runs DROP COLUMN tags')
    await run('ALTER TABLE upstreams DROP COLUMN prefix')
    await run(`DELETE FROM migrations WHERE name = '0009-exclusions'`)
    await run(`INSERT INTO organizations (id, name, created_at) VALUES ('o', 'acme', '-')`)
    await run(`INSERT INTO repositories (id, organization_id, name, visibility, description, allow_sparse, immutable_tags,
      immutable_patterns, created_at, updated_at) VALUES ('r', 'o', 'acme/app', 'private', '', 0, 'none', '[]', '-', '-')`)
    for (const [i, [url]] of ADDRESSES.entries()) {
      await run(
        `INSERT INTO upstreams (id, name, url, plain_http, created_at) VALUES ('u${i}', 'u${i}', '${url}', 0, '-')`,
      )
    }
    await run(`INSERT INTO mirrors (id, organization_id, repository_id, upstream_id, source_repository, state, since, created_at)
      VALUES ('m', 'o', 'r', 'u0', 'app', 'active', '-', '-')`)
    for (const [tag, synced, state, reason] of [
      ['deleted', `'sha256:a'`, 'excluded', 'deleted by a person'],
      ['seen-deleted', `'sha256:a'`, 'excluded', 'the tag was deleted here'],
      ['never-here', 'NULL', 'excluded', 'sha256:b was deleted here'],
      ['good', `'sha256:a'`, 'synced', ''],
    ]) {
      await run(`INSERT INTO mirror_tags (mirror_id, tag, synced_digest, state, reason, checked_at)
        VALUES ('m', '${tag}', ${synced}, '${state}', '${reason}', '2026-01-01T00:00:00.000Z')`)
    }
    await migrate(db.accounts, db.engine)
    const kept = await db.read.selectFrom('mirror_tag_exclusions').selectAll().orderBy('tag').execute()
    expect(kept).toMatchObject([
      { tag: 'deleted', reason: 'deleted by a person', excluded_by: null, excluded_at: '2026-01-01T00:00:00.000Z' },
      { tag: 'seen-deleted', reason: 'deleted by a person' },
    ])
    const upstreams = await db.read.selectFrom('upstreams').select(['url', 'prefix']).execute()
    expect(new Map(upstreams.map(({ url, prefix }) => [url, prefix]))).toEqual(new Map(ADDRESSES))
  })
})
