import { describe, expect, test } from 'bun:test'
import { readBytes } from '../../src/net/bounded-body.ts'
import { failureReason } from '../../src/net/connection-failure.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { type Answer, APP, failed, loopbackNetwork, scriptedRegistry } from './scripted-registry.ts'

function setup(answer: Answer) {
  const registry = scriptedRegistry(answer)
  const network = loopbackNetwork({ idleTimeoutMs: 2000 })
  return { registry, network, reader: openRemoteRepository(network, { url: registry.url }, APP) }
}

describe('openBlob', () => {
  const data = new TextEncoder().encode('0123456789')
  const blob = { mediaType: 'application/octet-stream', digest: digestOf(data), size: 10 }
  const text = async (body: { stream: ReadableStream<Uint8Array> }) =>
    new TextDecoder().decode(await readBytes({ body: body.stream }, 100, 'blob'))

  /** Answers ranges as RFC 9110 says. */
  const honest: Answer = ({ headers }) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(headers.get('range') ?? '') ?? []
    if (first === undefined) return new Response(data)
    return new Response(data.slice(Number(first), Number(last) + 1), {
      status: 206,
      headers: { 'content-range': `bytes ${first}-${last}/10` },
    })
  }

  test('streams the whole blob, or the range that was asked for', async () => {
    const { registry, reader } = setup(honest)
    await using _ = registry
    const whole = await reader.openBlob(blob)
    expect([whole.offset, whole.length, whole.totalBytes, await text(whole)]).toEqual([0, 10, 10, '0123456789'])
    const rest = await reader.openBlob(blob, { offset: 4 })
    expect([rest.offset, rest.length, rest.totalBytes, await text(rest)]).toEqual([4, 6, 10, '456789'])
    const middle = await reader.openBlob(blob, { offset: 2, length: 3 })
    expect([middle.offset, middle.length, await text(middle)]).toEqual([2, 3, '234'])
    expect(registry.asked.map(({ headers }) => [headers.get('range'), headers.get('accept-encoding')])).toEqual([
      [null, 'identity'],
      ['bytes=4-9', 'identity'],
      ['bytes=2-4', 'identity'],
    ])
    const nothing = await reader.openBlob(blob, { offset: 10 })
    expect([nothing.offset, nothing.length, await text(nothing), registry.asked.length]).toEqual([10, 0, '', 3])
  })

  test('a registry that ignores the range is said to start at 0', async () => {
    const { registry, reader } = setup(() => new Response(data))
    await using _ = registry
    const body = await reader.openBlob(blob, { offset: 4 })
    expect([body.offset, body.length, await text(body)]).toEqual([0, 10, '0123456789'])
  })

  test.each(['bytes 0-5/10', 'bytes 4-9/11', 'bytes 4-10/10', 'bytes 9-4/10', 'bytes */10', '', 'bytes 4-9'])(
    'a part with Content-Range %j is not the one asked for',
    async (range) => {
      const { registry, reader } = setup(
        () => new Response(data.slice(4), { status: 206, headers: range === '' ? {} : { 'content-range': range } }),
      )
      await using _ = registry
      expect((await failed(reader.openBlob(blob, { offset: 4 }))).code).toBe('UPSTREAM_INVALID')
    },
  )

  test('a shorter part than asked for is taken and said', async () => {
    const { registry, reader } = setup(
      () => new Response(data.slice(4, 6), { status: 206, headers: { 'content-range': 'bytes 4-5/*' } }),
    )
    await using _ = registry
    const body = await reader.openBlob(blob, { offset: 4 })
    expect([body.offset, body.length, await text(body)]).toEqual([4, 2, '45'])
  })

  test('another size, a longer or shorter stream and an encoded one are refused', async () => {
    // In two steps, so that the length is not known when the headers are sent.
    const streamed = (length: number) =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new Uint8Array(length))
            await Bun.sleep(0)
            controller.close()
          },
        }),
      )
    const { registry, reader } = setup(() => new Response('short'))
    await using _ = registry
    expect((await failed(reader.openBlob(blob))).message).toContain('its descriptor says 10')

    const long = setup(() => streamed(11))
    await using _long = long.registry
    expect((await failed(long.reader.openBlob(blob).then(text))).message).toContain('goes on after 10 bytes')

    const cut = setup(() => streamed(7))
    await using _cut = cut.registry
    const error = await failed(cut.reader.openBlob(blob).then(text))
    expect([error.code, failureReason(error), error.message]).toEqual([
      'UPSTREAM_UNAVAILABLE',
      'reset',
      expect.stringContaining('ended after 7 bytes, want 10'),
    ])

    const encoded = setup(() => new Response(Bun.gzipSync(data), { headers: { 'content-encoding': 'gzip' } }))
    await using _encoded = encoded.registry
    expect((await failed(encoded.reader.openBlob(blob))).message).toContain('want identity')
  })

  test('follows a redirect to storage without the token', async () => {
    await using storage = scriptedRegistry(honest)
    const { registry, reader } = setup(() => Response.redirect(`${storage.url}/signed?x=1`, 307))
    await using _ = registry
    expect(await text(await reader.openBlob(blob, { offset: 3 }))).toBe('3456789')
    expect(storage.asked[0]?.headers.get('range')).toBe('bytes=3-9')
  })

  test('an absent blob is UPSTREAM_NOT_FOUND; a stalled one times out; nothing stays in flight', async () => {
    const { registry, network, reader } = setup(() => undefined)
    await using _ = registry
    expect((await failed(reader.openBlob(blob))).code).toBe('UPSTREAM_NOT_FOUND')
    expect(network.http.inFlight).toBe(0)

    await using silent = scriptedRegistry(
      () =>
        new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(3)) }), {
          headers: { 'content-length': '10' },
        }),
    )
    const impatient = loopbackNetwork({ idleTimeoutMs: 50 })
    const error = await failed(openRemoteRepository(impatient, { url: silent.url }, APP).openBlob(blob).then(text))
    expect([failureReason(error), impatient.http.inFlight]).toEqual(['timeout', 0])
  })
})
