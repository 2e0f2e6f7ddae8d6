import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createIssuers, findIssuerFault, type Issuers } from '../../../src/access/identity/issuers.ts'
import { verifyJwt } from '../../../src/access/identity/verify-jwt.ts'
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
  issuer.requests.length = 0
})

/** Lives as long as the tests' clock goes. */
const sign = () => issuer.sign({ sub: 'x', exp: Math.floor(clock.now().getTime() / 1000) + 300 })
const verify = async (jwt: string) =>
  verifyJwt({ issuers, clock }, jwt, { url: issuer.url, ca: null, organization: undefined })
const later = (seconds: number) => clock.advance(seconds * 1000)

describe('what issuers say of themselves', () => {
  test('is asked once, by all who ask at once too, and again after its time', async () => {
    await Promise.all([verify(await sign()), verify(await sign()), verify(await sign())])
    expect(issuer.requests).toEqual([DOCUMENT, '/keys'])
    later(601)
    await verify(await sign())
    expect(issuer.requests).toEqual([DOCUMENT, '/keys', '/keys'])
    later(3601)
    await verify(await sign())
    expect(issuer.requests.slice(3).sort()).toEqual([DOCUMENT, '/keys'])
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
