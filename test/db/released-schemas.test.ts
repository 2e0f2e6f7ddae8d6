// Data that a server of a released schema left is brought up to date by today's, kept, and served; on both engines.
import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SQL } from 'bun'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { MIGRATIONS } from '../../src/db/migrations/index.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { startWholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

const TAGS = 21
/** Of the server that made each; `test/fixtures/schema-0049/README.md`. */
const MADE = {
  sqlite: {
    key: 'vi5yiBwFZy63fPnZal6BjwKXZJRnzL-n_Rw-GkGQX6I',
    token: 'kgm_pat_MA8Sj0oN0QEamWkgBGcH9cKAkAhDC4rC0Wwd41mrUa',
  },
  postgres: {
    key: 'ffQXYZBWXtgFAd0Kv4UBTH9yH3smcWz6ZnpedjUlLuE',
    token: 'kgm_pat_MKJYV7msoLmU9u76uUSg4tUWEI8udURDVs511HvusP',
  },
} as const

const dumpOf = (engine: keyof typeof MADE) =>
  Buffer.from(
    Bun.gunzipSync(readFileSync(join(import.meta.dir, `../fixtures/schema-0049/${engine}.sql.gz`))),
  ).toString()

describe('data of schema 0049', () => {
  const directory = temporaryDirectory('released')
  afterAll(() => directory.remove())
  const dataOf = (engine: keyof typeof MADE) => {
    const path = join(directory.path, engine)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }

  async function loaded(engine: keyof typeof MADE): Promise<string> {
    if (engine === 'sqlite') {
      const path = join(dataOf(engine), 'kagami.sqlite')
      const db = new Sqlite(path, { create: true })
      db.exec(dumpOf(engine))
      db.close()
      return path
    }
    const url = await (await postgres()).freshDatabase()
    const sql = new SQL(url, { max: 1 })
    // What psql alone understands.
    await sql.unsafe(dumpOf(engine).replace(/^\\.*$/gm, '')).simple()
    await sql.close()
    return url
  }

  test.each(['sqlite', 'postgres'] as const)('is kept and served: %s', async (engine) => {
    if (engine === 'postgres' && !havePostgres) return console.warn('\n*** SKIPPED, NO POSTGRESQL: released schemas\n')
    const location = await loaded(engine)
    writeFileSync(join(dataOf(engine), 'seal.key'), `${MADE[engine].key}\n`, { mode: 0o600 })
    const env = engine === 'postgres' ? { KAGAMI_DATABASE: location } : {}
    const server = await startWholeServer({ directory: dataOf(engine), env })
    try {
      const login = { username: 'owner', password: MADE[engine].token }
      const ada = { username: 'ada', password: 'password of ada' }
      const list = async (path: string, name: string) =>
        JSON.parse((await server.call('GET', path, { login: ada })).text)[name]
      expect(await list('/repositories/acme/dhi-python/tags', 'tags')).toHaveLength(TAGS)
      expect((await list('/repositories/acme/dhi-python/history', 'history')).length).toBeGreaterThanOrEqual(TAGS)
      const [mirror] = await list('/mirrors?organization=acme', 'mirrors')
      expect(mirror).toMatchObject({ repository: 'acme/dhi-python', tags: { total: TAGS, published: TAGS } })
      expect(
        (await list('/upstreams?organization=acme', 'upstreams')).map((one: { name: string }) => one.name),
      ).toContain('there')
      expect((await list('/targets?organization=acme', 'targets')).map((one: { name: string }) => one.name)).toContain(
        'out',
      )
      const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
      const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
      const pulled = await fetch(`${server.url}/v2/acme/dhi-python/manifests/3.13`, {
        headers: { authorization, accept },
      })
      const bytes = await pulled.bytes()
      const digest = `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`
      expect([pulled.status, pulled.headers.get('docker-content-digest')]).toEqual([200, digest])
    } finally {
      await server.stop()
    }
    const db = await openDatabase(location, { isMigrated: true })
    const applied = await db.read
      .selectFrom('migrations' as 'tags')
      .select('name')
      .execute()
    expect(applied.map(({ name }) => name).sort()).toEqual(MIGRATIONS.map(({ name }) => name).sort())
    await db.close()
  })

  test('brought further by a newer server is refused by today’s in plain words', async () => {
    const path = join(directory.path, 'newer.sqlite')
    const db = new Sqlite(path, { create: true })
    db.exec(dumpOf('sqlite'))
    db.exec(`INSERT INTO migrations VALUES ('9999-future', '2027-01-01T00:00:00.000Z')`)
    db.close()
    const starting = startWholeServer({ directory: join(directory.path, 'newer'), env: { KAGAMI_DATABASE: path } })
    await expect(starting).rejects.toThrow(
      /KAGAMI_DATABASE: .* holds migration 9999-future, which this version does not know: start the newer version again/,
    )
  })
})
