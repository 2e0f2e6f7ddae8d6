import { expect, test } from 'bun:test'
import { isAppError } from '../../src/errors.ts'
import { listen } from '../../src/server/listener.ts'

/** Goes to another server and back, again and again: what was sent before has arrived by then. */
async function beTaken(): Promise<void> {
  const other = listen({ host: '127.0.0.1', port: 0 }, 'KAGAMI_LISTEN')
  other.serve({ fetch: async () => new Response('here') })
  for (let i = 0; i < 20; i++) expect(await (await fetch(other.url)).text()).toBe('here')
  await other.stop()
}

test('what comes before the app waits for it, whatever it asks', async () => {
  const listener = listen({ host: '127.0.0.1', port: 0 }, 'KAGAMI_LISTEN')
  try {
    const early = ['/v2/', '/healthz', '/readyz', '/token'].map((path) => fetch(`${listener.url}${path}`))
    const pushed = fetch(`${listener.url}/v2/`, { method: 'POST', body: 'the body of a push' })
    await beTaken()
    listener.serve({ fetch: async (request) => new Response(`${request.method} ${await request.text()}`) })
    for (const response of await Promise.all(early))
      expect([response.status, await response.text()]).toEqual([200, 'GET '])
    expect(await (await pushed).text()).toBe('POST the body of a push')
  } finally {
    await listener.stop()
  }
})

test('a start that fails leaves nobody waiting, and the port free', async () => {
  const listener = listen({ host: '127.0.0.1', port: 0 }, 'KAGAMI_LISTEN')
  const waiting = fetch(listener.url).then(
    (response) => response.status,
    () => 'closed',
  )
  await beTaken()
  await listener.stop()
  expect(await waiting).toBe('closed')
  const port = Number(new URL(listener.url).port)
  const next = listen({ host: '127.0.0.1', port }, 'KAGAMI_LISTEN')
  try {
    listen({ host: '127.0.0.1', port }, 'KAGAMI_LISTEN')
    throw new Error('the port was taken twice')
  } catch (error) {
    expect(isAppError(error, 'CONFIG_INVALID')).toBe(true)
  }
  await next.stop()
})
