// Several processes serve one port over one data directory, as `kagami serve` does by default: real processes, told apart by connection.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Kagami, startKagami } from '../support/kagami.ts'
import {
  childrenOf,
  connectToBoth,
  isAlive,
  type PinnedAnswer,
  type PinnedConnection,
  type PinnedRequest,
} from '../support/pinned-connection.ts'
import { type Operator, signIn } from './operator.ts'

setDefaultTimeout(30_000)

const env = { KAGAMI_WORKERS: '2' }
let kagami: Kagami
let operator: Operator
let token: string

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const bearer = (text = token) => ({ authorization: `Bearer ${text}` })
const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
})

const both = (server = kagami, except?: number) => connectToBoth(server, except)

const location = (answer: PinnedAnswer) => {
  const url = new URL(answer.headers.get('location') ?? '', 'http://localhost')
  return `${url.pathname}${url.search}`
}

async function begin(at: PinnedConnection, repository: string): Promise<string> {
  const begun = await at.send('POST', `/v2/${repository}/blobs/uploads/`, { headers: bearer() })
  expect(begun.status).toBe(202)
  return location(begun)
}

const finish = (at: PinnedConnection, session: string, digest: string, o: PinnedRequest = {}) =>
  at.send('PUT', `${session}${session.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`, {
    ...o,
    headers: bearer(),
  })

beforeAll(async () => {
  kagami = await startKagami({ env })
  operator = await signIn(kagami)
  token = (await operator.createToken('admin')).password
})
afterAll(async () => {
  await kagami?.stop()
})

test('an upload whose requests reach different processes is one upload, and one request has it at a time', async () => {
  const [main, worker] = await both()
  const [other] = await both()
  const chunks = [randomBytes(300_000), randomBytes(70_000), randomBytes(5)] as const
  const whole = Buffer.concat(chunks)
  const session = await begin(main, 'acme/app')
  const { promise: cut, resolve: send } = Promise.withResolvers<void>()
  const slow = worker.send('PATCH', session, { headers: bearer(), body: chunks[0], until: cut })
  // The worker has it once bytes of it are there.
  const stages = join(kagami.dataDirectory, 'blobs/stages')
  while (
    !readdirSync(stages).some(
      (name) => session.includes(name.replace('upload-', '')) && statSync(join(stages, name)).size > 0,
    )
  )
    await Bun.sleep(5)
  const refused = await other.send('PATCH', session, { headers: bearer(), body: Buffer.from('x') })
  expect([refused.status, refused.body.toString()]).toEqual([416, expect.stringContaining('another request')])
  send()
  expect((await slow).status).toBe(202)
  const second = await main.send('PATCH', session, { headers: bearer(), body: chunks[1] })
  expect([second.status, second.headers.get('range')]).toEqual([202, `0-${chunks[0].length + chunks[1].length - 1}`])
  const done = await finish(worker, session, digestOf(whole), { body: chunks[2] })
  expect(done.status).toBe(201)
  for (const one of [main, worker]) {
    const got = await one.send('GET', `/v2/acme/app/blobs/${digestOf(whole)}`, { headers: bearer() })
    expect([got.status, got.body.equals(whole)]).toEqual([200, true])
  }
})

test('what is revoked at one process is refused at the next request of the other', async () => {
  const [main, worker] = await both()
  for (const [at, elsewhere] of [
    [main, worker],
    [worker, main],
  ] as const) {
    const made = await at.send('POST', '/api/v1/tokens', {
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ label: `for ${at.pid}`, scope: 'read' })),
    })
    expect(made.status).toBe(201)
    const { id, token: text } = JSON.parse(made.body.toString())
    const asks = { headers: bearer(text) }
    expect((await elsewhere.send('GET', '/v2/', asks)).status).toBe(200)
    expect((await at.send('DELETE', `/api/v1/tokens/${id}`, { headers: bearer() })).status).toBe(204)
    expect((await elsewhere.send('GET', '/v2/', asks)).status).toBe(401)
    expect((await at.send('GET', '/v2/', asks)).status).toBe(401)
  }
})

test('guesses at a password count together, whichever process they reach', async () => {
  const connections = await both()
  const guess = async (number: number) =>
    (await connections[number % 2]?.send('GET', '/token', { headers: basic('nobody', `guess ${number}`) }))?.status
  const answers: (number | undefined)[] = []
  for (let number = 0; number < 11; number++) answers.push(await guess(number))
  expect(answers).toEqual([...Array.from({ length: 10 }, () => 401), 429])
  expect(await guess(11)).toBe(429)
})

test('many clients push at once through both, and nothing is lost', async () => {
  const pairs = await Promise.all([both(), both(), both()])
  const clients = pairs.flat()
  const pushed = await Promise.all(
    clients.map(async (client, index) => {
      const digests: string[] = []
      for (let round = 0; round < 8; round++) {
        // The large ones are written by the process that they reach.
        const bytes = randomBytes(round % 2 === 0 ? 2000 : 100_000)
        const session = await begin(client, 'acme/busy')
        expect((await finish(client, session, digestOf(bytes), { body: bytes })).status).toBe(201)
        const config = {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: digestOf(bytes),
          size: bytes.length,
        }
        const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] }))
        const put = await client.send('PUT', `/v2/acme/busy/manifests/${index}-${round}`, {
          headers: { ...bearer(), 'content-type': MANIFEST },
          body,
        })
        expect(put.status).toBe(201)
        digests.push(digestOf(body))
      }
      return digests
    }),
  )
  for (const client of pairs[0] ?? []) {
    for (const [index, digests] of pushed.entries()) {
      for (const [round, digest] of digests.entries()) {
        const got = await client.send('HEAD', `/v2/acme/busy/manifests/${index}-${round}`, { headers: bearer() })
        expect(got.headers.get('docker-content-digest')).toBe(digest)
      }
    }
  }
})

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

test('a worker that is killed in pushes and pulls takes nothing with it, and a new one serves', async () => {
  const blob = randomBytes(2_000_000)
  const [main, worker] = await both()
  const path = `/v2/acme/app/blobs/${digestOf(blob)}`
  const session = await begin(worker, 'acme/app')
  const never = new Promise<void>(() => {})
  const broken = worker.send('PATCH', session, { headers: bearer(), body: blob, until: never }).catch(() => 'cut')
  const [, reader] = await both()
  let pulls = 0
  const pulling = (async () => {
    for (;;) {
      await reader.send('GET', '/v2/', { headers: bearer() })
      pulls++
    }
  })().catch(() => 'cut')
  while (pulls < 20) await main.send('GET', '/healthz')
  process.kill(worker.pid, 'SIGKILL')
  expect(await Promise.all([broken, pulling])).toEqual(['cut', 'cut'])

  // The session is free, and tells how far it is; nothing that was acknowledged is missing.
  const status = await main.send('GET', session, { headers: bearer() })
  expect(status.status).toBe(204)
  const [, next] = await both(kagami, worker.pid)
  expect(next.pid).not.toBe(worker.pid)
  const sent = await next.send('PATCH', session, { headers: bearer(), body: blob })
  expect(sent.status).toBe(202)
  expect((await finish(main, session, digestOf(blob))).status).toBe(201)
  expect((await next.send('GET', path, { headers: bearer() })).body.equals(blob)).toBe(true)
})

test('when the main process is killed its worker ends by itself, and the next start has port and data', async () => {
  const first = await startKagami({ env })
  const { dataDirectory, port, pid } = first
  const [, worker] = await both(first)
  process.kill(pid, 'SIGKILL')
  await worker.send('GET', '/healthz').catch(() => {})
  const again = await startKagami({ env, dataDirectory, port })
  expect(isAlive(worker.pid)).toBe(false)
  const [, next] = await both(again)
  expect((await next.send('GET', '/v2/')).status).toBe(401)
  expect(readdirSync(dataDirectory).filter((name) => name.startsWith('door-'))).toHaveLength(1)

  // A second server is told that the port is taken, with workers of its own or without.
  for (const workers of ['1', '2']) {
    const second = startKagami({ env: { KAGAMI_WORKERS: workers, KAGAMI_LISTEN: `127.0.0.1:${port}` } })
    await expect(second).rejects.toThrow('it is taken')
  }
  expect(await again.stop()).toBe(0)
  expect(isAlive(next.pid)).toBe(false)
  await first.kill()
})

test('a stop lets requests of both processes end', async () => {
  const [main, worker] = await both()
  const bytes = [randomBytes(100_000), randomBytes(100_000)] as const
  const sessions = [await begin(main, 'acme/app'), await begin(worker, 'acme/app')] as const
  const { promise: stopping, resolve } = Promise.withResolvers<void>()
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const puts = [main, worker].map((one, index) =>
    finish(one, sessions[index] ?? '', digestOf(bytes[index] ?? Buffer.alloc(0)), {
      body: bytes[index],
      until: stopping,
      onBegun: begun[index]?.resolve ?? (() => {}),
    }),
  )
  await Promise.all(begun.map(({ promise }) => promise))
  process.kill(kagami.pid, 'SIGTERM')
  while (!kagami.stderr().includes('Stopping')) await Bun.sleep(5)
  resolve()
  expect((await Promise.all(puts)).map(({ status }) => status)).toEqual([201, 201])
  expect(await kagami.exited).toBe(0)
  expect(isAlive(worker.pid)).toBe(false)
  const { dataDirectory } = kagami
  expect(readdirSync(dataDirectory).filter((name) => name.startsWith('door-'))).toEqual([])
  // One process is all that there is when one is wanted.
  kagami = await startKagami({ env: { KAGAMI_WORKERS: '1' }, dataDirectory })
  expect(childrenOf(kagami.pid)).toEqual([])
  for (const blob of bytes) {
    const got = await fetch(`${kagami.url}/v2/acme/app/blobs/${digestOf(blob)}`, { headers: bearer() })
    expect(Buffer.from(await got.arrayBuffer()).equals(blob)).toBe(true)
  }
})
