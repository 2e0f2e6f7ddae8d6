// What a worker hands over streams on as it comes, however much of it; and pulls end when a server of several processes is stopped.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { basicAuthorization, openExchange } from '../clients/raw-http.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { contentOf, ociRequests } from '../support/oci-requests.ts'
import { connectToBoth } from '../support/pinned-connection.ts'
import { signIn } from './operator.ts'

setDefaultTimeout(60_000)

let kagami: Kagami
let token: string
beforeAll(async () => {
  kagami = await startKagami({ env: { KAGAMI_WORKERS: '2' } })
  token = (await (await signIn(kagami)).createToken('admin')).password
})
afterAll(async () => {
  await kagami?.stop()
})

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

/** Follows events; each connection reaches either process. */
function follow(): { readonly socket: Socket; until(text: string): Promise<void>; readonly ended: Promise<void> } {
  let got = ''
  let look = () => {}
  const socket = connect({ host: '127.0.0.1', port: kagami.port })
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    got += chunk
    look()
  })
  socket.write(
    `GET /api/v1/organizations/acme/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  return {
    socket,
    until: (text) =>
      new Promise((resolve) => {
        look = () => got.includes(text) && resolve()
        look()
      }),
    ended: new Promise((resolve) => socket.on('close', () => resolve())),
  }
}

/** Of these, more than 256 reach the worker, but for once in some millions of times. */
const READERS = 640

test('hundreds follow events at once through a worker, each hears at once, and nothing is left of those who go', async () => {
  const [main, worker] = await connectToBoth(kagami)
  const before = [descriptors(main.pid), descriptors(worker.pid)] as const
  const readers = Array.from({ length: READERS }, follow)
  await Promise.all(readers.map(({ until }) => until('retry:')))
  // An answer that ends is not kept by those that go on.
  const user = await worker.send('GET', '/api/v1/user', { headers: { authorization: `Bearer ${token}` } })
  expect([user.status, user.headers.get('content-length')]).toEqual([200, String(user.body.length)])
  await ociRequests(kagami.url, 'acme/heard', kagami.owner).pushBlob(contentOf(Buffer.from('x')))
  const made = await worker.send('PUT', '/v2/acme/heard/manifests/latest', {
    headers: { authorization: `Bearer ${token}`, 'content-type': MANIFEST },
    body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: CONFIG, layers: [] })),
  })
  expect(made.status).toBe(201)
  await Promise.all(readers.map(({ until }) => until('acme/heard')))
  for (const { socket } of readers) socket.destroy()
  // A few are kept for the next requests.
  const SPARE = 20
  while (descriptors(main.pid) > before[0] + SPARE || descriptors(worker.pid) > before[1] + SPARE) await Bun.sleep(10)
})

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = {
  mediaType: 'application/vnd.oci.image.config.v1+json',
  digest: contentOf(Buffer.from('x')).digest,
  size: 1,
}

test('a stop lets pulls of all processes end, and streams do not keep it', async () => {
  const MIB = 1024 * 1024
  const layer = contentOf(new Uint8Array(10 * MIB).fill(5))
  await ociRequests(kagami.url, 'acme/slow', kagami.owner).pushBlob(layer)
  const headers = { authorization: basicAuthorization(kagami.owner) }
  const pulls = await Promise.all(
    Array.from({ length: 16 }, async () => {
      const pull = await openExchange(kagami.url, 'GET', `/v2/acme/slow/blobs/${layer.digest}`, headers)
      expect((await pull.head()).status).toBe(200)
      return pull
    }),
  )
  const readers = Array.from({ length: 8 }, follow)
  await Promise.all(readers.map(({ until }) => until('retry:')))
  process.kill(kagami.pid, 'SIGTERM')
  while (!kagami.stderr().includes('Stopping')) await Bun.sleep(5)
  const sizes = await Promise.all(
    pulls.map(async (pull) => {
      let size = 0
      await pull.readBody((piece) => {
        size += piece.length
      })
      return size
    }),
  )
  expect(sizes).toEqual(Array(16).fill(10 * MIB))
  for (const pull of pulls) pull.destroy()
  await Promise.all(readers.map(({ ended }) => ended))
  expect(await kagami.exited).toBe(0)
})
