// A connection that is known by the process that serves it, where several share one port.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

export interface PinnedAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export interface PinnedConnection {
  /** Of the process that serves it. */
  readonly pid: number
  /** One request at a time. Rejects when the connection ends before its answer has. */
  send(method: string, path: string, o?: PinnedRequest): Promise<PinnedAnswer>
  close(): void
}

export interface PinnedRequest {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** Sends only half of the body until it is resolved. */
  readonly until?: Promise<unknown>
  /** Called once the process has read what stands before the body: it asks for the body then (`Expect: 100-continue`). */
  readonly onBegun?: () => void
}

/** The processes that `pid` has started. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  return Number(statOf(pid)?.[1])
}

/** Whether the process has not ended; one that nobody has asked about since it did has. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0]
  return state !== undefined && state !== 'Z'
}

/** From its state on (proc(5)). */
function statOf(pid: number | string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Connections to a port of 127.0.0.1, until each of these processes has answered one. */
export async function connectToEach(port: number, pids: readonly number[]): Promise<PinnedConnection[]> {
  const found = new Map<number, PinnedConnection>()
  while (found.size < pids.length) {
    const one = await open(port, pids)
    if (one === undefined) continue
    if (found.has(one.pid)) one.close()
    else found.set(one.pid, one)
  }
  return pids.flatMap((pid) => found.get(pid) ?? [])
}

/** Two connections: to the main process of a server, and to its one worker. @param except a worker that has been killed */
export async function connectToBoth(
  { pid, port }: { readonly pid: number; readonly port: number },
  except?: number,
): Promise<[PinnedConnection, PinnedConnection]> {
  let worker: number | undefined
  while (worker === undefined) {
    worker = childrenOf(pid).find((child) => child !== except)
    if (worker === undefined) await Bun.sleep(5)
  }
  const [main, other] = await connectToEach(port, [pid, worker])
  if (main === undefined || other === undefined) throw new Error('no connection')
  return [main, other]
}

async function open(port: number, pids: readonly number[]): Promise<PinnedConnection | undefined> {
  const socket = connect({ host: '127.0.0.1', port })
  const exchange = exchanges(socket)
  // Whoever answers has accepted it.
  const answered = await exchange('GET', '/healthz').catch(() => undefined)
  const pid = answered && ownerOf(port, socket.localPort ?? 0, pids)
  if (pid !== undefined) return { pid, send: exchange, close: () => socket.destroy() }
  socket.destroy()
  return undefined
}

/** Of the server's end of the connection from `client`. */
function ownerOf(port: number, client: number, pids: readonly number[]): number | undefined {
  const hex = (number: number) => `:${number.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  const fields = lines.map((line) => line.trim().split(/\s+/))
  const ours = fields.find(([, local, remote]) => local?.endsWith(hex(port)) && remote?.endsWith(hex(client)))
  const link = `socket:[${ours?.[9]}]`
  return pids.find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === link)
    } catch {
      return false
    }
  })
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

const CONTINUE = 'HTTP/1.1 100'

function exchanges(socket: Socket): PinnedConnection['send'] {
  let received = Buffer.alloc(0)
  let look = () => {}
  let isOver = false
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    look()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isOver = true
    look()
  })
  return async (method, path, { headers = {}, body, until, onBegun } = {}) => {
    const expect = onBegun === undefined ? {} : { expect: '100-continue' }
    const length = String(body?.byteLength ?? 0)
    const lines = Object.entries({ host: 'localhost', 'content-length': length, ...expect, ...headers })
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
    const half = until === undefined ? (body?.byteLength ?? 0) : (body?.byteLength ?? 0) >> 1
    if (body !== undefined && half > 0) socket.write(body.subarray(0, half))
    if (until !== undefined) void until.then(() => body !== undefined && socket.write(body.subarray(half)))
    const { promise, resolve, reject } = Promise.withResolvers<PinnedAnswer>()
    look = () => {
      if (received.subarray(0, CONTINUE.length).toString('latin1') === CONTINUE) {
        received = received.subarray(received.indexOf('\r\n\r\n') + 4)
        onBegun?.()
      }
      const answer = parse(received, method === 'HEAD')
      if (answer !== undefined) {
        received = received.subarray(answer.length)
        resolve(answer)
      } else if (isOver) reject(new Error('the connection ended before the answer'))
    }
    look()
    return promise
  }
}

/** The answer in front, if it is whole; its length, or chunks, say so. */
function parse(bytes: Buffer, isHead: boolean): (PinnedAnswer & { readonly length: number }) | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [first = '', ...rest] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = new Map(
    rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const status = Number(first.split(' ')[1])
  const start = end + 4
  if (isHead || status === 204) return { status, headers, body: Buffer.alloc(0), length: start }
  if (headers.get('transfer-encoding') === 'chunked') return parseChunks(bytes, start, { status, headers })
  const length = start + Number(headers.get('content-length') ?? 0)
  if (bytes.byteLength < length) return undefined
  return { status, headers, body: Buffer.from(bytes.subarray(start, length)), length }
}

function parseChunks(bytes: Buffer, start: number, head: Pick<PinnedAnswer, 'status' | 'headers'>) {
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    const next = line + 2 + size + 2
    if (bytes.byteLength < next) return undefined
    if (size === 0) return { ...head, body: Buffer.concat(chunks), length: next }
    chunks.push(Buffer.from(bytes.subarray(line + 2, line + 2 + size)))
    at = next
  }
}
