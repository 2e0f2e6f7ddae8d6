// What a webhook may reach, how long it waits, and how much of an answer it reads: real connections to receivers that misbehave.
import { afterAll, expect, test } from 'bun:test'
import { once } from 'node:events'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTcp, type Server, type Socket } from 'node:net'
import { isAppError } from '../../src/errors.ts'
import { faultOf } from '../../src/net/certificate-fault.ts'
import { failureReason } from '../../src/net/connection-failure.ts'
import type { Lookup } from '../../src/net/dial.ts'
import { createPoster, type Poster, type PosterOptions, type PostRequest } from '../../src/net/post.ts'
import { createTestCa } from '../support/certificates.ts'
import { startReceiver, status } from '../support/webhook-receiver.ts'

const closers: (() => void)[] = []
afterAll(() => {
  for (const close of closers.splice(0)) close()
})

const LOOPBACK = { allowLoopback: false, allowNetworks: ['127.0.0.0/8'] }
const names =
  (table: Record<string, readonly string[]>): Lookup =>
  async (host) => {
    const found = table[host]
    if (found === undefined) throw Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' })
    return found
  }

function poster(o: Partial<PosterOptions> = {}): Poster {
  const made = createPoster({ policy: LOOPBACK, ...o })
  closers.push(() => made.close())
  return made
}

const request = (o: Partial<PostRequest> = {}): PostRequest => ({
  headers: { 'content-type': 'application/json' },
  own: {},
  body: '{"a":1}',
  plainHttp: true,
  signal: new AbortController().signal,
  ...o,
})

/** What it failed with, as `reason: words`. */
async function failure(sent: Promise<unknown>): Promise<string> {
  try {
    await sent
    return 'none'
  } catch (error) {
    if (!isAppError(error)) throw error
    return `${failureReason(error) ?? error.code}: ${error.message}`
  }
}

async function tcp(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>()
  const server = createTcp((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, server }
}

test('a private address is reached only where the operator allows its network', async () => {
  const none = poster({
    policy: { allowLoopback: false, allowNetworks: [] },
    lookup: names({ 'in.example': ['10.0.0.5'] }),
  })
  expect(await failure(none.post(new URL('https://in.example/x'), request()))).toBe(
    'ADDRESS_NOT_ALLOWED: private address 10.0.0.5 is not allowed: KAGAMI_ALLOW_NETWORKS',
  )
  expect(await failure(none.post(new URL('http://127.0.0.1:1/'), request()))).toContain('private address 127.0.0.1')
  expect(await failure(none.post(new URL('http://[::1]:1/'), request()))).toContain('private address ::1')
  expect(await failure(none.post(new URL('http://169.254.169.254/latest'), request()))).toContain('169.254.169.254')
  // One bad address of several is enough.
  const mixed = poster({ lookup: names({ 'two.example': ['127.0.0.1', '10.0.0.5'] }) })
  expect(await failure(mixed.post(new URL('http://two.example:1/'), request()))).toContain('10.0.0.5')
})

test('plain http only where the webhook says so, this machine included', async () => {
  const receiver = await startReceiver()
  closers.push(receiver.stop)
  expect(await failure(poster().post(new URL(receiver.url), request({ plainHttp: false })))).toContain(
    'want https or --plain-http',
  )
  expect(receiver.received).toEqual([])
  expect((await poster().post(new URL(receiver.url), request())).status).toBe(200)
})

test('the address that was checked is the one that is called, though the name leads elsewhere by then', async () => {
  const receiver = await startReceiver()
  closers.push(receiver.stop)
  let asked = 0
  const lookup: Lookup = async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.0.0.5'])
  const { port } = new URL(receiver.url)
  const answer = await poster({ lookup }).post(new URL(`http://rebinding.example:${port}/`), request())
  expect([answer.status, asked, receiver.received[0]?.headers.host]).toEqual([200, 1, `rebinding.example:${port}`])
})

test('a redirect is followed when it keeps the POST, and judged like the first address', async () => {
  const there = await startReceiver()
  const here = await startReceiver((one, response) => {
    const to: Record<string, string> = {
      '/on': `${there.url}/landed`,
      '/private': 'http://10.0.0.5/',
      '/lost': there.url,
      '/file': 'file:///etc/passwd',
      '/ring': '/ring',
    }
    response.writeHead(one.path === '/lost' ? 302 : 307, { location: to[one.path] ?? '' })
    response.end()
  })
  closers.push(there.stop, here.stop)
  const own = { authorization: 'Bearer mine' }
  const post = (path: string) => poster().post(new URL(path, here.url), request({ own }))
  expect((await post('/on')).status).toBe(200)
  expect([there.received[0]?.path, there.received[0]?.body]).toEqual(['/landed', '{"a":1}'])
  // What is the first receiver's own goes nowhere else.
  expect([here.received[0]?.headers.authorization, there.received[0]?.headers.authorization]).toEqual([
    'Bearer mine',
    undefined,
  ])
  expect(await failure(post('/private'))).toBe(
    'ADDRESS_NOT_ALLOWED: private address 10.0.0.5 is not allowed: KAGAMI_ALLOW_NETWORKS',
  )
  expect(await failure(post('/lost'))).toContain('it answers 302 and sends elsewhere')
  expect(await failure(post('/file'))).toContain('no http(s) address')
  expect(await failure(post('/ring'))).toContain('redirects more than 3 times')
  expect(there.received.length).toBe(1)
})

test('what hangs, resets, or is not there is told in plain words', async () => {
  const hangs = await tcp(() => {})
  const resets = await tcp((socket) => socket.once('data', () => socket.resetAndDestroy()))
  const nothing = await tcp(() => {})
  await new Promise<void>((resolve) => nothing.server.close(() => resolve()))
  const times = { connectMs: 5000, headMs: 200, bodyMs: 200 }
  const quick = poster({ times, lookup: names({}) })
  const at = (port: number) => new URL(`http://127.0.0.1:${port}/`)
  expect(await failure(quick.post(at(hangs.port), request()))).toBe('timeout: no answer within 0.2 s')
  expect(await failure(quick.post(at(resets.port), request()))).toStartWith('reset: the connection was closed')
  expect(await failure(quick.post(at(nothing.port), request()))).toBe('refused: connection refused')
  expect(await failure(quick.post(new URL('https://nowhere.example/'), request()))).toBe(
    'not-found: the name nowhere.example does not resolve',
  )
})

test('a connection that the receiver has closed meanwhile is no failure', async () => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
  let connections = 0
  const { port } = await tcp((socket) => {
    connections++
    socket.once('data', () => {
      socket.write(answer)
      socket.once('data', () => socket.destroy())
    })
  })
  const one = poster()
  for (let i = 0; i < 3; i++) {
    expect((await one.post(new URL(`http://127.0.0.1:${port}/`), request())).excerpt).toBe('ok')
  }
  expect(connections).toBeGreaterThan(1)
})

test('an answer without end is cut off: its status has come, and the first KiB of it is kept', async () => {
  let sent = 0
  const closed = Promise.withResolvers<void>()
  const receiver = await startReceiver((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const more = () => {
      while (sent < 1024 ** 3) {
        sent += chunk.length
        if (!response.write(chunk)) return
      }
      response.end()
    }
    response.on('drain', more)
    response.on('close', () => closed.resolve())
    more()
  })
  closers.push(receiver.stop)
  const answer = await poster().post(new URL(receiver.url), request())
  expect([answer.status, answer.excerpt]).toEqual([200, 'x'.repeat(1024)])
  await closed.promise
  expect(sent).toBeLessThan(64 * 1024 ** 2)
})

test('an answer that drips is cut off by time', async () => {
  const receiver = await startReceiver((_, response) => {
    response.writeHead(204 + 96)
    response.write('drip')
  })
  closers.push(receiver.stop)
  const times = { connectMs: 5000, headMs: 5000, bodyMs: 100 }
  const answer = await poster({ times }).post(new URL(receiver.url), request())
  expect([answer.status, answer.excerpt]).toEqual([300, 'drip'])
})

test('many hanging receivers keep nobody from the others', async () => {
  const hangs = await tcp(() => {})
  const receiver = await startReceiver()
  closers.push(receiver.stop)
  const one = poster()
  const leaving = new AbortController()
  const stuck = Array.from({ length: 400 }, () =>
    failure(one.post(new URL(`http://127.0.0.1:${hangs.port}/`), request({ signal: leaving.signal }))),
  )
  expect((await one.post(new URL(receiver.url), request())).status).toBe(200)
  leaving.abort()
  expect(new Set(await Promise.all(stuck))).toEqual(new Set(['CANCELLED: the work was cancelled']))
})

test('https: the certificate is checked by name, and what is wrong with it is said', async () => {
  const authority = createTestCa()
  closers.push(authority.remove)
  const day = 24 * 60 * 60 * 1000
  const issue = (name: string, fromDays: number, toDays: number) =>
    authority.issue({
      name,
      from: new Date(Date.now() + fromDays * day),
      to: new Date(Date.now() + toDays * day - 3_600_000),
    })
  const listen = async (pair: { cert: string; key: string }) => {
    const server = createTls(pair, (_, response) => response.end('taken'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }
  const [good, expired, early] = [
    await listen(issue('ci.example', -1, 10)),
    await listen(issue('ci.example', -20, -3)),
    await listen(issue('ci.example', 2, 10)),
  ]
  const lookup = names({ 'ci.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] })
  const trusting = poster({ lookup, ca: authority.ca })
  const to = (host: string, port: number) => new URL(`https://${host}:${port}/`)
  const strict = request({ plainHttp: false })
  expect((await trusting.post(to('ci.example', good), strict)).excerpt).toBe('taken')
  // The connection that is kept open for one name does not serve another.
  expect(await failure(trusting.post(to('other.example', good), strict))).toBe(
    'tls: the certificate is not for other.example, but for ci.example',
  )
  expect(await failure(trusting.post(to('ci.example', expired), strict))).toBe('tls: certificate expired 3 days ago')
  expect(await failure(trusting.post(to('ci.example', early), strict))).toStartWith(
    'tls: certificate is not valid before ',
  )
  expect(await failure(poster({ lookup }).post(to('ci.example', good), strict))).toStartWith(
    'tls: the certificate is not signed by a CA that is trusted here',
  )
  const plain = await startReceiver(status(200))
  closers.push(plain.stop)
  expect(await failure(trusting.post(to('ci.example', Number(new URL(plain.url).port)), strict))).toStartWith('tls: ')
})

test('ages of certificates are told in days, hours and minutes', () => {
  const now = new Date('2026-01-31T12:00:00Z')
  const expired = (to: string) =>
    faultOf(
      { valid_from: 'Jan 1 00:00:00 2020 GMT', valid_to: to, subjectaltname: 'DNS:a', subject: {} as never },
      'a',
      '',
      now,
    )
  expect(expired('Jan 28 11:00:00 2026 GMT')).toBe('certificate expired 3 days ago')
  expect(expired('Jan 31 10:00:00 2026 GMT')).toBe('certificate expired 2 hours ago')
  expect(expired('Jan 31 11:59:30 2026 GMT')).toBe('certificate expired 1 minute ago')
})

test('where one address refuses the next one is tried; once anything was sent, none is', async () => {
  const receiver = await startReceiver()
  closers.push(receiver.stop)
  const { port } = new URL(receiver.url)
  const lookup = names({ 'two.example': ['127.0.0.2', '127.0.0.1'], 'none.example': ['127.0.0.2', '127.0.0.3'] })
  let sent = 0
  const posted = request({ onSent: () => void sent++ })
  expect((await poster({ lookup }).post(new URL(`http://two.example:${port}/`), posted)).status).toBe(200)
  expect([receiver.received.length, receiver.received[0]?.headers.host, sent]).toEqual([1, `two.example:${port}`, 1])
  expect(await failure(poster({ lookup }).post(new URL(`http://none.example:${port}/`), request()))).toStartWith(
    'refused:',
  )

  // It takes the request and hangs up: it may have done what it was asked for.
  const first = await tcp((socket) => socket.once('data', () => socket.destroy()))
  const both = names({ 'two.example': ['127.0.0.1', '127.0.0.2'] })
  const second = createTcp(() => sent++).listen(first.port, '127.0.0.2')
  closers.push(() => second.close())
  await once(second, 'listening')
  sent = 0
  const hungUp = poster({ lookup: both }).post(new URL(`http://two.example:${first.port}/`), request())
  expect([await failure(hungUp), sent]).toEqual([expect.stringMatching(/^reset:/), 0])
})
