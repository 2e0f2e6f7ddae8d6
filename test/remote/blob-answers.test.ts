// How registries and their storage really answer when they are asked for (the rest of) a blob.
import { describe, expect, test } from 'bun:test'
import { readBytes } from '../../src/net/bounded-body.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { type Answer, APP, failed, loopbackNetwork, scriptedRegistry } from './scripted-registry.ts'

function setup(answer: Answer) {
  const registry = scriptedRegistry(answer)
  const network = loopbackNetwork({ idleTimeoutMs: 2000 })
  return { registry, network, reader: openRemoteRepository(network, { url: registry.url }, APP) }
}

const data = new TextEncoder().encode('0123456789')
const blob = { mediaType: 'application/octet-stream', digest: digestOf(data), size: 10 }
const text = async (body: { stream: ReadableStream<Uint8Array> }) =>
  new TextDecoder().decode(await readBytes({ body: body.stream }, 100, 'blob'))
const part = (from: number, to: number, range: string) =>
  new Response(data.slice(from, to), { status: 206, headers: { 'content-range': range } })

describe('a range that is refused', () => {
  const refusals: readonly [string, () => Response][] = [
    ['400', () => new Response('no', { status: 400 })],
    ['403', () => new Response('no', { status: 403 })],
    ['412', () => new Response(null, { status: 412 })],
    ['416', () => new Response(null, { status: 416, headers: { 'content-range': 'bytes */10' } })],
    ['501', () => new Response(null, { status: 501 })],
    ['a part from elsewhere', () => part(0, 6, 'bytes 0-5/10')],
    ['a part of something else', () => part(4, 10, 'bytes 4-9/11')],
    ['a part without its range', () => new Response(data.slice(4), { status: 206 })],
    ['the whole of something else', () => new Response('other')],
    ['nothing', () => new Response(null, { status: 204 })],
  ]
  test.each(refusals)('%s: the whole blob is asked for, once', async (_name, refuse) => {
    const { registry, network, reader } = setup(({ headers }) => (headers.has('range') ? refuse() : new Response(data)))
    await using _ = registry
    const body = await reader.openBlob(blob, { offset: 4 })
    expect([body.offset, body.length, body.totalBytes, await text(body)]).toEqual([0, 10, 10, '0123456789'])
    expect(registry.asked.map(({ headers }) => headers.get('range'))).toEqual(['bytes=4-9', null])
    expect(network.http.inFlight).toBe(0)
  })

  test('by the storage behind a redirect: the registry is asked again, without the range and with its own login', async () => {
    await using storage = scriptedRegistry(({ headers }) =>
      headers.has('range') || headers.has('authorization') ? new Response('no', { status: 403 }) : new Response(data),
    )
    await using registry = scriptedRegistry(({ headers }) =>
      headers.has('authorization')
        ? Response.redirect(`${storage.url}/signed`, 307)
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }),
    )
    const endpoint = { url: registry.url, username: 'u', password: 'p' }
    const reader = openRemoteRepository(loopbackNetwork(), endpoint, APP)
    expect(await text(await reader.openBlob(blob, { offset: 4 }))).toBe('0123456789')
    expect(storage.asked.map(({ headers }) => [headers.get('range'), headers.get('authorization')])).toEqual([
      ['bytes=4-9', null],
      [null, null],
    ])
  })

  test.each([
    [404, 'UPSTREAM_NOT_FOUND'],
    [429, 'UPSTREAM_RATE_LIMITED'],
    [503, 'UPSTREAM_UNAVAILABLE'],
  ] as const)('%i is not about the range: it is not asked again', async (status, code) => {
    const { registry, reader } = setup(() => new Response(null, { status }))
    await using _ = registry
    expect((await failed(reader.openBlob(blob, { offset: 4 }))).code).toBe(code)
    expect(registry.asked.every(({ headers }) => headers.has('range'))).toBe(true)
  })
})

describe('206 to a request without a range', () => {
  test.each([
    ['the whole, said so', () => part(0, 10, 'bytes 0-9/10'), 10, '0123456789'],
    ['the whole, without a word', () => new Response(data, { status: 206 }), 10, '0123456789'],
    ['a first part', () => part(0, 6, 'bytes 0-5/10'), 6, '012345'],
  ] as const)('is taken: %s', async (_name, answer, length, content) => {
    const { registry, reader } = setup(answer)
    await using _ = registry
    const body = await reader.openBlob(blob)
    expect([body.offset, body.length, await text(body)]).toEqual([0, length, content])
  })

  test.each(['bytes 4-9/10', 'bytes 0-9/11', 'junk'])('is refused with %j', async (range) => {
    const { registry, reader } = setup(() => part(0, 10, range))
    await using _ = registry
    const error = await failed(reader.openBlob(blob))
    expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining(JSON.stringify(range))])
  })
})

describe('Content-Encoding', () => {
  test.each(['gzip', 'zstd', 'br', 'deflate', 'aws-chunked'])('%s on the very bytes is no matter', async (encoding) => {
    const { registry, reader } = setup(() => new Response(data, { headers: { 'content-encoding': encoding } }))
    await using _ = registry
    expect(await text(await reader.openBlob(blob))).toBe('0123456789')
  })

  test('on other bytes is told', async () => {
    const { registry, reader } = setup(
      () => new Response(Bun.gzipSync(data), { headers: { 'content-encoding': 'gzip' } }),
    )
    await using _ = registry
    expect((await failed(reader.openBlob(blob))).message).toContain('Content-Encoding "gzip", want identity')
  })
})

describe('a body that breaks before its first byte', () => {
  /** Sends headers that promise the blob, and of its bytes what `bytesOf` says for the nth answer; then the connection ends. */
  function breaking(bytesOf: (answer: number) => string) {
    let answers = 0
    const server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket) {
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n${bytesOf(++answers)}`)
        },
      },
    })
    const network = loopbackNetwork({ idleTimeoutMs: 2000 })
    const reader = openRemoteRepository(network, { url: `http://127.0.0.1:${server.port}` }, APP)
    return { network, reader, answers: () => answers, [Symbol.dispose]: () => server.stop(true) }
  }

  test('is no answer: the blob is asked for again', async () => {
    using server = breaking((answer) => (answer < 3 ? '' : '0123456789'))
    expect(await text(await server.reader.openBlob(blob))).toBe('0123456789')
    expect([server.answers(), server.network.http.inFlight]).toEqual([3, 0])
  })

  test('and always does is an error after a few, with the blob in it', async () => {
    using server = breaking(() => '')
    const error = await failed(server.reader.openBlob(blob))
    expect([error.code, error.message]).toEqual(['UPSTREAM_UNAVAILABLE', expect.stringContaining(blob.digest)])
    expect([server.answers() < 30, server.network.http.inFlight]).toEqual([true, 0])
  })
})
