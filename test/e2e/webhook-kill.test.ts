// kill -9 at any point of publishing and delivering: every moved tag is told of, nothing else is, and what comes twice has the same id.
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { type Received, type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { signIn } from './operator.ts'

/** The issue asks for 100: `KAGAMI_TEST_HOOK_KILLS=100`. */
const KILLS = Number(process.env.KAGAMI_TEST_HOOK_KILLS ?? 2)
const REPOSITORY = 'acme/killed'
const WORKERS = 4
setDefaultTimeout(Math.max(600_000, KILLS * 30_000))

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

interface History {
  readonly history: readonly { readonly tag: string; readonly to: string | null }[]
}

async function killLoop(env: Record<string, string>): Promise<void> {
  const receiver: Receiver = await startReceiver()
  closers.push(() => receiver.stop())
  let kagami: Kagami = await startKagami({ env })
  closers.push(() => kagami.stop())
  const token = (await (await signIn(kagami)).createToken('admin')).password
  const cli = async (...args: string[]) => {
    const ended = await kagami.cli(args, { token })
    if (ended.exitCode !== 0) throw new Error(`kagami ${args.join(' ')}: ${ended.stderr}`)
    return JSON.parse(ended.stdout) as unknown
  }
  await cli('repository', 'create', REPOSITORY, '--json')
  await cli('webhook', 'create', REPOSITORY, receiver.url, '--name', 'all', '--plain-http', '--json')

  const acknowledged = new Map<string, string>()
  let number = 0
  let kill: () => void = () => {}
  for (let round = 0; round < KILLS; round++) {
    // Ended at some answer to a push, or at some delivery before or after its answer, in turn.
    const at = 3 + ((round * 7) % 23)
    let left = at
    const hit = () => {
      if (--left === 0) kill()
    }
    const kind = round % 3
    receiver.answerWith((_, response) => {
      if (kind === 1) hit()
      response.end()
      if (kind === 2) hit()
    })
    const gone = new Promise<void>((resolve) => {
      kill = () => resolve(kagami.kill().then(() => {}))
    })
    const push = async () => {
      for (;;) {
        const tag = `t${number++}`
        try {
          const digest = await emptyIndexPushed(kagami.url, REPOSITORY, tag, token, tag)
          acknowledged.set(tag, digest)
        } catch {
          // A connection that was kept to the server of before is no end of this one.
          if (!kagami.running()) return
          continue
        }
        if (kind === 0) hit()
      }
    }
    await Promise.all([gone, ...Array.from({ length: WORKERS }, push)])
    kagami = await startKagami({ env, dataDirectory: kagami.dataDirectory, port: kagami.port })
  }
  receiver.answerWith((_, response) => void response.end())

  const toldOf = (received: readonly Received[]) =>
    new Map(received.map(({ json }) => [json.kagami.tag, json.kagami.digest]))
  await receiver.until((received) => {
    const told = toldOf(received)
    return [...acknowledged].every(([tag, digest]) => told.get(tag) === digest)
  })
  for (let pending = 1; pending > 0; ) {
    const page = (await cli('webhook', 'deliveries', REPOSITORY, 'all', '--status', 'pending', '--json')) as {
      deliveries: unknown[]
    }
    pending = page.deliveries.length
  }
  // None without its tag move: what was told is in the history, pushes without an answer included.
  const { history } = (await cli('tag', 'history', REPOSITORY, '--json')) as History
  const moves = new Set(history.map(({ tag, to }) => `${tag} ${to}`))
  for (const { json } of receiver.received) {
    const move = `${json.kagami.tag} ${json.kagami.digest}`
    expect([move, moves.has(move)]).toEqual([move, true])
  }
  const told = new Set(receiver.received.map(({ json }) => `${json.kagami.tag} ${json.kagami.digest}`))
  expect([...moves].filter((move) => !told.has(move))).toEqual([])
  // Twice only under the same id, and only what was under way when the process died.
  const ids = Map.groupBy(receiver.received, ({ json }) => json.kagami.eventId)
  for (const same of ids.values()) expect(new Set(same.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect(receiver.received.length - ids.size).toBeLessThanOrEqual(KILLS * 40)
  expect(ids.size).toBe(moves.size)
}

const env = { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' }

test(`SQLite: ${KILLS} kills`, () => killLoop(env))

test.skipIf(!havePostgres)(`PostgreSQL: ${KILLS} kills`, async () => {
  await killLoop({ ...env, KAGAMI_DATABASE: await (await postgres()).freshDatabase(), KAGAMI_TAKEOVER: '2s' })
})
