import { expect, test } from 'bun:test'
import { serveByNode } from '../../src/server/node-listener.ts'

const MIB = new Uint8Array(1024 * 1024)

function streamed(chunks: number, failsAtEnd = false): ReadableStream<Uint8Array> {
  let left = chunks
  return new ReadableStream(
    {
      pull(controller) {
        if (left-- > 0) controller.enqueue(MIB.slice())
        else if (failsAtEnd) controller.error(new Error('cut'))
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

test('streamed answers have their length, and one that breaks off does not end well', async () => {
  const headers = { 'Content-Length': String(3 * MIB.byteLength) }
  const server = serveByNode({
    host: '127.0.0.1',
    port: 0,
    isShared: false,
    fetch: ({ url }) => new Response(url.endsWith('/broken') ? streamed(2, true) : streamed(3), { headers }),
  })
  const whole = await fetch(`http://127.0.0.1:${server.port}/`)
  expect(whole.headers.get('content-length')).toBe(headers['Content-Length'])
  expect((await whole.arrayBuffer()).byteLength).toBe(3 * MIB.byteLength)
  const broken = async () => (await fetch(`http://127.0.0.1:${server.port}/broken`)).arrayBuffer()
  await expect(broken()).rejects.toThrow()
  await server.stop(true)
})

test('processes share a port where they are told to, and not otherwise', async () => {
  const fetch = () => new Response('')
  const one = serveByNode({ host: '127.0.0.1', port: 0, isShared: true, fetch })
  const two = serveByNode({ host: '127.0.0.1', port: one.port, isShared: true, fetch })
  expect(two.port).toBe(one.port)
  expect(() => serveByNode({ host: '127.0.0.1', port: one.port, isShared: false, fetch })).toThrow()
  await one.stop(true)
  await two.stop(true)
})
