import { describe, expect, test } from 'bun:test'
import { countListening } from '../../src/server/listening-sockets.ts'

function listenOn(hostname: string, reusePort = false, at = 0) {
  const server = Bun.serve({ hostname, port: at, reusePort, development: false, fetch: () => new Response() })
  return { port: server.port ?? 0, stop: () => server.stop(true), [Symbol.asyncDispose]: () => server.stop(true) }
}

describe.if(process.platform === 'linux')('what listens already', () => {
  test('is counted at an address, at what overlaps it, and nowhere else', async () => {
    await using four = listenOn('127.0.0.1')
    expect(countListening('127.0.0.1', four.port)).toBe(1)
    expect(countListening('0.0.0.0', four.port)).toBe(1)
    expect(countListening('::', four.port)).toBe(1)
    expect(countListening('::ffff:127.0.0.1', four.port)).toBe(1)
    expect(countListening('127.0.0.2', four.port)).toBe(0)
    expect(countListening('::1', four.port)).toBe(0)
    await using six = listenOn('::1')
    expect([countListening('::1', six.port), countListening('127.0.0.1', six.port)]).toEqual([1, 0])
    await using all = listenOn('0.0.0.0')
    expect(countListening('127.0.0.1', all.port)).toBe(1)
    expect(countListening('localhost', all.port)).toBe(0)
  })

  test('is each of those that share a port, and no connection', async () => {
    await using first = listenOn('127.0.0.1', true)
    await using second = listenOn('127.0.0.1', true, first.port)
    expect(second.port).toBe(first.port)
    using _client = await Bun.connect({ hostname: '127.0.0.1', port: first.port, socket: { data() {} } })
    expect(countListening('127.0.0.1', first.port)).toBe(2)
    await Promise.all([first.stop(), second.stop()])
    expect(countListening('127.0.0.1', first.port)).toBe(0)
  })
})
