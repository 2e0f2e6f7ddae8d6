// Two servers that start at the same moment on an empty PostgreSQL and an empty data directory: both come up, as one instance.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, type PostgresCluster, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: two servers at once (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('two servers that start at once on nothing', () => {
  const directory = temporaryDirectory('two-at-once')
  let cluster: PostgresCluster
  beforeAll(async () => {
    cluster = await postgres()
  })
  afterAll(directory.remove)

  test.each([1, 2])('both serve, with one owner and one key (%i)', async (round) => {
    const env = { KAGAMI_DATABASE: await cluster.freshDatabase() }
    const dataDirectory = join(directory.path, `data-${round}`)
    const begun = await Promise.allSettled(Array.from({ length: 3 }, () => startKagami({ dataDirectory, env })))
    const servers = begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    try {
      expect(begun.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([])
      // What is signed by one is good at the others: tokens, and what is sealed.
      const [first] = servers as [Kagami, Kagami, Kagami]
      const { password } = await (await signIn(first)).createToken('admin')
      await operatorOf(first, password).run(['upstream', 'add', 'hub', 'http://127.0.0.1:9/dhi', '--no-check'])
      await signIn(servers.at(-1) ?? first)
      for (const server of servers) {
        const operator = operatorOf(server, password)
        const { members } = await operator.json<{ members: { username: string; role: string }[] }>([
          'member',
          'list',
          'acme',
        ])
        expect(members).toMatchObject([{ username: 'owner', role: 'owner' }])
        const { upstreams } = await operator.json<{ upstreams: { name: string }[] }>(['upstream', 'list'])
        expect(upstreams.map(({ name }) => name)).toEqual(['hub'])
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
    }
  })
})
