// What a public address leads to must be public, even where the operator allows the private network that it names.
import { afterAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { AppError } from '../../src/errors.ts'
import { type AddressPolicy, isAddressAllowed, isPublicAddress, policyAfter } from '../../src/net/address-guard.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request) => {
    const { pathname } = new URL(request.url)
    return pathname === '/away' ? Response.redirect('/here', 307) : new Response('private')
  },
})
afterAll(() => server.stop(true))
const policy: AddressPolicy = { allowLoopback: true, allowNetworks: ['127.0.0.0/8', '10.0.0.0/8', '0.0.0.0/0', '::/0'] }
const http = createHttpClient({ policy, lookup: async () => ['127.0.0.1'] })
const failed = (work: Promise<unknown>): Promise<AppError> =>
  work.then(
    () => Promise.reject(new Error('want a failure, got an answer')),
    (error) => error,
  )

describe('the way from a public address', () => {
  test.each(['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
    'led by %s nothing private is reached, by address, by name or by redirect',
    async (ledBy) => {
      for (const url of [`http://127.0.0.1:${server.port}/`, `http://name.test:${server.port}/away`]) {
        const error = await failed(http.request(new URL(url), { ledBy }))
        expect([error.code, error.message]).toEqual(['ADDRESS_NOT_ALLOWED', expect.stringContaining(ledBy)])
        expect(error.message).not.toContain('KAGAMI_ALLOW_NETWORKS')
      }
    },
  )

  test('private leads to private as the operator allows it, and an answer says what it may lead to', async () => {
    const response = await http.request(new URL(`http://name.test:${server.port}/away`), { ledBy: '10.0.0.1' })
    await response.body.cancel()
    expect([response.status, response.address, response.ledBy]).toEqual([200, '127.0.0.1', '127.0.0.1'])
  })

  test('any address: after a public one exactly the public ones are allowed, whatever came in between', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('127.0.0.1', '::1', '10.1.2.3', '169.254.169.254'))
    fc.assert(
      fc.property(address, fc.array(address), (target, between) => {
        const after = between.reduce((now, one) => (now.ledBy === undefined ? policyAfter(one, now) : now), policy)
        const led = policyAfter('8.8.8.8', policy)
        const later = between.reduce((now, one) => policyAfter(one, now), led)
        expect(isAddressAllowed(target, later)).toBe(isPublicAddress(target))
        if (between.some(isPublicAddress)) expect(isAddressAllowed(target, after)).toBe(isPublicAddress(target))
      }),
    )
  })
})

describe('addresses in disguise', () => {
  test('an address with a zone is not dialled: an URL does not hold it, and would be resolved again', async () => {
    for (const zoned of ['fe80::1%eth0', '2606:4700::1111%1', '::1%lo']) {
      const zones = createHttpClient({ policy, lookup: async () => [zoned] })
      const error = await failed(zones.request(new URL(`http://localhost:${server.port}/`), { plainHttp: true }))
      expect(error.code).toBe('ADDRESS_NOT_ALLOWED')
    }
  })

  test('loopback behind NAT64 is not ours, and mapped blocks are IPv4 blocks', () => {
    expect(isAddressAllowed('64:ff9b::7f00:1', { allowLoopback: true, allowNetworks: [] })).toBe(false)
    for (const block of ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3']) {
      expect(isAddressAllowed('10.1.2.3', { allowLoopback: false, allowNetworks: [block] })).toBe(true)
      expect(isAddressAllowed('192.168.2.3', { allowLoopback: false, allowNetworks: [block] })).toBe(false)
    }
  })

  test.each(['2002:7f00:1::', '2002:a00:1::1', '2001:0:7f00:1::', '::10.0.0.1', '2001:20::1', '3fff::1', 'ff0e::1'])(
    '%s is not public',
    (address) => {
      expect(isPublicAddress(address)).toBe(false)
    },
  )
})
