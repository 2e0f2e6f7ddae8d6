// Loopback is trusted by a setting, or while nobody but this machine can use the server; never because of a listening address alone.
import { afterAll, describe, expect, test } from 'bun:test'
import { isAddressAllowed } from '../../src/net/address-guard.ts'
import { addressPolicy, samplePolicy } from '../../src/server/address-policy.ts'
import { listen } from '../../src/server/listener.ts'
import { catalogIsRead } from '../support/catalog.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const LOOPBACK = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']
const trusts = (listening: string, publicUrl?: string, allowNetworks: readonly string[] = []) => {
  const policy = addressPolicy({ listening, publicUrl, allowNetworks })
  const answers = new Set(LOOPBACK.map((address) => isAddressAllowed(address, policy)))
  expect(answers.size).toBe(1)
  return answers.has(true)
}

describe('without KAGAMI_ALLOW_NETWORKS', () => {
  test.each([
    undefined,
    'http://localhost:5080',
    'https://LOCALHOST',
    'http://localhost.',
    'http://kagami.localhost',
    'http://127.0.0.1:5080',
    'http://127.1',
    'http://[::1]:5080',
    'http://[::ffff:127.0.0.1]',
  ])('loopback counts while the server listens there alone, with the address %s', (url) => {
    expect(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1'].map((address) => trusts(address, url))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['0.0.0.0', '::', '10.0.0.1', '192.0.2.1', ''].map((address) => trusts(address, url))).toEqual(
      Array(5).fill(false),
    )
  })

  test.each([
    'https://registry.example.com',
    'https://localhost.example.com',
    'https://notlocalhost',
    'https://10.0.0.1',
    'http://0.0.0.0:5080',
    'http://[::]',
  ])('a proxy with the public address %s ends that', (url) => {
    expect(trusts('127.0.0.1', url)).toBe(false)
  })
})

test('KAGAMI_ALLOW_NETWORKS decides where it is set', () => {
  for (const url of [undefined, 'https://registry.example.com']) {
    for (const listening of ['127.0.0.1', '0.0.0.0']) {
      for (const block of ['127.0.0.0/8', '::ffff:127.0.0.0/104', '0.0.0.0/0']) {
        expect(trusts(listening, url, ['10.0.0.0/8', block])).toBe(true)
      }
      expect(trusts(listening, url, ['10.0.0.0/8', 'fd00::/8', '::/0'].slice(0, 2))).toBe(false)
      const one = addressPolicy({ listening, publicUrl: url, allowNetworks: ['::1/128', '127.0.0.1'] })
      expect(['::1', '127.0.0.1', '127.0.0.2'].map((a) => isAddressAllowed(a, one))).toEqual([true, true, false])
    }
  }
})

test('the sample is reached wherever it listens', () => {
  const closed = addressPolicy({ listening: '0.0.0.0', publicUrl: 'https://x.example', allowNetworks: [] })
  for (const [url, address] of [
    ['http://127.0.0.1:5081/dhi', '127.0.0.1'],
    ['http://10.0.0.5:5081/dhi', '10.0.0.5'],
    ['http://[fd00::5]:5081/dhi', 'fd00::5'],
    ['http://localhost:5081/dhi', '::1'],
  ] as const) {
    expect(isAddressAllowed(address, samplePolicy(url, closed))).toBe(true)
    expect(isAddressAllowed('169.254.169.254', samplePolicy(url, closed))).toBe(false)
  }
})

test.each(['localhost', '127.1', '127.0.0.1'])(
  'a listener on %s knows the address that it is bound to',
  async (host) => {
    const listener = listen({ host, port: 0 }, 'KAGAMI_LISTEN')
    try {
      expect(['127.0.0.1', '::1']).toContain(listener.address)
    } finally {
      await listener.stop()
    }
  },
)

describe('the whole server behind a proxy with a public address', () => {
  const local = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ repositories: ['secret'] }) })
  afterAll(() => local.stop(true))

  test.each([
    [{ KAGAMI_URL: 'https://registry.example.com' }, 'ADDRESS_NOT_ALLOWED'],
    [{ KAGAMI_URL: 'https://registry.example.com', KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' }, undefined],
    [{ KAGAMI_URL: 'http://localhost:5080' }, undefined],
  ])('%j reads a local service: %s', async (env, code) => {
    const server = await startWholeServer({ env })
    try {
      for (const host of ['127.0.0.1', 'localhost']) {
        const body = { name: `local-${host.length}`, url: `http://${host}:${local.port}`, organization: 'acme' }
        await server.call('POST', '/upstreams', { login: OWNER, body })
        const list = () => server.call('GET', `/catalog?upstream=${body.name}&organization=acme`, { login: OWNER })
        await list()
        await catalogIsRead(server, body.name, 'acme')
        const answer = await list()
        expect([answer.code, answer.status < 300]).toEqual([code, code === undefined])
      }
    } finally {
      await server.stop()
    }
  })
})
