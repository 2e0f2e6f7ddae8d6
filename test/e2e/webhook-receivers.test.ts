// A real server and receivers that misbehave: what each did is told in plain words, and the one that behaves notices nothing.
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer as createTls } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net'
import type { WebhookDelivery } from '../../src/api/webhooks.ts'
import { peakMiB } from '../bench/peak-memory.ts'
import { createTestCa } from '../support/certificates.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { startKagami } from '../support/kagami.ts'
import { freePort } from '../support/process.ts'
import { atLeast, startReceiver, status } from '../support/webhook-receiver.ts'
import { operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

const DAY_MS = 24 * 60 * 60 * 1000
const GIB = 1024 ** 3

async function rawReceiver(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createTcp((socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** For `localhost`, over for three days, by a CA that nobody knows. */
async function expiredReceiver(): Promise<string> {
  const authority = createTestCa()
  closers.push(() => authority.remove())
  const at = (days: number) => new Date(Date.now() + days * DAY_MS - 60_000)
  const server = createTls(authority.issue({ name: 'localhost', from: at(-30), to: at(-3) }), (_, answer) =>
    answer.end(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return `https://localhost:${(server.address() as AddressInfo).port}/`
}

async function receiver(...o: Parameters<typeof startReceiver>) {
  const made = await startReceiver(...o)
  closers.push(() => made.stop())
  return made
}

test('each has its words, and the healthy one its delivery at once', async () => {
  const kagami = await startKagami({ env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8,::1' } })
  closers.push(() => kagami.stop())
  const token = (await (await signIn(kagami)).createToken('admin')).password
  const owner = operatorOf(kagami, token)
  await owner.run(['repository', 'create', 'acme/odd'])

  let sent = 0
  const endless = await receiver((_, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    response.writeHead(200)
    const more = () => {
      while (sent < GIB) {
        sent += chunk.length
        if (!response.write(chunk)) return
      }
      response.end()
    }
    response.on('drain', more)
    more()
  })
  const redirects = await receiver(status(307, { location: 'http://10.0.0.5/in' }))
  const healthy = await receiver()
  const sockets = new Set<Socket>()
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  const cases: Record<string, { readonly url: string; readonly words: string | RegExp | null }> = {
    resets: {
      url: await rawReceiver((socket) => socket.once('data', () => socket.resetAndDestroy())),
      words: /^the connection was closed/,
    },
    redirects: { url: redirects.url, words: 'private address 10.0.0.5 is not allowed: KAGAMI_ALLOW_NETWORKS' },
    private: { url: 'http://10.0.0.5/', words: 'private address 10.0.0.5 is not allowed: KAGAMI_ALLOW_NETWORKS' },
    metadata: {
      url: 'http://169.254.169.254/',
      words: 'private address 169.254.169.254 is not allowed: KAGAMI_ALLOW_NETWORKS',
    },
    endless: { url: endless.url, words: null },
    expired: { url: await expiredReceiver(), words: 'certificate expired 3 days ago' },
    absent: { url: 'https://receiver.invalid/', words: 'the name receiver.invalid does not resolve' },
    refused: { url: `http://127.0.0.1:${await freePort()}/`, words: 'connection refused' },
    babbles: { url: await rawReceiver((socket) => socket.once('data', () => socket.end('what?\r\n\r\n'))), words: /./ },
  }
  const create = (name: string, url: string) =>
    owner.run(['webhook', 'create', 'acme/odd', url, '--name', name, '--plain-http', '--initial-sync', 'each'])
  for (const [name, { url }] of Object.entries(cases)) await create(name, url)
  await create('hangs', await rawReceiver((socket) => void sockets.add(socket)))
  await create('healthy', healthy.url)

  const pushed = Date.now()
  await emptyIndexPushed(kagami.url, 'acme/odd', 'v1', token)
  const [got] = await healthy.until(atLeast(1))
  expect((got?.at ?? Number.POSITIVE_INFINITY) - pushed).toBeLessThan(5000)

  const deliveryOf = async (name: string): Promise<WebhookDelivery | undefined> => {
    const page = await fetch(`${kagami.url}/api/v1/repositories/acme/odd/webhooks/${name}/deliveries`, {
      headers: { authorization: `Bearer ${token}` },
    })
    return ((await page.json()) as { deliveries: WebhookDelivery[] }).deliveries[0]
  }
  for (const [name, { words }] of Object.entries(cases)) {
    let delivery = await deliveryOf(name)
    while (delivery === undefined || delivery.attempts.length === 0) {
      await Bun.sleep(50)
      delivery = await deliveryOf(name)
    }
    if (words === null) {
      expect([name, delivery.status, delivery.attempts[0]?.answer]).toEqual([name, 'delivered', `${'x'.repeat(1024)}…`])
    } else {
      expect([name, delivery.status]).toEqual([name, 'failed'])
      const told = delivery.attempts[0]?.error ?? ''
      if (typeof words === 'string') expect([name, told]).toEqual([name, words])
      else expect(told).toMatch(words)
      expect(told).not.toMatch(/bug|undefined|\[object/)
    }
  }
  // It has its time; nobody waits for it, and the server ends all the same.
  expect((await deliveryOf('hangs'))?.status).toBe('pending')
  expect(sent).toBeLessThan(GIB / 16)
  expect(peakMiB(kagami.pid)).toBeLessThan(600)
})
