// A balancer as platforms have them: each request goes to the next server, whoever sends it, and one that refuses connections is passed over.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http'

export interface AnsweredRequest {
  readonly method: string
  readonly path: string
  /** Index of the server. */
  readonly by: number
}

export interface Balancer {
  readonly url: string
  /** `localhost:PORT`, for image references. */
  readonly host: string
  readonly answered: readonly AnsweredRequest[]
  stop(): Promise<void>
}

/** @param serverUrls read anew at each request: a server that is started again may have another port */
export async function startBalancer(serverUrls: () => readonly string[]): Promise<Balancer> {
  const answered: AnsweredRequest[] = []
  let turn = 0

  const passTo = (at: number, request: IncomingMessage, response: ServerResponse): Promise<boolean> =>
    new Promise((resolve) => {
      const { promise: connected, resolve: connect } = Promise.withResolvers<void>()
      const { method, url: path, headers } = request
      const onwards = openRequest(new URL(path ?? '/', serverUrls()[at]), { method, headers, agent: false })
      onwards.on('socket', (socket) => socket.once('connect', connect))
      onwards.on('error', (error) => {
        if ('code' in error && error.code === 'ECONNREFUSED') return resolve(false)
        if (response.headersSent) response.destroy()
        else response.writeHead(502).end(String(error))
        resolve(true)
      })
      onwards.on('response', (answer) => {
        answered.push({ method: method ?? 'GET', path: path ?? '/', by: at })
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('error', () => response.destroy())
        answer.on('aborted', () => response.destroy())
        answer.pipe(response)
        resolve(true)
      })
      response.on('close', () => onwards.destroy())
      // Nothing of the body is read before there is somebody who takes it.
      void connected.then(() => request.pipe(onwards))
      onwards.flushHeaders()
    })

  const server = createServer(async (request, response) => {
    const count = serverUrls().length
    const first = turn++
    for (let at = 0; at < count; at++) if (await passTo((first + at) % count, request, response)) return
    response.writeHead(503).end('no server answers')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    host: `localhost:${port}`,
    answered,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close').catch(() => {})
    },
  }
}
