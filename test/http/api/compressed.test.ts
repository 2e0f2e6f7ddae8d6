import { afterAll, beforeAll, expect, test } from 'bun:test'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
  for (let i = 0; i < 60; i++) {
    const body = { name: `acme/compressed-${i}`, description: 'x'.repeat(60) }
    await kagami.call('POST', '/repositories', { login: OWNER, body })
  }
})
afterAll(() => kagami?.stop())

const get = (path: string, encoding: string) =>
  fetch(`${kagami.url}/api/v1${path}`, {
    headers: { authorization: authorization(OWNER), 'accept-encoding': encoding },
    decompress: false,
  })

test('a long answer is compressed for whoever takes it, and the same for whoever does not', async () => {
  const plain = await get('/repositories?limit=100', 'identity')
  const packed = await get('/repositories?limit=100', 'gzip, br')
  expect([plain, packed].map(({ headers }) => headers.get('content-encoding'))).toEqual([null, 'gzip'])
  expect([plain, packed].map(({ headers }) => headers.get('content-type'))).toEqual(Array(2).fill('application/json'))
  const [whole, short] = await Promise.all([plain.bytes(), packed.bytes()])
  expect(Buffer.from(Bun.gunzipSync(short)).toString()).toBe(Buffer.from(whole).toString())
  expect(short.length * 4).toBeLessThan(whole.length)
  expect(packed.headers.get('cache-control')).toBe('no-store')
})

test('short ones and refusals are as they were', async () => {
  for (const path of ['/user', '/repositories/acme/none']) {
    const answer = await get(path, 'gzip')
    expect([path, answer.headers.get('content-encoding')]).toEqual([path, null])
    expect(Object.keys((await answer.json()) as object).length).toBe(1)
  }
})

test('what is streamed is not waited for', async () => {
  const cut = new AbortController()
  const { headers, status } = await fetch(`${kagami.url}/api/v1/organizations/acme/events`, {
    headers: { authorization: authorization(OWNER), 'accept-encoding': 'gzip', accept: 'application/jsonl' },
    signal: cut.signal,
  })
  expect([status, headers.get('content-encoding')]).toEqual([200, null])
  cut.abort()
})
