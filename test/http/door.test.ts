// How requests come in: targets of any form, clients that leave, and whom the operator's proxies speak for.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { forwardedAddress, trustedProxies } from '../../src/http/client-address.ts'
import { judgeFailure } from '../../src/http/failure.ts'
import { parseTarget } from '../../src/http/target.ts'
import { createTokenApp } from '../../src/http/token/app.ts'
import { createLogger, type Logger } from '../../src/lib/logger.ts'
import { openAccessInstance } from '../access/access-instance.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer({ env: { KAGAMI_TRUSTED_PROXIES: '127.0.0.0/8' } })
})
afterAll(() => kagami.stop())

/** Sends bytes as they are; the answer up to the end of the connection. */
async function raw(lines: readonly string[]): Promise<{ status: number; body: string }> {
  const { port } = new URL(kagami.url)
  const text = await new Promise<string>((resolve, reject) => {
    let received = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`))
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
  return { status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4) }
}

const login = `Authorization: ${authorization(OWNER)}`
const close = 'Connection: close'

describe('targets', () => {
  const rows: [title: string, lines: string[], status: number][] = [
    ['HTTP/1.0 without Host', ['GET /healthz HTTP/1.0'], 200],
    ['HTTP/1.0 without Host, API', ['GET /api/v1/user HTTP/1.0', login], 200],
    ['HTTP/1.0 without Host, registry', ['GET /v2/ HTTP/1.0', login], 200],
    ['HTTP/1.0 without Host, token service', ['GET /token?service=kagami HTTP/1.0', login], 200],
    ['seven characters before the API', ['GET /1234567/api/v1/user HTTP/1.0', login], 404],
    ['seven characters before the API, with Host', ['GET /1234567/api/v1/user HTTP/1.1', 'Host: h', close, login], 404],
    ['a scheme inside the path', ['GET /a://b/api/v1/user HTTP/1.0', login], 404],
    ['a Host that is none', ['GET /api/v1/user HTTP/1.1', 'Host: a/b', close, login], 200],
    ['a Host that is a path', ['GET /healthz HTTP/1.1', 'Host: h/v2/?', close], 200],
    ['absolute form', ['GET http://elsewhere.example/api/v1/user HTTP/1.1', 'Host: h', close, login], 200],
    ['absolute form without path', ['GET http://elsewhere.example HTTP/1.1', 'Host: h', close], 200],
    ['two slashes', ['GET //api/v1/user HTTP/1.1', 'Host: h', close, login], 404],
    ['two slashes and another host', ['GET //evil/healthz HTTP/1.0'], 404],
    ['two slashes inside', ['GET /api//v1/user HTTP/1.1', 'Host: h', close, login], 404],
    ['an encoded slash', ['GET /api%2Fv1/user HTTP/1.1', 'Host: h', close, login], 404],
    ['an encoded letter', ['GET /api/v1/%75ser HTTP/1.1', 'Host: h', close, login], 404],
    ['a slash at the end', ['GET /api/v1/user/ HTTP/1.1', 'Host: h', close, login], 404],
    ['dot segments, which are no way into another room', ['GET /api/v1/../../v2/../api/v1/user HTTP/1.0', login], 404],
    ['a host and port', ['CONNECT healthz:80 HTTP/1.1', 'Host: h', close], 404],
  ]
  for (const [title, lines, status] of rows) {
    test(title, async () => expect([title, (await raw(lines)).status]).toEqual([title, status]))
  }

  test('path and query are what was sent', () => {
    for (const [url, path, query] of [
      ['http://h/a/b?c=/d#e', '/a/b', 'c=/d'],
      ['http://h', '/', ''],
      ['http://h?x', '/', 'x'],
      ['/a//b?c?d', '/a//b', 'c?d'],
      ['/1234567/api/v1/user', '/1234567/api/v1/user', ''],
      ['/x://y/z', '/x://y/z', ''],
      ['h:80', '', ''],
    ] as const) {
      expect([url, parseTarget(url)]).toEqual([url, { path, query }])
    }
  })
})

describe('clients that leave', () => {
  function recorder() {
    const errors: unknown[] = []
    const logger = { ...createLogger('silent'), error: (facts: unknown) => errors.push(facts) } as unknown as Logger
    return { errors, logger }
  }

  test('whatever the end of the connection has broken is no bug; a bug is one', () => {
    const { errors, logger } = recorder()
    const broken = new TypeError('the socket was closed')
    const left = new AbortController()
    left.abort()
    expect(judgeFailure(broken, new Request('http://h/', { signal: left.signal }), logger).kind).toBe('cancelled')
    expect(judgeFailure(new DOMException('x', 'AbortError'), new Request('http://h/'), logger).kind).toBe('cancelled')
    expect(errors).toEqual([])
    expect(judgeFailure(broken, new Request('http://h/'), logger).kind).toBe('bug')
    expect(errors).toHaveLength(1)
  })

  describeOnEachEngine('the token service', (openFresh) => {
    test('a client that leaves during POST /token is not logged as an error', async () => {
      const on = await openAccessInstance(await openFresh())
      const { errors, logger } = recorder()
      const app = createTokenApp({ ...on, logger })
      const answered = Promise.withResolvers<number>()
      await using server = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: async (request, self) => {
          const response = await app.fetch(request, self)
          answered.resolve(response.status)
          return response
        },
      })
      const socket = connect(server.port ?? 0, '127.0.0.1')
      const head = [
        'POST /token HTTP/1.1',
        'Host: h',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 9999',
      ]
      await new Promise<void>((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\ngrant_type=pass`, () => resolve()))
      // The request is inside once its first bytes are; only then it leaves.
      while (server.pendingRequests === 0) await new Promise((resolve) => setImmediate(resolve))
      socket.destroy()
      expect(await answered.promise).toBe(499)
      expect(errors).toEqual([])
    })
  })
})

describe('behind proxies', () => {
  const trusted = trustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])
  const addressOf = (peer: string, headers: Record<string, string>) =>
    forwardedAddress(peer, new Headers(headers), trusted)
  const rows: [title: string, peer: string, headers: Record<string, string>, want: string][] = [
    ['nobody believes a stranger', '198.51.100.1', { 'x-forwarded-for': '203.0.113.5' }, '198.51.100.1'],
    ['a proxy is believed', '10.1.1.1', { 'x-forwarded-for': '203.0.113.5' }, '203.0.113.5'],
    [
      'the rightmost untrusted counts',
      '10.1.1.1',
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.5, 192.0.2.7' },
      '203.0.113.5',
    ],
    ['a chain of proxies alone', '10.1.1.1', { 'x-forwarded-for': '10.9.9.9, 192.0.2.7' }, '10.9.9.9'],
    ['no header', '10.1.1.1', {}, '10.1.1.1'],
    ['nonsense ends the chain', '10.1.1.1', { 'x-forwarded-for': '203.0.113.5, unknown, 192.0.2.7' }, '192.0.2.7'],
    ['with a port', '10.1.1.1', { 'x-forwarded-for': '203.0.113.5:4711' }, '203.0.113.5'],
    ['IPv6', 'fd00::1', { 'x-forwarded-for': '2001:db8::5' }, '2001:db8::5'],
    ['mapped IPv4 is IPv4', '::ffff:10.1.1.1', { 'x-forwarded-for': '::ffff:203.0.113.5' }, '203.0.113.5'],
    [
      'Forwarded',
      '10.1.1.1',
      { forwarded: 'for=1.1.1.1, for="[2001:db8::5]:443";proto=https, for=192.0.2.7' },
      '2001:db8::5',
    ],
    ['Forwarded, hidden', '10.1.1.1', { forwarded: 'for=_hidden' }, '10.1.1.1'],
    ['both agree', '10.1.1.1', { 'x-forwarded-for': '203.0.113.5', forwarded: 'for=203.0.113.5' }, '203.0.113.5'],
    [
      'both disagree: one is the client’s own',
      '10.1.1.1',
      { 'x-forwarded-for': '203.0.113.5', forwarded: 'for=8.8.8.8' },
      '10.1.1.1',
    ],
  ]
  for (const [title, peer, headers, want] of rows) {
    test(title, () => expect(addressOf(peer, headers)).toBe(want))
  }

  test('ten wrong guesses of one client lock the account for that client, and for nobody else behind the proxy', async () => {
    const me = (password: string, address: string) =>
      kagami.call('GET', '/user', {
        login: { username: 'owner', password },
        headers: { 'x-forwarded-for': `203.0.113.99, ${address}` },
      })
    for (let guess = 0; guess < 10; guess++) expect((await me(`wrong ${guess}`, '203.0.113.5')).status).toBe(401)
    const locked = await me(OWNER.password, '203.0.113.5')
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)])
    expect((await me(OWNER.password, '203.0.113.6')).status).toBe(200)
    const oci = (address: string, path: string) =>
      fetch(`${kagami.url}${path}`, { headers: { authorization: authorization(OWNER), 'x-forwarded-for': address } })
    for (const path of ['/v2/', '/token?service=kagami']) {
      expect((await oci('203.0.113.5', path)).status).toBe(429)
      expect((await oci('203.0.113.6', path)).status).toBe(200)
    }
  })
})
