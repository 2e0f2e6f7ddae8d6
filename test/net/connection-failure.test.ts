// Real failures of connections, and what people are told of them: never in the words of the runtime.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { createApiClient } from '../../src/cli/client.ts'
import { AppError } from '../../src/errors.ts'
import { readBytes } from '../../src/net/bounded-body.ts'
import { explainFailure, type FailureReason, failureReason } from '../../src/net/connection-failure.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { freePort, temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('failures')
const closers: (() => unknown)[] = [() => directory.remove()]
afterAll(async () => {
  for (const close of closers) await close()
})

function openssl(...args: string[]): void {
  const run = Bun.spawnSync(['openssl', ...args], { cwd: directory.path, stderr: 'pipe' })
  if (run.exitCode !== 0) throw new Error(`openssl ${args[0]} ended with ${run.exitCode}: ${run.stderr}`)
}

/** A certificate for localhost that signs itself, valid from and until these years. */
function certificate(name: string, from: number, until: number): { cert: string; key: string } {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`]
  openssl('req', '-new', ...key, '-subj', '/CN=localhost', '-out', `${name}.csr`)
  const dates = ['-startdate', `${from}0101000000Z`, '-enddate', `${until}0101000000Z`]
  const files = ['-keyfile', `${name}.key`, '-in', `${name}.csr`, '-out', `${name}.crt`]
  openssl('ca', '-batch', '-selfsign', '-notext', '-config', 'ca.cnf', ...files, ...dates)
  const read = (suffix: string) => readFileSync(join(directory.path, `${name}.${suffix}`), 'utf8')
  return { cert: read('crt'), key: read('key') }
}

/** A port where `talk` handles each connection. */
function listen(talk: (socket: Socket) => void, tls?: TlsOptions): Promise<number> {
  const handler = (socket: Socket) => {
    socket.on('error', () => {})
    talk(socket)
  }
  const server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler)
  server.on('tlsClientError', () => {})
  closers.push(() => server.close())
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  )
}

const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.end(text))
const resetting = (socket: Socket) => void socket.on('data', () => socket.resetAndDestroy())
const PARTIAL = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'

interface Case {
  readonly title: string
  /** Where the request goes, and the CA that it trusts. */
  place(): Promise<{ readonly url: string; readonly ca?: string }>
  readonly reason: FailureReason
  readonly told: string
}

let good: { cert: string; key: string }
let expired: typeof good
let future: typeof good
beforeAll(() => {
  const config = `[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256
policy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n`
  writeFileSync(join(directory.path, 'ca.cnf'), config)
  writeFileSync(join(directory.path, 'index.txt'), '')
  good = certificate('good', 2020, 2090)
  expired = certificate('expired', 2010, 2011)
  future = certificate('future', 2089, 2090)
})

const at = (scheme: string, port: number) => ({ url: `${scheme}://127.0.0.1:${port}/` })
const over = async (scheme: string, talk: (socket: Socket) => void, tls?: TlsOptions) =>
  at(scheme, await listen(talk, tls))
const NO_TLS = 'TLS failed: no agreement with the server, which speaks no TLS on this port'

const CASES: readonly Case[] = [
  {
    title: 'nothing listens',
    place: async () => at('http', await freePort()),
    reason: 'refused',
    told: 'connection refused',
  },
  { title: 'reset', place: () => over('http', resetting), reason: 'reset', told: 'the connection was closed before' },
  {
    title: 'reset before anything was asked',
    place: () => over('http', (socket) => socket.resetAndDestroy()),
    reason: 'reset',
    told: 'the connection was closed before',
  },
  {
    title: 'closed without an answer',
    place: () => over('http', answering('')),
    reason: 'reset',
    told: 'the connection was closed before',
  },
  {
    title: 'closed within the headers',
    place: () => over('http', answering('HTTP/1.1 200 OK\r\nContent-Le')),
    reason: 'reset',
    told: 'the connection was closed before',
  },
  {
    title: 'closed within the body',
    place: () => over('http', answering(PARTIAL)),
    reason: 'reset',
    told: 'the connection was closed before',
  },
  {
    title: 'closed within a chunk',
    place: () => over('http', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc')),
    reason: 'reset',
    told: 'the connection was closed before',
  },
  {
    title: 'a chunk that is none',
    place: () => over('http', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc')),
    reason: 'other',
    told: 'the answer is not valid HTTP',
  },
  {
    title: 'another protocol',
    place: () => over('http', answering('SSH-2.0-OpenSSH_9\r\n')),
    reason: 'other',
    told: 'the answer is not HTTP',
  },
  {
    title: 'silence',
    place: () => over('http', () => {}),
    reason: 'timeout',
    told: 'did not answer within',
  },
  {
    title: 'silence within the body',
    place: () => over('http', (socket) => void socket.on('data', () => socket.write(PARTIAL))),
    reason: 'timeout',
    told: 'went silent',
  },
  {
    title: 'a name that does not exist',
    place: async () => ({ url: 'https://nowhere.invalid/' }),
    reason: 'not-found',
    told: 'the name nowhere.invalid cannot be resolved',
  },
  {
    title: 'TLS to a plain port',
    place: () => over('https', answering('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
    reason: 'tls',
    told: NO_TLS,
  },
  {
    title: 'plain to a TLS port',
    place: () => over('http', (socket) => socket.end('x'), good),
    reason: 'reset',
    told: 'is it https?',
  },
  {
    title: 'a certificate that signs itself',
    place: () => over('https', answering(''), good),
    reason: 'tls',
    told: 'not signed by a CA that is trusted here (DEPTH_ZERO_SELF_SIGNED_CERT); give its CA with --ca-file',
  },
  {
    title: 'a certificate that has expired',
    place: async () => ({ ...(await over('https', answering(''), expired)), ca: expired.cert }),
    reason: 'tls',
    told: 'TLS failed: the certificate has expired',
  },
  {
    title: 'a certificate of the future',
    place: async () => ({ ...(await over('https', answering(''), future)), ca: future.cert }),
    reason: 'tls',
    told: 'not valid yet',
  },
  {
    title: 'a certificate for another name',
    place: async () => ({
      url: `https://other.test:${await listen(answering(''), good)}/`,
      ca: good.cert,
    }),
    reason: 'tls',
    told: 'the certificate is not for other.test',
  },
  {
    title: 'a server that wants a certificate of its clients',
    place: async () => ({
      ...(await over('https', answering(''), { ...good, requestCert: true, rejectUnauthorized: true, ca: good.cert })),
      ca: good.cert,
    }),
    reason: 'tls',
    told: 'wants a certificate',
  },
]

/** How the runtime talks to who writes programs. */
const RUNTIME =
  /verbose|typo|Is the computer|fetch\(\)|getaddrinfo|TypeError|speak TLS on this port\?|unexpectedly|second argument/i

describe('what is told of a connection that failed', () => {
  test.each(CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const { url, ca } = await one.place()
    const names: Readonly<Record<string, string>> = { 'other.test': '127.0.0.1' }
    const http = createHttpClient({
      policy: { allowLoopback: true, allowNetworks: [] },
      idleTimeoutMs: one.reason === 'timeout' ? 60 : 10_000,
      lookup: async (host) => {
        const address = names[host]
        if (address === undefined)
          throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
        return [address]
      },
    })
    const error = await http
      .request(new URL(url), ca === undefined ? {} : { ca })
      .then((response) => readBytes(response, 1000, 'the answer'))
      .then(
        (bytes) => new Error(`want a failure, got ${bytes.byteLength} bytes`),
        (thrown: unknown) => thrown,
      )
    if (!(error instanceof AppError)) throw error
    expect([error.code, failureReason(error), error.message]).toEqual([
      'UPSTREAM_UNAVAILABLE',
      one.reason,
      expect.stringContaining(one.told),
    ])
    expect(error.message).toContain(new URL(url).hostname)
    expect(error.message).not.toMatch(RUNTIME)
  })

  test('what nobody foresaw is told by its code, and never in other words', () => {
    const url = new URL('https://registry.example.com/')
    for (const [error, phrase] of [
      [Object.assign(new TypeError('Was there a typo in the url or port?'), { code: 'SomethingNew' }), 'SomethingNew'],
      [Object.assign(new TypeError('fetch() URL is invalid'), { code: 'ERR_INVALID_URL' }), 'address is not valid'],
      [new TypeError('pass `verbose: true` in the second argument to fetch()'), 'the request failed'],
      ['text that was thrown', 'the request failed'],
      [undefined, 'the request failed'],
      [{ code: 'two words\u001b[2J' }, 'the request failed'],
    ] as const) {
      const told = explainFailure(error, url).phrase
      expect(told).toContain(phrase)
      expect(told).not.toMatch(RUNTIME)
      expect(told).toMatch(/^[\w ():,]+$/)
    }
  })
})

describe('the command line’s own connection', () => {
  const failed = (work: Promise<unknown>) =>
    work.then(
      () => new Error('want a failure'),
      (thrown: unknown) => thrown as AppError,
    )

  test('to no server, and to one that breaks off, is told in the same words', async () => {
    const nobody = createApiClient(`http://127.0.0.1:${await freePort()}`, undefined)
    const refused = await failed(nobody.send('GET', '/user'))
    expect([(refused as AppError).code, refused.message]).toEqual([
      'UNAVAILABLE',
      expect.stringContaining(': connection refused;'),
    ])
    const { url } = await over('http', answering(PARTIAL))
    const client = createApiClient(url, undefined)
    for (const work of [
      () => client.listAll('/mirrors', 'mirrors', {} as never),
      () => client.stream('/x', {} as never).next(),
    ]) {
      const { message } = await failed(work())
      expect(message).toContain('ended the connection before its answer was complete')
      expect(message).not.toMatch(RUNTIME)
    }
  })

  test('to a balancer without a server behind it is told as none, which whoever waits asks again', async () => {
    await using balancer = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response('Bad Gateway', { status: 502 }),
    })
    const { code, message } = (await failed(
      createApiClient(`${balancer.url}`, undefined).send('GET', '/user'),
    )) as AppError
    expect([code, message]).toEqual(['UNAVAILABLE', expect.stringContaining('answered 502')])
  })
})
