/**
 * `node:http` in place of `Bun.serve`, which drops the Content-Length of every streamed answer. For servers whose blobs pass through them from
 * somewhere else (docs/decisions/0070): those on files, and those that send clients to S3, stream nothing large.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpApp } from '../http/app.ts'
import type { ServerHandle } from '../http/oci/call.ts'

/** Seconds without a byte, unless a route has lifted it. */
const IDLE_TIMEOUT_SECONDS = 120

export interface NodeServer {
  readonly port: number
  readonly address: string
  /** @param isAtOnce requests under way are cut */
  stop(isAtOnce: boolean): Promise<void>
}

/** @throws what the system says when the address cannot be taken */
export function serveByNode(o: {
  readonly host: string
  readonly port: number
  /** With the other processes of this server. */
  readonly isShared: boolean
  readonly fetch: HttpApp['fetch']
}): NodeServer {
  const server = createServer((incoming, outgoing) => {
    void answer(o.fetch, incoming, outgoing).catch(() => outgoing.destroy())
  })
  // Each route has its own limits; a whole layer takes as long as it takes.
  server.requestTimeout = 0
  server.headersTimeout = IDLE_TIMEOUT_SECONDS * 1000
  server.keepAliveTimeout = IDLE_TIMEOUT_SECONDS * 1000
  server.timeout = 0
  bind(server, o)
  const { port, address } = server.address() as AddressInfo
  return {
    port,
    address,
    stop: (isAtOnce) =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if (isAtOnce) server.closeAllConnections()
        else server.closeIdleConnections()
      }),
  }
}

/**
 * What `listen` of Bun 1.4.5 comes to: it shares a port (SO_REUSEPORT) among workers of `node:cluster` alone, which ours are not; and here it
 * throws at once. test/server/node-listener.test.ts fails where another Bun has it under another name.
 */
function bind(server: Server, { host, port, isShared }: { host: string; port: number; isShared: boolean }): void {
  const prototype = Object.getPrototypeOf(server)
  const name = Object.getOwnPropertySymbols(prototype).find(({ description }) => description === 'kRealListen')
  if (name === undefined) throw new Error('this Bun has no way for node:http to share a port')
  prototype[name].call(server, undefined, port, host, undefined, isShared)
}

async function answer(fetch: HttpApp['fetch'], incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort()
  })
  const request = requestOf(incoming, gone.signal)
  const handle: ServerHandle = {
    timeout: (_request, seconds) => void outgoing.setTimeout(seconds * 1000, () => outgoing.destroy()),
    requestIP: () => ({ address: incoming.socket.remoteAddress ?? '' }),
  }
  handle.timeout(request, IDLE_TIMEOUT_SECONDS)
  const response = await fetch(request, handle)
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of response.headers) if (name !== 'set-cookie') headers[name] = value
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  if (response.body === null) {
    if (request.method !== 'HEAD' && response.status !== 204 && response.status !== 304) headers['content-length'] = '0'
    outgoing.writeHead(response.status, headers)
    outgoing.end()
    return
  }
  await sendBody(response.body, { outgoing, headers, status: response.status })
}

async function sendBody(
  body: ReadableStream<Uint8Array>,
  o: {
    readonly outgoing: ServerResponse
    readonly headers: Record<string, string | string[]>
    readonly status: number
  },
): Promise<void> {
  const { outgoing, headers, status } = o
  const reader = body.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  outgoing.once('close', stop)
  try {
    let { value, done } = await reader.read()
    let next: ReturnType<typeof reader.read> | undefined
    if (headers['content-length'] === undefined) {
      // What is whole already is sent with its length; of what is still being made nobody waits for the end.
      next = done ? undefined : reader.read()
      const end = next === undefined ? { done: true } : await Promise.race([next, setImmediatePromise()])
      if (end?.done === true) headers['content-length'] = String(value?.byteLength ?? 0)
    }
    outgoing.writeHead(status, headers)
    while (!done && !outgoing.destroyed) {
      if (value !== undefined && !outgoing.write(value)) await drained(outgoing)
      ;({ value, done } = await (next ?? reader.read()))
      next = undefined
    }
    outgoing.end()
  } catch {
    // An end that comes too soon must not look like one.
    outgoing.destroy()
    stop()
  }
}

const setImmediatePromise = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      outgoing.off('drain', settle)
      outgoing.off('close', settle)
      resolve()
    }
    outgoing.once('drain', settle)
    outgoing.once('close', settle)
  })
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers()
  const { rawHeaders } = incoming
  for (let n = 0; n < rawHeaders.length; n += 2) headers.append(rawHeaders[n] ?? '', rawHeaders[n + 1] ?? '')
  const method = incoming.method ?? 'GET'
  const url = `http://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`
  const hasBody =
    method !== 'GET' && method !== 'HEAD' && (headers.has('transfer-encoding') || headers.get('content-length') !== '0')
  const body = hasBody && (headers.has('transfer-encoding') || headers.has('content-length')) ? bodyOf(incoming) : null
  return new Request(url, { method, headers, body, signal, duplex: 'half' } as RequestInit)
}

/** Its sender is stopped while nobody reads. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let isEnded = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.pause()
        incoming.on('data', (chunk: Uint8Array) => {
          if (isEnded) return
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
        })
        const fail = (error?: Error) => {
          if (isEnded) return
          isEnded = true
          controller.error(error ?? new Error('the client went away'))
        }
        incoming.once('end', () => {
          if (isEnded) return
          isEnded = true
          controller.close()
        })
        incoming.once('error', fail)
        incoming.once('aborted', () => fail())
        incoming.once('close', () => fail())
      },
      pull: () => void incoming.resume(),
      cancel() {
        isEnded = true
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}
