// Slow senders and readers (invariant 5): memory stays flat, others go on, silence is cut, and what came is kept.
import { afterAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { freshContent, locationOf, ociRequests, withQuery } from '../support/oci-requests.ts'
import { startDaemon, temporaryDirectory } from '../support/process.ts'
import { OWNER, startServer } from '../support/server.ts'

const directory = temporaryDirectory('slow')
afterAll(() => directory.remove())

const MIB = 1024 * 1024
const basic = `Basic ${Buffer.from(`${OWNER.username}:${OWNER.password}`).toString('base64')}`

/** Resident memory of a process, in MiB (Linux). */
const residentMib = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test('512 MiB go in by a stream and out to twenty stalled readers in flat memory, and others are served meanwhile', async () => {
  const daemon = await startDaemon({
    command: process.execPath,
    args: [join(import.meta.dir, '../support/serve-registry.ts'), directory.path],
    ready: async (self) => self.stdout().includes('\n'),
  })
  const url = daemon.stdout().trim()
  const client = ociRequests(url, 'acme/large', OWNER)
  const small = await client.pushBlob(freshContent(1000))
  const before = residentMib(daemon.pid)

  const chunk = new Uint8Array(MIB).fill(7)
  const hash = createHash('sha256')
  let left = 512
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      hash.update(chunk)
      controller.enqueue(chunk)
      if (--left === 0) controller.close()
    },
  })
  const patch = await client.send('PATCH', locationOf(await client.send('POST', 'blobs/uploads/')), { body })
  expect([patch.status, patch.headers.get('range')]).toEqual([202, `0-${512 * MIB - 1}`])
  const digest = `sha256:${hash.digest('hex')}`
  expect((await client.send('PUT', withQuery(locationOf(patch), { digest }))).status).toBe(201)
  expect(residentMib(daemon.pid) - before).toBeLessThan(150)

  const stalled = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect(Number(new URL(url).port), '127.0.0.1')
          socket.write(`GET /v2/acme/large/blobs/${digest} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic}\r\n\r\n`)
          socket.once('data', (head) => {
            socket.pause()
            expect(head.toString('latin1')).toContain(`ontent-length: ${512 * MIB}`)
            resolve(socket)
          })
        }),
    ),
  )
  for (let i = 0; i < 50; i++) expect((await client.send('GET', `blobs/${small.digest}`)).status).toBe(200)
  expect(residentMib(daemon.pid) - before).toBeLessThan(150)
  for (const socket of stalled) socket.destroy()
  await daemon.kill()
}, 120_000)

test('a sender that falls silent is cut off, and its session holds what came', async () => {
  const server = await startServer({ idleTimeoutMs: 100 })
  const client = ociRequests(server.url, 'acme/silent', OWNER)
  const blob = freshContent(5000)
  const location = locationOf(await client.send('POST', 'blobs/uploads/'))
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(
      `PATCH ${location} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic}\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n`,
    )
    socket.write(blob.bytes.subarray(0, 2000))
    let got = ''
    socket.on('data', (data) => {
      got += data.toString('latin1')
      resolve(got)
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })
  expect(answer).not.toContain(' 202 ')
  const status = await client.send('GET', location)
  expect([status.status, status.headers.get('range')]).toEqual([204, '0-1999'])
  const rest = { headers: { 'content-range': '2000-4999' }, body: blob.bytes.subarray(2000) }
  expect((await client.send('PUT', withQuery(location, { digest: blob.digest }), rest)).status).toBe(201)
  await server.stop()
})
