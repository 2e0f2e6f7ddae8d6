import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { SQL } from 'bun'
import { havePostgres, postgres } from './postgres.ts'

setDefaultTimeout(60_000)
if (!havePostgres) console.warn('\n*** SKIPPED, NO POSTGRESQL: run scripts/install-test-packages as root\n')

describe.skipIf(!havePostgres)('the private PostgreSQL cluster', () => {
  const open: SQL[] = []
  const connect = (url: string) => {
    const sql = new SQL(url, { max: 1 })
    open.push(sql)
    return sql
  }
  afterAll(() => Promise.all(open.map((sql) => sql.close({ timeout: 0 }))))

  test('gives new, empty databases that do not see each other', async () => {
    const cluster = await postgres()
    const [first, second] = [connect(await cluster.freshDatabase()), connect(await cluster.freshDatabase())]
    await first`create table only_here (id text primary key)`
    const tables = (sql: SQL) => sql`select tablename from pg_tables where schemaname = 'public'`
    expect((await tables(first)).map((row: { tablename: string }) => row.tablename)).toEqual(['only_here'])
    expect(await tables(second)).toHaveLength(0)
  })

  test('drops a database that is still in use', async () => {
    const cluster = await postgres()
    const url = await cluster.freshDatabase()
    await connect(url)`select 1`
    await cluster.dropDatabase(url)
    await expect(connect(url)`select 1`.execute()).rejects.toThrow('does not exist')
    await expect(cluster.dropDatabase('postgres://kagami@127.0.0.1/postgres')).rejects.toThrow(
      'want a database made by',
    )
  })
})
