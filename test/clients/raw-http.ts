// HTTP by hand over a socket: a client that sends and reads when the test says so, and not before.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

export interface RawExchange {
  /** Sends more of the body; resolves when the system has taken it. */
  write(bytes: Uint8Array): Promise<void>
  /** The head of the answer; no byte of the body is read beyond what came with it. */
  head(): Promise<RawAnswer>
  /** Bytes of the body that have been read so far. */
  readonly receivedBytes: () => number
  /** Reads the body to the end of its Content-Length, handing on each piece. */
  readBody(onPiece: (piece: Uint8Array) => void): Promise<void>
  destroy(): void
}

const SEPARATOR = '\r\n\r\n'

/** Opens a connection of its own and sends the head of a request; the body follows by `write`. */
export async function openExchange(
  url: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawExchange> {
  const { hostname, port, host } = new URL(url)
  const socket: Socket = connect({ host: hostname, port: Number(port) })
  await once(socket, 'connect')
  socket.pause()
  // A server that ends the connection is seen by whoever reads or writes next.
  socket.on('error', () => {})
  const lines = Object.entries({ host, connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}${SEPARATOR}`)

  let received = Buffer.alloc(0)
  let answer: RawAnswer | undefined
  let bodyBytes = 0
  /** Reads on until `isEnough`; then the connection is left alone again. */
  const readUntil = (isEnough: (piece: Buffer) => boolean) =>
    new Promise<void>((resolve, reject) => {
      const stop = () => {
        socket.pause()
        socket.off('data', onData)
        socket.off('close', onClose)
      }
      const onData = (piece: Buffer) => {
        if (!isEnough(piece)) return
        stop()
        resolve()
      }
      const onClose = () => {
        stop()
        reject(new Error(`${method} ${path}: the connection ended after ${bodyBytes} bytes of body`))
      }
      socket.on('data', onData)
      socket.on('close', onClose)
      socket.resume()
    })

  const head: RawExchange['head'] = async () => {
    if (answer !== undefined) return answer
    await readUntil((piece) => {
      received = Buffer.concat([received, piece])
      return received.includes(SEPARATOR)
    })
    const end = received.indexOf(SEPARATOR)
    const [first = '', ...rest] = received.subarray(0, end).toString('latin1').split('\r\n')
    const pairs = rest.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    })
    received = received.subarray(end + SEPARATOR.length)
    bodyBytes = received.length
    answer = { status: Number(first.split(' ')[1]), headers: new Map(pairs) }
    return answer
  }
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    head,
    receivedBytes: () => bodyBytes,
    async readBody(onPiece) {
      const { headers: told } = await head()
      const size = Number(told.get('content-length'))
      if (received.length > 0) onPiece(received)
      received = Buffer.alloc(0)
      if (bodyBytes >= size) return
      await readUntil((piece) => {
        bodyBytes += piece.length
        onPiece(piece)
        return bodyBytes >= size
      })
    },
    destroy: () => socket.destroy(),
  }
}

/** `Basic …` of a user name and password. */
export function basicAuthorization(who: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${who.username}:${who.password}`).toString('base64')}`
}
