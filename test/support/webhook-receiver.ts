// A receiver of webhooks: keeps what comes, and answers as a test wants.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly json: HubBody
  readonly at: number
}

/** What tests look at. */
export interface HubBody {
  readonly callback_url: string
  readonly push_data?: { readonly tag: string; readonly pusher: string; readonly pushed_at: number }
  readonly repository: { readonly repo_name: string }
  readonly kagami: {
    readonly eventId: string
    readonly seq: number
    readonly kind: string
    readonly tag: string | null
    readonly previousDigest: string | null
    readonly digest: string | null
  }
}

export type Answer = (received: Received, response: ServerResponse, request: IncomingMessage) => void

export interface Receiver {
  readonly url: string
  readonly received: readonly Received[]
  /** Resolves with all that has come once `enough` says so. */
  until(enough: (received: readonly Received[]) => boolean): Promise<readonly Received[]>
  answerWith(answer: Answer): void
  stop(): void
}

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, text = ''): Answer =>
  (_, response) => {
    response.writeHead(code, headers)
    response.end(text)
  }

/** @param port of an earlier one, so that its address stays */
export async function startReceiver(first: Answer = status(200), port = 0): Promise<Receiver> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  let answer = first
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const one: Received = {
        path: request.url ?? '',
        headers: request.headers as Record<string, string>,
        body,
        get json() {
          return JSON.parse(body) as HubBody
        },
        at: Date.now(),
      }
      received.push(one)
      answer(one, response, request)
      for (const look of [...waiting]) look()
    })
    request.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    until: (enough) =>
      new Promise((resolve) => {
        const look = () => {
          if (!enough(received)) return
          waiting.delete(look)
          resolve(received)
        }
        waiting.add(look)
        look()
      }),
    answerWith(next) {
      answer = next
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** So many have come. */
export const atLeast = (count: number) => (received: readonly Received[]) => received.length >= count
