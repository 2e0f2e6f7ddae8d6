import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createIssuers, findIssuerFault, type Issuers } from '../../../src/access/identity/issuers.ts'
import { guardedFetch } from '../../../src/access/identity/provider-client.ts'
import { verifyJwt } from '../../../src/access/identity/verify-jwt.ts'
import { AppError } from '../../../src/errors.ts'
import { createHttpClient } from '../../../src/net/guarded-fetch.ts'
import { type IdentityIssuer, startIdentityIssuer } from '../../support/identity-issuer.ts'
import { createTestClock, type TestClock } from '../access-instance.ts'

const DOCUMENT = '/.well-known/openid-configuration'
let issuer: IdentityIssuer
let clock: TestClock
let issuers: Issuers
beforeAll(async () => {
  issuer = await startIdentityIssuer()
})
afterAll(() => issuer?.stop())
beforeEach(() => {
  clock = createTestClock(Date.now())
  const http = createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] } })
  issuers = createIssuers({ http, clock })
  issuer.fault = undefined
  issuer.hold = undefined
  issuer.requests.length = 0
})

/** Lives as long as the tests' clock goes. */
const sign = () => issuer.sign({ sub: 'x', exp: Math.floor(clock.now().getTime() / 1000) + 300 })
const verify = async (jwt: string, organization?: string) =>
  verifyJwt({ issuers, clock }, jwt, { url: issuer.url, ca: null, organization })
/** Until so many requests have come: some are made while nobody waits for them. */
async function asked(requests: number) {
  for (let turns = 0; issuer.requests.length < requests && turns < 10_000; turns++) await new Promise(setImmediate)
}
const later = (seconds: number) => clock.advance(seconds * 1000)

describe('what issuers say of themselves', () => {
  test('is asked once, by all who ask at once too, and again after its time', async () => {
    await Promise.all([verify(await sign()), verify(await sign()), verify(await sign())])
    expect(issuer.requests).toEqual([DOCUMENT, '/keys'])
    later(601)
    await verify(await sign())
    await asked(3)
    expect(issuer.requests).toEqual([DOCUMENT, '/keys', '/keys'])
    // After a long time what is there is not used before it was asked for.
    later(2 * 3600 + 601)
    await verify(await sign())
    expect(issuer.requests.slice(3)).toEqual([DOCUMENT, '/keys'])
  })

  test('keys that were rotated are asked for at once, after a pause since the last look', async () => {
    await verify(await sign())
    await issuer.rotate()
    later(29)
    await expect(verify(await sign())).rejects.toMatchObject({ message: "its key is not in its issuer's key set" })
    expect(issuer.requests).toEqual([DOCUMENT, '/keys'])
    later(1)
    await verify(await sign())
    expect(issuer.requests).toEqual([DOCUMENT, '/keys', '/keys'])
    // Keys of nobody make us look no more often than that.
    for (let times = 0; times < 5; times++) {
      await expect(verify(await issuer.sign({ sub: 'x' }, { kid: `made up ${times}` }))).rejects.toThrow('key set')
    }
    expect(issuer.requests.length).toBe(3)
  })

  test('a failure is remembered for the pause, and then forgotten', async () => {
    issuer.fault = 'down'
    await expect(verify(await sign())).rejects.toThrow('answered 503')
    issuer.fault = undefined
    later(29)
    await expect(verify(await sign())).rejects.toThrow('answered 503')
    later(1)
    await verify(await sign())
  })

  describe('once it is known, nobody takes it from those who need it:', () => {
    const madeUp = () =>
      issuer.sign({ sub: 'x', exp: Math.floor(clock.now().getTime() / 1000) + 300 }, { kid: 'made up' })

    test('a key that somebody made up while the issuer is down', async () => {
      await verify(await sign())
      later(31)
      issuer.fault = 'down'
      await expect(verify(await madeUp())).rejects.toThrow('answered 503')
      for (let times = 0; times < 3; times++) await verify(await sign())
      // For hours, if it must be: longer than a day without an issuer nothing is believed.
      later(12 * 3600)
      await verify(await sign())
      later(12 * 3600)
      await expect(verify(await sign())).rejects.toThrow('answered 503')
      later(31)
      issuer.fault = undefined
      await verify(await sign())
    })

    test('an issuer that hangs: who knows the key does not wait', async () => {
      await verify(await sign())
      const held = Promise.withResolvers<void>()
      issuer.hold = held.promise
      later(601)
      const waiting = verify(await madeUp()).catch((error) => error.message)
      await asked(3)
      await verify(await sign())
      later(3000)
      await verify(await sign())
      held.resolve()
      issuer.hold = undefined
      expect(await waiting).toContain('key set')
    })

    test('the share of another organization that is full', async () => {
      const http = createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] } })
      const full = new AppError('UPSTREAM_UNAVAILABLE', 'the share of evil is full')
      issuers = createIssuers({
        clock,
        http: {
          ...http,
          request: (url, o) => (o?.payer?.organization === 'evil' ? Promise.reject(full) : http.request(url, o)),
        },
      })
      await expect(verify(await sign(), 'evil')).rejects.toThrow('share of evil')
      // Not even before it is known: each pays, and waits, for itself.
      await verify(await sign(), 'acme')
      later(31)
      await expect(verify(await madeUp(), 'evil')).rejects.toThrow('share of evil')
      await verify(await sign(), 'acme')
      await issuer.rotate()
      await verify(await sign(), 'acme')
      await verify(await sign(), 'evil')
    })
  })

  test('an issuer that does not answer in time is at fault, by its name', async () => {
    const http = createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] } })
    const impatient = createIssuers({ http, clock, timeoutMs: 20 })
    const held = Promise.withResolvers<void>()
    issuer.hold = held.promise
    const asked = impatient.describe({ url: issuer.url, ca: null, organization: undefined })
    await expect(asked).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      message: `${new URL(issuer.url).host} did not give the discovery document within 0.02 seconds`,
    })
    // So is a provider whose token endpoint hangs.
    const provider = guardedFetch(http, { url: issuer.url, ca: null, organization: undefined }, '127.0.0.1')
    const redeemed = provider(`${issuer.url}/token`, {
      ...{ method: 'GET', headers: {}, body: undefined, redirect: 'manual' },
      signal: AbortSignal.timeout(20),
    })
    await expect(redeemed).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      message: expect.stringContaining(`${new URL(issuer.url).host} did not answer within`),
    })
    held.resolve()
    issuer.hold = undefined
  })

  test('addresses that the operator does not allow are not reached', async () => {
    const http = createHttpClient({ policy: { allowLoopback: false, allowNetworks: [] } })
    const guarded = createIssuers({ http, clock })
    const asked = guarded.describe({ url: issuer.url, ca: null, organization: undefined })
    await expect(asked).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(issuer.requests).toEqual([])
  })

  test.each([
    ['https://login.example.com', undefined],
    ['https://login.example.com/tenant/v2.0', undefined],
    ['http://127.0.0.1:5556/dex', undefined],
    ['http://login.example.com', 'https'],
    ['http://127.0.0.1.example.com', 'https'],
    ['ftp://127.0.0.1', 'https'],
    ['https://login.example.com?x=1', 'query'],
    ['https://u:p@login.example.com', 'user name'],
    ['login.example.com', 'URL'],
  ])('%s as an issuer: %p', (url, fault) => {
    const found = findIssuerFault(url)
    if (fault === undefined) expect(found).toBeUndefined()
    else expect(found).toContain(fault)
  })
})
