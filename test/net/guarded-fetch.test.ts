import { afterAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { type AppError, isAppError } from '../../src/errors.ts'
import { readBytes, readExcerpt, readText } from '../../src/net/bounded-body.ts'
import { failureReason } from '../../src/net/connection-failure.ts'
import { createHttpClient, type HttpClientOptions, removeProxyVariables } from '../../src/net/guarded-fetch.ts'
import { makeCertificates } from '../support/docker-registry.ts'
import { freePort, temporaryDirectory } from '../support/process.ts'

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers) await close()
})

function serve(
  handler: (request: Request, url: URL) => Response | Promise<Response>,
  tls?: { cert: string; key: string },
) {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    fetch: (r) => handler(r, new URL(r.url)),
    ...(tls ? { tls } : {}),
  })
  closers.push(() => server.stop(true))
  return new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${server.port}`)
}

function client(options: Partial<HttpClientOptions> = {}) {
  return createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] }, ...options })
}

const failed = (work: Promise<unknown>): Promise<AppError> =>
  work.then(
    () => Promise.reject(new Error('want a failure, got an answer')),
    (error) => error,
  )

/** A body that sends `first` and then nothing more. */
function stalled(first: string) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(first))
    },
  })
}

describe('the guarded client', () => {
  test('dials the checked address under the name that was asked for', async () => {
    const { port } = serve((request) => new Response(request.headers.get('host')))
    const http = client({ lookup: async () => ['127.0.0.1'] })
    const response = await http.request(new URL(`http://registry.test:${port}/v2/`))
    expect(await readText(response, 100, 'body')).toBe(`registry.test:${port}`)
    expect(response.address).toBe('127.0.0.1')
    expect(http.inFlight).toBe(0)
  })

  test('one refused address among several refuses the name, before any connection', async () => {
    let hits = 0
    const { port } = serve(() => {
      hits++
      return new Response('')
    })
    const http = client({ lookup: async () => ['127.0.0.1', '169.254.169.254'] })
    const error = await failed(http.request(new URL(`http://rebound.test:${port}/`)))
    expect(error.code).toBe('ADDRESS_NOT_ALLOWED')
    expect(error.message).toContain('rebound.test is at 169.254.169.254')
    expect([hits, http.inFlight]).toEqual([0, 0])
  })

  test('refuses loopback when only public addresses are allowed', async () => {
    const url = serve(() => new Response(''))
    const http = client({ policy: { allowLoopback: false, allowNetworks: [] } })
    expect((await failed(http.request(url))).code).toBe('ADDRESS_NOT_ALLOWED')
  })

  test('plain http leaves loopback only when the caller allows it', async () => {
    const { port } = serve(() => new Response('ok'))
    const http = client({
      policy: { allowLoopback: true, allowNetworks: ['10.0.0.0/8'] },
      lookup: async () => ['10.255.255.254'],
      idleTimeoutMs: 50,
    })
    const url = new URL(`http://intern.test:${port}/`)
    const error = await failed(http.request(url))
    expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining('--plain-http')])
  })

  test('goes on to the next address when nothing listens on the first', async () => {
    const { port } = serve(() => new Response('second'))
    const http = client({ lookup: async () => ['127.0.0.9', '127.0.0.1'] })
    const response = await http.request(new URL(`http://two.test:${port}/`))
    expect([await readText(response, 100, 'body'), response.address]).toEqual(['second', '127.0.0.1'])
  })

  test('says what went wrong: name, port, TLS', async () => {
    const lost = client({ lookup: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) })
    const noName = await failed(lost.request(new URL('https://nowhere.test/')))
    expect([noName.code, failureReason(noName)]).toEqual(['UPSTREAM_UNAVAILABLE', 'not-found'])
    const port = await freePort()
    const refused = await failed(client().request(new URL(`http://127.0.0.1:${port}/`)))
    expect([failureReason(refused), refused.message]).toEqual([
      'refused',
      `127.0.0.1:${port} (127.0.0.1): connection refused`,
    ])
  })

  test('an idle timeout ends a silent server, before the headers and within the body', async () => {
    const url = serve((_, { pathname }) =>
      pathname === '/silent' ? new Promise<Response>(() => {}) : new Response(stalled('abc')),
    )
    const http = client({ idleTimeoutMs: 60 })
    const silent = await failed(http.request(new URL('/silent', url)))
    expect([silent.code, failureReason(silent)]).toEqual(['UPSTREAM_UNAVAILABLE', 'timeout'])
    const body = await failed(http.request(new URL('/stalled', url)).then((r) => readBytes(r, 100, 'body')))
    expect(body.message).toContain('went silent for 60 ms after 3 bytes')
    expect(http.inFlight).toBe(0)
  })

  test('ends on its signal, while waiting and while reading, and counts what is in flight', async () => {
    const url = serve((_, { pathname }) =>
      pathname === '/silent' ? new Promise<Response>(() => {}) : new Response(stalled('abc')),
    )
    const http = client()
    const first = new AbortController()
    const waiting = failed(http.request(new URL('/silent', url), { signal: first.signal }))
    expect(http.inFlight).toBe(1)
    first.abort()
    expect((await waiting).code).toBe('CANCELLED')

    const second = new AbortController()
    const response = await http.request(url, { signal: second.signal })
    expect(http.inFlight).toBe(1)
    const reading = failed(readBytes(response, 100, 'body'))
    second.abort()
    expect((await reading).code).toBe('CANCELLED')
    expect(http.inFlight).toBe(0)
  })

  test('a request waits for a free place until a body is read or cancelled', async () => {
    const url = serve(() => new Response('x'))
    const http = client({ maxInFlight: 1 })
    const held = await http.request(url)
    let arrived = false
    const next = http.request(url).then((response) => {
      arrived = true
      return response
    })
    await Promise.resolve()
    expect([http.inFlight, arrived]).toEqual([1, false])
    await held.body.cancel()
    await (await next).body.cancel()
    expect(http.inFlight).toBe(0)
  })

  test('bytes come as they are sent: compressed bodies are not decompressed, and identity is asked for', async () => {
    const packed = Bun.gzipSync('hello')
    const url = serve(
      (r) =>
        new Response(packed, {
          headers: { 'content-encoding': 'gzip', 'x-asked': r.headers.get('accept-encoding') ?? '' },
        }),
    )
    const response = await client().request(url)
    expect(response.headers.get('x-asked')).toBe('identity')
    expect(await readBytes(response, 100, 'body')).toEqual(Buffer.from(packed))
  })

  test('a body that breaks off is an error, not an end', async () => {
    const listener = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')
          socket.flush()
          socket.end()
        },
      },
    })
    closers.push(() => listener.stop(true))
    const error = await failed(
      client()
        .request(new URL(`http://127.0.0.1:${listener.port}/`))
        .then((response) => readBytes(response, 1000, 'body')),
    )
    expect(failureReason(error)).toBe('reset')
  })
})

describe('redirects', () => {
  test('credentials stay with their origin, the range goes along', async () => {
    const storage = serve((r) => Response.json(Object.fromEntries(r.headers)))
    const url = serve((r, { pathname }) =>
      pathname === '/same'
        ? Response.json(Object.fromEntries(r.headers))
        : Response.redirect(pathname === '/away' ? storage.href : '/same', 307),
    )
    const headers = { authorization: 'Bearer secret', cookie: 'a=b', range: 'bytes=1-2' }
    const headersAt = async (path: string): Promise<Record<string, string>> =>
      JSON.parse(await readText(await client().request(new URL(path, url), { headers }), 9999, 'x'))
    const stayed = await headersAt('/near')
    expect([stayed.authorization, stayed.range]).toEqual(['Bearer secret', 'bytes=1-2'])
    const left = await headersAt('/away')
    expect([left.authorization, left.cookie, left.range]).toEqual([undefined, undefined, 'bytes=1-2'])
  })

  test('every hop is checked: a redirect to an address that is not allowed is refused', async () => {
    const url = serve(() => Response.redirect('http://169.254.169.254/latest/meta-data/', 302))
    const error = await failed(client().request(url, { plainHttp: true }))
    expect([error.code, error.message]).toEqual(['ADDRESS_NOT_ALLOWED', expect.stringContaining('169.254.169.254')])
  })

  test('a public server cannot send anybody to loopback, even where loopback is allowed', async () => {
    const url = serve(() => new Response('secret'))
    expect((await failed(client().request(url, { ledBy: '8.8.8.8' }))).code).toBe('ADDRESS_NOT_ALLOWED')
    await (await client().request(url, { ledBy: '127.0.0.1' })).body.cancel()
  })

  test('at most ten are followed', async () => {
    let hops = 0
    const url = serve(() => Response.redirect(`/${++hops}`, 302))
    expect((await failed(client().request(url))).message).toContain('more than 10 times')
    expect(hops).toBe(11)
  })

  test('only GET and HEAD are sent on; the caller may keep others to itself', async () => {
    const url = serve((_, { pathname }) => (pathname === '/x' ? new Response('x') : Response.redirect('/x', 307)))
    const posted = await client().request(url, { method: 'POST', body: 'password=secret' })
    expect(posted.status).toBe(307)
    const manual = await client().request(url, { redirect: 'manual' })
    expect(manual.status).toBe(307)
    const away = serve(() => Response.redirect(url.href, 303))
    const kept = await client().request(away, { redirect: 'same-origin' })
    expect(kept.status).toBe(303)
    for (const { body } of [posted, manual, kept]) await body.cancel()
  })
})

describe('TLS', () => {
  const directory = temporaryDirectory('tls')
  closers.push(() => directory.remove())
  const files = makeCertificates(directory.path)
  const [ca, cert, key] = [files.caFile, files.certFile, files.keyFile].map((file) => readFileSync(file, 'utf8')) as [
    string,
    string,
    string,
  ]

  test("trusts the operator's CA for that request only, and checks the name", async () => {
    const { port } = serve((r) => new Response(r.headers.get('host')), { cert, key })
    const http = client({ lookup: async () => ['127.0.0.1'] })
    const url = new URL(`https://localhost:${port}/`)
    expect(await readText(await http.request(url, { ca }), 100, 'x')).toBe(`localhost:${port}`)

    const untrusted = await failed(http.request(url))
    expect([untrusted.code, failureReason(untrusted)]).toEqual(['UPSTREAM_UNAVAILABLE', 'tls'])
    expect(untrusted.message).toContain('not signed by a CA that is trusted here')

    const wrongName = await failed(http.request(new URL(`https://other.test:${port}/`), { ca }))
    expect(wrongName.message).toContain('the certificate is not for other.test')
    // A literal address is checked against the addresses in the certificate.
    expect((await http.request(new URL(`https://127.0.0.1:${port}/`), { ca })).status).toBe(200)
  })

  test('a redirect from https to plain http is refused', async () => {
    const plain = serve(() => new Response('x'))
    const url = serve(() => Response.redirect(plain.href, 307), { cert, key })
    expect((await failed(client().request(url, { ca, plainHttp: true }))).message).toContain('from https to plain http')
  })
})

describe('bounded bodies', () => {
  test('an endless body is given up at the limit', async () => {
    let cancelled: () => void
    const done = new Promise<void>((resolve) => {
      cancelled = resolve
    })
    const url = serve(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              controller.enqueue(new Uint8Array(65536))
              await Bun.sleep(0)
            },
            cancel: () => cancelled(),
          }),
        ),
    )
    const http = client()
    const error = await failed(http.request(url).then((response) => readBytes(response, 1_000_000, 'the list')))
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_INVALID',
      'the list has more than 1000000 bytes, want at most that',
    ])
    await done
    expect(http.inFlight).toBe(0)
  })

  test('an error body is kept up to 1 KiB', async () => {
    const url = serve(() => new Response('e'.repeat(5000), { status: 500 }))
    expect(await readExcerpt(await client().request(url))).toBe('e'.repeat(1024))
  })
})

test('proxy variables are removed in any case of letters, and nothing else', () => {
  const environment: Record<string, string | undefined> = {
    HTTP_PROXY: 'a',
    https_proxy: 'b',
    ALL_PROXY: 'c',
    no_proxy: 'd',
    MY_PROXY: 'e',
    PATH: 'f',
  }
  removeProxyVariables(environment)
  expect(environment).toEqual({ MY_PROXY: 'e', PATH: 'f' })
  expect(isAppError(environment)).toBe(false)
})
