// A reverse proxy that counts every request to a registry, and that slows, cuts, refuses or lies when a test says so.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { classify, type RequestKind } from './request-kind.ts'

export interface SeenRequest {
  readonly index: number
  readonly method: string
  /** Path and query, as sent. */
  readonly path: string
  readonly kind: RequestKind
  /** Tag or digest of a manifest, digest of a blob or a subject; empty where there is none. */
  readonly reference: string
  readonly headers: Headers
  /** Of the answer; undefined until it is sent. */
  status: number | undefined
  /** Bytes of the answer's body that were sent so far. */
  bodyBytes: number
}

/** What happens to one request instead of passing it on unchanged; several may be combined. */
export interface ProxyAction {
  /** Waits before the request is passed on. */
  readonly delayMs?: number
  /** Waits for this before the request is passed on: a gate that the test opens. */
  readonly until?: Promise<unknown>
  /** Sends the body at this rate. */
  readonly bytesPerSecond?: number
  /** Cuts the connection after this many body bytes; the headers promise the whole body. */
  readonly cutAfterBytes?: number
  /** Passes on so many bytes of the request's body, then cuts the connections of both sides. */
  readonly cutRequestAfterBytes?: number
  /** The registry does what it is asked to; its answer is lost with the connection. */
  readonly loseAnswer?: boolean
  /** Sends a shorter body and says so in Content-Length: a lie that only size or digest reveals. */
  readonly truncateToBytes?: number
  /** Flips one bit of the body's byte at this offset. */
  readonly flipByteAt?: number
  /** Sends the headers without a length, then bytes without end. */
  readonly endless?: boolean
  /** Changes the registry's answer, which is read whole; null: it has no Content-Length and comes in chunks. */
  readonly change?: (answer: WholeAnswer) => Partial<Omit<WholeAnswer, 'headers'>> & {
    readonly headers?: Readonly<Record<string, string | null>>
  }
  /** Answers by itself; the registry never sees the request. 429 usually with `Retry-After`. */
  readonly answer?: { status: number; headers?: Record<string, string>; body?: string }
}

export interface CountingProxy {
  readonly url: string
  readonly host: string
  readonly requests: readonly SeenRequest[]
  /** Number of requests of a kind, or of all. */
  count(kind?: RequestKind): number
  /** Forgets the requests seen so far; indexes go on. */
  reset(): void
  /** Resolves at once or as soon as a request, seen already or later, satisfies the condition. */
  seen(condition: (request: SeenRequest) => boolean): Promise<SeenRequest>
  stop(): Promise<void>
}

export interface ProxyOptions {
  /** Delay of every request. */
  readonly delayMs?: number
  readonly onRequest?: (request: SeenRequest, index: number) => ProxyAction | undefined
  /** PEM of the authority behind an https target. */
  readonly ca?: string
  /** The port of an earlier proxy, which has come back. */
  readonly port?: number
}

/** A whole answer, as a test changes it. */
export interface WholeAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer>
}

/** Connection headers are the proxy's own business (RFC 9110 §7.6.1). */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'te', 'upgrade', 'proxy-connection']

async function* damaged(
  body: ReadableStream<Uint8Array>,
  action: ProxyAction,
  seen: SeenRequest,
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const whole of body) {
    const piece =
      action.bytesPerSecond === undefined ? whole.length : Math.max(1, Math.ceil(action.bytesPerSecond / 20))
    for (let from = 0; from < whole.length; from += piece) {
      const limit = Math.min(action.truncateToBytes ?? Infinity, action.cutAfterBytes ?? Infinity) - at
      const chunk = new Uint8Array(whole.subarray(from, Math.min(from + piece, from + Math.max(limit, 0))))
      const flip = (action.flipByteAt ?? -1) - at
      const byte = chunk[flip]
      if (byte !== undefined) chunk[flip] = byte ^ 1
      at += chunk.length
      seen.bodyBytes = at
      if (chunk.length > 0) yield chunk
      if (at >= (action.cutAfterBytes ?? Number.POSITIVE_INFINITY)) {
        // What was sent so far is to arrive.
        await Bun.sleep(2)
        throw new Error('cut by the test')
      }
      if (action.bytesPerSecond !== undefined) await Bun.sleep((1000 * chunk.length) / action.bytesPerSecond)
    }
  }
}

async function* cut(request: IncomingMessage, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    const part = chunk.subarray(0, left)
    left -= part.byteLength
    if (part.byteLength > 0) yield part
    if (left > 0) continue
    // What was passed on so far is to arrive.
    await Bun.sleep(20)
    request.socket.destroy()
    throw new Error('cut by the test')
  }
}

const DROP = new Uint8Array(64 * 1024).fill(0x20)

/** Until the client has had enough. */
async function* endlessly(seen: SeenRequest): AsyncGenerator<Uint8Array> {
  for (;;) {
    seen.bodyBytes += DROP.length
    yield DROP
  }
}

/** Starts a proxy on a free port of 127.0.0.1 in front of a registry; the target's own address never reaches the client. */
export async function countingProxy(targetUrl: string, options: ProxyOptions = {}): Promise<CountingProxy> {
  const target = new URL(targetUrl)
  // The target may call itself by any of its loopback names.
  const port = target.port === '' ? '' : `:${target.port}`
  const targetAddress = new RegExp(
    `${target.protocol}//(?:127\\.0\\.0\\.1|localhost|${target.hostname})${port}(?=[/"?>]|$)`,
    'g',
  )
  const requests: SeenRequest[] = []
  const waiting = new Set<(request: SeenRequest) => void>()
  let nextIndex = 0

  const forward = async (
    request: IncomingMessage,
    seen: SeenRequest,
    action: ProxyAction,
    response: ServerResponse,
  ) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const headers = new Headers(seen.headers)
    for (const name of hopByHop) headers.delete(name)
    // docker-registry builds absolute Locations from Host.
    headers.set('host', target.host)
    const method = request.method ?? 'GET'
    const init: BunFetchRequestInit = { method, headers, redirect: 'manual', decompress: false, signal: gone.signal }
    // Node's type of a web stream and the DOM's describe the same object.
    const body = () => {
      const source =
        action.cutRequestAfterBytes === undefined ? request : Readable.from(cut(request, action.cutRequestAfterBytes))
      return Readable.toWeb(source) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>
    }
    if (method !== 'GET' && method !== 'HEAD') init.body = body()
    if (options.ca !== undefined) init.tls = { ca: options.ca }
    const answer = await fetch(new URL(seen.path, target), init)
    if (action.loseAnswer === true) {
      await answer.arrayBuffer()
      request.socket.destroy()
      return
    }
    const sent = new Headers(answer.headers)
    for (const name of hopByHop) sent.delete(name)
    for (const name of ['location', 'www-authenticate', 'link']) {
      const value = sent.get(name)
      if (value !== null) sent.set(name, value.replaceAll(targetAddress, url))
    }
    if (action.change !== undefined) {
      const before = { status: answer.status, headers: sent, body: new Uint8Array(await answer.arrayBuffer()) }
      const { status = before.status, body = before.body, headers: changed = {} } = action.change(before)
      if (method !== 'HEAD') sent.set('content-length', String(body.length))
      for (const [name, value] of Object.entries(changed)) {
        if (value === null) sent.delete(name)
        else sent.set(name, value)
      }
      seen.status = status
      response.writeHead(status, Object.fromEntries(sent))
      response.end(method === 'HEAD' ? undefined : body)
      return
    }
    if (action.endless === true) {
      sent.delete('content-length')
      response.writeHead(answer.status, Object.fromEntries(sent))
      await answer.body?.cancel()
      return pipeline(endlessly(seen), response)
    }
    const short = action.truncateToBytes
    if (short !== undefined && Number(sent.get('content-length')) > short) sent.set('content-length', String(short))
    seen.status = answer.status
    response.writeHead(answer.status, Object.fromEntries(sent))
    if (method === 'HEAD' || !answer.body) response.end()
    else await pipeline(damaged(answer.body, action, seen), response)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const method = request.method ?? 'GET'
    const path = request.url ?? '/'
    const index = nextIndex++
    const headers = new Headers()
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined) headers.set(name, String(value))
    const kind = classify(method, path)
    const seen: SeenRequest = { index, method, path, ...kind, headers, status: undefined, bodyBytes: 0 }
    requests.push(seen)
    for (const tell of waiting) tell(seen)
    const action = options.onRequest?.(seen, index) ?? {}
    const delayMs = (options.delayMs ?? 0) + (action.delayMs ?? 0)
    if (delayMs > 0) await Bun.sleep(delayMs)
    await action.until
    if (!action.answer) return forward(request, seen, action, response)
    seen.status = action.answer.status
    response.writeHead(action.answer.status, action.answer.headers)
    response.end(action.answer.body)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      // Before the headers this is a registry that cannot be reached; after them the client sees its connection cut.
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end(String(error))
    })
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const ownPort = address !== null && typeof address === 'object' ? address.port : 0
  const url = `http://127.0.0.1:${ownPort}`

  return {
    url,
    host: `localhost:${ownPort}`,
    requests,
    count: (kind) =>
      kind === undefined ? requests.length : requests.filter((request) => request.kind === kind).length,
    reset: () => {
      requests.length = 0
    },
    seen: (condition) =>
      new Promise((resolve) => {
        const found = requests.find(condition)
        if (found) return resolve(found)
        const tell = (request: SeenRequest) => {
          if (!condition(request)) return
          waiting.delete(tell)
          resolve(request)
        }
        waiting.add(tell)
      }),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
