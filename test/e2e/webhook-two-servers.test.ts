// Two servers on one PostgreSQL: each event is delivered once, whichever server it came to, and one goes on where the other has died.
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { atLeast, startReceiver } from '../support/webhook-receiver.ts'
import { signIn } from './operator.ts'

setDefaultTimeout(120_000)

describe.skipIf(!havePostgres)('two servers', () => {
  const closers: (() => unknown)[] = []
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  test('deliver each event once, and go on for each other', async () => {
    const directory = temporaryDirectory('hook-servers')
    closers.push(() => directory.remove())
    const env = {
      KAGAMI_DATABASE: await (await postgres()).freshDatabase(),
      KAGAMI_TAKEOVER: '2s',
      KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8',
    }
    const start = () => startKagami({ dataDirectory: join(directory.path, 'data'), env })
    const servers: Kagami[] = [await start(), await start()]
    closers.push(() => Promise.all(servers.map((one) => one.running() && one.stop())))
    const receiver = await startReceiver()
    closers.push(() => receiver.stop())
    const [first, second] = servers as [Kagami, Kagami]
    const token = (await (await signIn(first)).createToken('admin')).password
    const cli = async (on: Kagami, ...args: string[]) => {
      const ended = await on.cli(args, { token })
      if (ended.exitCode !== 0) throw new Error(`kagami ${args.join(' ')}: ${ended.stderr}`)
    }
    await cli(first, 'repository', 'create', 'acme/twice')
    await cli(second, 'webhook', 'create', 'acme', receiver.url, '--name', 'all', '--plain-http')
    const push = (on: Kagami, from: number, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          emptyIndexPushed(on.url, 'acme/twice', `t${from + i}`, token, `${from + i}`),
        ),
      )
    await Promise.all([push(first, 0, 20), push(second, 20, 20)])
    const got = await receiver.until(atLeast(40))
    const idsOf = () => new Set(receiver.received.map(({ json }) => json.kagami.eventId))
    expect([got.length, idsOf().size]).toEqual([40, 40])

    // Of the two, each dies once: whoever delivers now, the other one goes on.
    for (const [at, dying] of servers.entries()) {
      const other = servers[1 - at] as Kagami
      const begun = push(dying, 100 + at * 100, 10).catch(() => {})
      await Promise.all([begun, push(other, 150 + at * 100, 10)])
      await dying.kill()
      await push(other, 170 + at * 100, 10)
      await receiver.until((received) => {
        const tags = new Set(received.map(({ json }) => json.kagami.tag))
        return [150, 170].every((from) =>
          Array.from({ length: 10 }, (_, i) => `t${from + at * 100 + i}`).every((tag) => tags.has(tag)),
        )
      })
      servers[at] = await start()
    }
    const byEvent = Map.groupBy(receiver.received, ({ json }) => json.kagami.eventId)
    for (const same of byEvent.values()) expect(new Set(same.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    const byMove = Map.groupBy(receiver.received, ({ json }) => `${json.kagami.tag} ${json.kagami.digest}`)
    expect(byMove.size).toBe(byEvent.size)
  })
})
