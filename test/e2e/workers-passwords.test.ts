// What comes with a password is served by the process that it reaches, and answered as the main process would: real processes, told apart by connection.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { basicAuthorization } from '../clients/raw-http.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { contentOf, ociRequests } from '../support/oci-requests.ts'
import { connectToBoth, type PinnedAnswer, type PinnedConnection } from '../support/pinned-connection.ts'
import { signIn } from './operator.ts'

setDefaultTimeout(30_000)

const MIB = 1024 * 1024
/** Addresses that a proxy in front, which is us, tells of clients. */
const env = { KAGAMI_WORKERS: '2', KAGAMI_TRUSTED_PROXIES: '127.0.0.1' }
let kagami: Kagami
let admin: { authorization: string }
let main: PinnedConnection
let worker: PinnedConnection

const basic = (username: string, password: string) => ({ authorization: basicAuthorization({ username, password }) })
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
/** What differs by itself from one answer to the next. */
const OF_EACH = ['date', 'x-request-id']
const told = ({ status, headers, body }: PinnedAnswer) => ({
  status,
  headers: Object.fromEntries([...headers].filter(([name]) => !OF_EACH.includes(name)).sort()),
  body: body.toString(),
})

async function api(method: string, path: string, body: unknown, headers: Record<string, string> = admin) {
  return main.send(method, `/api/v1${path}`, {
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  })
}

async function addUser(username: string): Promise<{ username: string; password: string }> {
  const password = `a long password of ${username}`
  expect((await api('POST', '/users', { username, password })).status).toBe(201)
  return { username, password }
}

beforeAll(async () => {
  kagami = await startKagami({ env })
  const token = (await (await signIn(kagami)).createToken('admin')).password
  admin = { authorization: `Bearer ${token}` }
  ;[main, worker] = await connectToBoth(kagami)
})
afterAll(async () => {
  await kagami?.stop()
})

test('whatever is said of credentials is the same at both processes, and counts at the very next request', async () => {
  const { username, password } = await addUser('ann')
  const right = basic(username, password)
  const asked = async (headers: Record<string, string>) => {
    const answers: number[] = []
    for (const [method, path] of [
      ['GET', '/v2/'],
      ['HEAD', '/v2/'],
      ['GET', '/token?service=kagami'],
      ['GET', '/v2/acme/none/tags/list'],
    ] as const) {
      const at = [await main.send(method, path, { headers }), await worker.send(method, path, { headers })] as const
      if (path.startsWith('/token') && at[0].status === 200) expect(at[1].status).toBe(200)
      else expect(told(at[1])).toEqual(told(at[0]))
      answers.push(at[0].status)
    }
    return answers
  }
  expect(await asked(right)).toEqual([200, 200, 200, 403])
  for (const wrong of [
    basic(username, 'not it'),
    basic('nobody', password),
    basic('', password),
    basic(username, 'x'.repeat(2000)),
    { authorization: 'Basic nonsense' },
  ])
    expect(await asked(wrong)).toEqual([401, 401, 401, 401])

  const { secret } = JSON.parse((await api('POST', '/user/two-factor', { password }, right)).body.toString())
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
  expect((await api('POST', '/user/two-factor/confirm', { code }, right)).status).toBe(200)
  expect(await asked(right)).toEqual([401, 401, 401, 401])
  expect((await worker.send('GET', '/v2/', { headers: right })).body.toString()).toContain('two-factor')

  const reset = { password: 'another password', endTwoFactor: true }
  expect((await api('PUT', `/users/${username}/password`, reset)).status).toBe(200)
  expect(await asked(right)).toEqual([401, 401, 401, 401])
  const renewed = basic(username, reset.password)
  expect(await asked(renewed)).toEqual([200, 200, 200, 403])

  expect((await api('PATCH', `/users/${username}`, { disabled: true })).status).toBe(200)
  expect(await asked(renewed)).toEqual([401, 401, 401, 401])
  expect((await worker.send('GET', '/v2/', { headers: renewed })).body.toString()).toContain('disabled')
  expect((await api('PATCH', `/users/${username}`, { disabled: false })).status).toBe(200)
  expect(await asked(renewed)).toEqual([200, 200, 200, 403])
})

test('guesses count by account and by the address that the proxy tells, together at both processes', async () => {
  const { username, password } = await addUser('bob')
  const from = (address: string, given: string) => ({ ...basic(username, given), 'x-forwarded-for': address })
  for (let number = 0; number < 10; number++) {
    const at = number % 2 === 0 ? worker : main
    expect((await at.send('GET', '/v2/', { headers: from('203.0.113.7', `guess ${number}`) })).status).toBe(401)
  }
  for (const at of [worker, main]) {
    // Not even the right one is looked at.
    const refused = await at.send('GET', '/v2/', { headers: from('203.0.113.7', password) })
    const { detail } = JSON.parse(refused.body.toString()).errors[0]
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, String(detail.retryAfterSeconds)])
    expect((await at.send('GET', '/v2/', { headers: from('203.0.113.8', password) })).status).toBe(200)
  }
  const log = await main.send('GET', '/api/v1/audit?limit=50', { headers: admin })
  expect(log.body.toString()).toContain('203.0.113.7')
})

test('a blob comes with its length by password too, whole, in part, and for HEAD; an upload takes its own way', async () => {
  const owner = basic(kagami.owner.username, kagami.owner.password)
  const layer = randomBytes(3 * MIB)
  const begun = await worker.send('POST', '/v2/acme/by-password/blobs/uploads/', { headers: owner })
  const session = new URL(begun.headers.get('location') ?? '', kagami.url)
  const target = `${session.pathname}${session.search}`
  expect((await worker.send('PATCH', target, { headers: owner, body: layer })).status).toBe(202)
  const asked = `${target}${session.search === '' ? '?' : '&'}digest=${encodeURIComponent(digestOf(layer))}`
  expect((await worker.send('PUT', asked, { headers: owner })).status).toBe(201)
  const path = `/v2/acme/by-password/blobs/${digestOf(layer)}`
  for (const at of [main, worker]) {
    const got = await at.send('GET', path, { headers: owner })
    expect([got.status, got.headers.get('content-length')]).toEqual([200, String(layer.length)])
    expect(got.body.equals(layer)).toBe(true)
    const part = await at.send('GET', path, { headers: { ...owner, range: 'bytes=5-1000004' } })
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '1000000'])
    expect(part.body.equals(layer.subarray(5, 1_000_005))).toBe(true)
    const head = await at.send('HEAD', path, { headers: owner })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer.length)])
  }
})

test('a pull that is cut with its worker goes on at the other process, from where it was', async () => {
  const bytes = new Uint8Array(24 * MIB).fill(3)
  const { digest } = await ociRequests(kagami.url, 'acme/cut', kagami.owner).pushBlob(contentOf(bytes))
  const owner = basic(kagami.owner.username, kagami.owner.password)
  const [other, dying] = await connectToBoth(kagami)
  const pull = dying.send('GET', `/v2/acme/cut/blobs/${digest}`, { headers: owner })
  const cut = pull.catch((error) => String(error))
  process.kill(dying.pid, 'SIGKILL')
  const got = await cut
  if (typeof got === 'string') expect(got).toContain('ended before')
  const rest = await other.send('GET', `/v2/acme/cut/blobs/${digest}`, { headers: { ...owner, range: 'bytes=1000-' } })
  expect([rest.status, rest.body.equals(bytes.subarray(1000))]).toEqual([206, true])
  ;[main, worker] = await connectToBoth(kagami, dying.pid)
  expect((await worker.send('GET', '/v2/', { headers: owner })).status).toBe(200)
})
