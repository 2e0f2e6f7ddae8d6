// Bodies that are sent as they are read: with their length, at the pace of the other side, and never held.
import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { isAppError } from '../../src/errors.ts'
import { failureReason } from '../../src/net/connection-failure.ts'
import { createHttpClient, type HttpRequest } from '../../src/net/guarded-fetch.ts'
import { createRequestBudget } from '../../src/net/request-budget.ts'
import { isOfOwnBody } from '../../src/net/sent-body.ts'

const MIB = 1024 * 1024
const POLICY = { allowLoopback: true, allowNetworks: [] }

interface Connection {
  readonly socket: Socket
  head: string
  bodyBytes: number
}

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server that sees the bytes of each connection as they come. */
async function raw(onData: (connection: Connection) => void): Promise<{ url: URL; connections: Connection[] }> {
  const connections: Connection[] = []
  const server = createServer((socket) => {
    const one: Connection = { socket, head: '', bodyBytes: 0 }
    connections.push(one)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (one.head.includes('\r\n\r\n')) one.bodyBytes += data.length
      else {
        const text = data.toString('latin1')
        const end = text.indexOf('\r\n\r\n')
        one.head += end < 0 ? text : text.slice(0, end + 4)
        if (end >= 0) one.bodyBytes += data.length - end - 4
      }
      onData(one)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { url: new URL(`http://127.0.0.1:${port}/`), connections }
}

/** `give` bytes, in pieces of 64 KiB. */
function bytesOf(give: number, o: { onGiven?(bytes: number): void; failAt?: number } = {}) {
  let given = 0
  const state = { cancelled: 0, opened: 0 }
  const stream = () => {
    state.opened++
    given = 0
    return new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (o.failAt !== undefined && given >= o.failAt) throw new Error('the source broke')
          if (given === give) return controller.close()
          const piece = Math.min(64 * 1024, give - given)
          given += piece
          o.onGiven?.(given)
          controller.enqueue(new Uint8Array(piece))
        },
        cancel() {
          state.cancelled++
        },
      },
      { highWaterMark: 0 },
    )
  }
  return { stream, state }
}

const put = (url: URL, request: HttpRequest) =>
  createHttpClient({ policy: POLICY, idleTimeoutMs: 20_000 }).request(url, { method: 'PUT', ...request })

const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

const OK = 'HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n'

describe('a streamed body', () => {
  test('is sent with its length, whole and unchunked, and another request may use the connection', async () => {
    const { url, connections } = await raw((one) => {
      if (one.bodyBytes === 5 * MIB) one.socket.write(OK)
    })
    const { stream } = bytesOf(5 * MIB)
    const response = await put(url, { body: { stream, lengthBytes: 5 * MIB } })
    expect(response.status).toBe(201)
    expect(connections[0]?.head.toLowerCase()).toContain(`content-length: ${5 * MIB}`)
    expect(connections[0]?.head.toLowerCase()).not.toContain('transfer-encoding')
  })

  test('is read no faster than it is taken', async () => {
    const gate = Promise.withResolvers<void>()
    const { url } = await raw((one) => {
      if (one.bodyBytes === 64 * MIB) one.socket.write(OK)
      else if (one.bodyBytes > 0 && !one.socket.isPaused() && given < 64 * MIB && !isOpen) {
        one.socket.pause()
        gate.promise.then(() => one.socket.resume())
      }
    })
    let given = 0
    let isOpen = false
    const { stream } = bytesOf(64 * MIB, {
      onGiven(bytes) {
        given = bytes
      },
    })
    const sent = put(url, { body: { stream, lengthBytes: 64 * MIB } })
    // Until nothing more is asked for: it waits for the other side.
    for (let before = -1; before !== given || given === 0; ) {
      before = given
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    expect(given).toBeLessThan(32 * MIB)
    isOpen = true
    gate.resolve()
    expect((await sent).status).toBe(201)
  })

  for (const [what, give] of [
    ['fewer', MIB - 1],
    ['more', MIB + 1],
  ] as const) {
    test(`that has ${what} bytes than it says is our error, and is never taken for whole`, async () => {
      const { url, connections } = await raw((one) => {
        if (one.bodyBytes >= MIB) one.socket.write(OK)
      })
      const { stream } = bytesOf(give)
      const error = await thrownBy(put(url, { body: { stream, lengthBytes: MIB } }))
      expect(isAppError(error, 'SIZE_INVALID') && isOfOwnBody(error)).toBe(true)
      expect(connections[0]?.bodyBytes ?? 0).toBeLessThan(MIB)
    })
  }

  test('whose source breaks ends with what the source says, and is not tried again', async () => {
    const { url, connections } = await raw(() => {})
    const { stream } = bytesOf(MIB, { failAt: MIB / 2 })
    const http = createHttpClient({ policy: POLICY })
    const budget = createRequestBudget({ sleep: async () => {} })
    const request = { method: 'PUT', body: { stream, lengthBytes: MIB } } as const
    const error = await thrownBy(
      budget.send((onEnd, onBegin) => http.request(url, { ...request, onEnd, onBegin }), { what: 'test' }),
    )
    expect((error as Error).message).toBe('the source broke')
    expect(isOfOwnBody(error)).toBe(true)
    expect(connections).toHaveLength(1)
    expect([budget.inFlight, http.inFlight]).toEqual([0, 0])
  })

  for (const status of [401, 413]) {
    test(`that is answered with ${status} before its end is given up, and the next request is not confused by it`, async () => {
      let isFirst = true
      const { url, connections } = await raw((one) => {
        if (isFirst && one.bodyBytes > 0) {
          isFirst = false
          one.socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`)
        } else if (one.head.startsWith('GET')) one.socket.write(OK)
      })
      const { stream, state } = bytesOf(64 * MIB)
      const http = createHttpClient({ policy: POLICY })
      const response = await http.request(url, { method: 'PUT', body: { stream, lengthBytes: 64 * MIB } })
      expect([response.status, await new Response(response.body).text()]).toEqual([status, 'no'])
      expect(state.cancelled).toBe(1)
      const next = await http.request(url)
      expect([next.status, await new Response(next.body).text()]).toEqual([201, ''])
      expect(connections.length).toBe(2)
      expect(http.inFlight).toBe(0)
    })
  }

  test('that nobody takes ends after the idle time, and one that is taken slowly does not', async () => {
    const { url } = await raw((one) => one.socket.pause())
    const { stream, state } = bytesOf(64 * MIB)
    const error = await thrownBy(put(url, { idleTimeoutMs: 60, body: { stream, lengthBytes: 64 * MIB } }))
    expect([failureReason(error), (error as Error).message]).toEqual([
      'timeout',
      expect.stringContaining('took nothing more of what was sent'),
    ])
    expect(state.cancelled).toBe(1)
  })

  test('that is slow itself is waited for: the idle time is of the other side', async () => {
    const { url } = await raw((one) => {
      if (one.bodyBytes === 3) one.socket.write(OK)
    })
    let left = 3
    const stream = () =>
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 80))
          if (left-- === 0) controller.close()
          else controller.enqueue(new Uint8Array(1))
        },
      })
    expect(
      (await put(url, { idleTimeoutMs: 60, answerTimeoutMs: 10_000, body: { stream, lengthBytes: 3 } })).status,
    ).toBe(201)
  })

  test('that was taken whole waits for its answer as long as it is told to', async () => {
    const { url } = await raw(() => {})
    const { stream } = bytesOf(MIB)
    const error = await thrownBy(put(url, { answerTimeoutMs: 60, body: { stream, lengthBytes: MIB } }))
    expect([failureReason(error), (error as Error).message]).toEqual([
      'timeout',
      expect.stringContaining('did not answer what was sent'),
    ])
  })

  test('ends when it is cancelled', async () => {
    const ended = new AbortController()
    const { url } = await raw((one) => {
      if (one.bodyBytes > 0) ended.abort()
    })
    const { stream, state } = bytesOf(64 * MIB)
    const error = await thrownBy(put(url, { signal: ended.signal, body: { stream, lengthBytes: 64 * MIB } }))
    expect(isAppError(error, 'CANCELLED')).toBe(true)
    expect(state.cancelled).toBe(1)
  })

  test('of a host whose first address refuses is begun for the second alone', async () => {
    const { url } = await raw((one) => {
      if (one.bodyBytes === MIB) one.socket.write(OK)
    })
    const { stream, state } = bytesOf(MIB)
    const named = new URL(url)
    named.hostname = 'registry.test'
    const http = createHttpClient({ policy: POLICY, lookup: async () => ['127.0.0.2', '127.0.0.1'] })
    expect((await http.request(named, { method: 'PUT', body: { stream, lengthBytes: MIB } })).status).toBe(201)
    expect(state.opened).toBe(1)
  })
})

describe('a budget', () => {
  test('sends once what may be sent once, and asks before it tries again what may be asked for', async () => {
    let answers = 0
    const attempt = async (onEnd: () => void) => {
      answers++
      onEnd()
      const url = new URL('http://127.0.0.1/')
      const body = new Blob(['no']).stream()
      return { status: 500, headers: new Headers(), body, url, address: '127.0.0.1', ledBy: '127.0.0.1' }
    }
    const budget = createRequestBudget({ sleep: async () => {} })
    expect((await budget.send(attempt, { what: 'test', again: 'never' })).status).toBe(500)
    expect(answers).toBe(1)
    let asked = 0
    const response = await budget.send(attempt, { what: 'test', again: async () => ++asked < 3 })
    expect([answers, asked, await new Response(response.body).text()]).toEqual([4, 3, 'no'])
  })
})
