import { describe, expect, test } from 'bun:test'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { checkRegistry } from '../../src/remote/check-registry.ts'
import { type Answer, failed, OCI_INDEX, scriptedRegistry } from './scripted-registry.ts'

const http = createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] } })
const login = { username: 'bob', password: 'hunter2' }
const basic = `Basic ${Buffer.from('bob:hunter2').toString('base64')}`
const json = (value: unknown, init: ResponseInit = {}) => Response.json(value, init)
const denied = (challenge: string) =>
  json(
    { errors: [{ code: 'UNAUTHORIZED', message: 'no hunter2 here' }] },
    { status: 401, headers: { 'www-authenticate': challenge } },
  )

/** Basic at the door, a catalog of two under `team/`, and the referrers API. */
const whole: Answer = ({ path, headers }) => {
  if (headers.get('authorization') !== basic) return denied('Basic realm="x"')
  if (path === '/v2/') return json({}, { headers: { 'docker-distribution-api-version': 'registry/2.0' } })
  if (path.startsWith('/v2/_catalog')) return json({ repositories: ['other/app', 'team/app', 'team/web'] })
  if (path.startsWith('/v2/team/app/referrers/'))
    return json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, { headers: { 'content-type': OCI_INDEX } })
  return undefined
}

describe('a look at a registry', () => {
  test('tells what is there, and asks for nothing else', async () => {
    await using registry = scriptedRegistry(whole)
    expect(await checkRegistry({ http }, { url: `${registry.url}/team`, ...login })).toEqual({
      host: new URL(registry.url).host,
      apiVersion: 'registry/2.0',
      login: 'accepted',
      catalog: 'yes',
      referrersApi: 'yes',
      repository: 'app' as never,
    })
    expect(registry.asked.length).toBeLessThanOrEqual(8)
  })

  test('a refused login is an error that names it and shows no password', async () => {
    await using registry = scriptedRegistry(whole)
    const error = await failed(checkRegistry({ http }, { url: registry.url, username: 'bob', password: 'hunter3' }))
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_DENIED',
      expect.stringContaining('refuses the login of bob'),
    ])
    const same = await failed(checkRegistry({ http }, { url: registry.url, username: 'eve', password: 'hunter2' }))
    expect(JSON.stringify([same.message, same.detail])).not.toContain('hunter2')
  })

  test('a registry that repeats what it was asked with tells no secret, in an error or in what it lists', async () => {
    const echo: Answer = ({ path, headers }) => {
      const got = headers.get('authorization')
      if (got === null) return denied('Basic realm="x"')
      if (path.startsWith('/v2/_catalog')) return json({ repositories: ['hunter2'] })
      return new Response('{}', { headers: { 'docker-distribution-api-version': got } })
    }
    await using lister = scriptedRegistry(echo)
    const findings = await checkRegistry({ http }, { url: lister.url, ...login })
    expect(findings).toMatchObject({ login: 'accepted', apiVersion: null, repository: null })
    await using refuser = scriptedRegistry(({ headers }) => {
      const got = headers.get('authorization')
      return got === null ? denied('Basic realm="x"') : new Response(`not ${got} nor hunter2`, { status: 401 })
    })
    const error = await failed(checkRegistry({ http }, { url: refuser.url, ...login }))
    expect(error.code).toBe('UPSTREAM_DENIED')
    expect(JSON.stringify([error.message, error.detail])).not.toMatch(/hunter2|Ym9iOmh1bnRlcjI/)
  })

  test('without a login it says that one is wanted, by Basic and by a token service that gives nothing', async () => {
    await using registry = scriptedRegistry(whole)
    expect((await checkRegistry({ http }, { url: registry.url })).login).toBe('required')
    await using tokens = scriptedRegistry(({ path }, origin) =>
      path.startsWith('/token') ? json({}, { status: 401 }) : denied(`Bearer realm="${origin}/token",service="x"`),
    )
    expect(await checkRegistry({ http }, { url: tokens.url })).toMatchObject({ login: 'required', catalog: 'denied' })
    expect((await failed(checkRegistry({ http }, { url: tokens.url, ...login }))).code).toBe('UPSTREAM_DENIED')
  })

  test('a registry that asks for the login only further on: proven by the catalog, else not asked for', async () => {
    const door: Answer = ({ path, headers }) => {
      if (path === '/v2/') return new Response('{}')
      if (!path.startsWith('/v2/_catalog')) return undefined
      return headers.get('authorization') === basic ? json({ repositories: null }) : denied('Basic realm="x"')
    }
    await using registry = scriptedRegistry(door)
    const right = await checkRegistry({ http }, { url: registry.url, ...login })
    expect(right).toMatchObject({ login: 'accepted', catalog: 'yes', repository: null, apiVersion: null })
    const wrong = await checkRegistry({ http }, { url: registry.url, username: 'bob', password: 'wrong' })
    expect(wrong).toMatchObject({ login: 'not-asked', catalog: 'denied' })
    expect((await checkRegistry({ http }, { url: registry.url })).login).toBe('anonymous')
  })

  test('no catalog and no referrers API are no failure', async () => {
    await using plain = scriptedRegistry(({ path }) => (path === '/v2/' ? new Response('') : undefined))
    expect(await checkRegistry({ http }, { url: plain.url })).toMatchObject({ catalog: 'no', referrersApi: 'unknown' })
    await using old = scriptedRegistry(({ path }) => {
      if (path === '/v2/') return json({})
      if (path.startsWith('/v2/_catalog')) return json({ repositories: ['app'] })
      return new Response('404 page not found', { status: 404 })
    })
    expect(await checkRegistry({ http }, { url: old.url })).toMatchObject({ repository: 'app', referrersApi: 'no' })
    await using odd = scriptedRegistry(({ path }) => (path === '/v2/' ? json({}) : new Response('<html>')))
    expect(await checkRegistry({ http }, { url: odd.url })).toMatchObject({ catalog: 'unknown', repository: null })
  })

  test('what is no registry is refused: a page, a 404, a closed port, plain http where TLS is meant', async () => {
    await using page = scriptedRegistry(() => new Response('<!doctype html><p>Hello', { status: 200 }))
    await using nothing = scriptedRegistry(() => new Response('gone', { status: 404 }))
    for (const { url } of [page, nothing]) {
      const error = await failed(checkRegistry({ http }, { url }))
      expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining('no registry')])
    }
    const closed = await failed(checkRegistry({ http }, { url: 'http://127.0.0.1:1' }))
    expect([closed.code, closed.message]).toEqual(['UPSTREAM_UNAVAILABLE', expect.stringContaining('refused')])
    const tls = await failed(checkRegistry({ http }, { url: page.url.replace('http:', 'https:') }))
    expect(tls.message).toContain(`its address is ${page.url}`)
  })

  test('one without /v2/ that says so in the words of registries is one', async () => {
    await using files = scriptedRegistry(() => undefined)
    expect((await checkRegistry({ http }, { url: files.url })).login).toBe('unknown')
  })

  test('one that is busy is taken for a registry, one that is down is not, and neither is waited for', async () => {
    await using busy = scriptedRegistry(() => new Response('', { status: 429, headers: { 'retry-after': '3600' } }))
    expect((await checkRegistry({ http }, { url: busy.url, ...login })).login).toBe('unknown')
    await using down = scriptedRegistry(() => new Response('', { status: 502 }))
    expect((await failed(checkRegistry({ http }, { url: down.url }))).code).toBe('UPSTREAM_UNAVAILABLE')
    expect(down.asked.length).toBe(1)
    await using silent = scriptedRegistry(() => new Promise(() => {}))
    const late = await failed(checkRegistry({ http }, { url: silent.url }, { timeoutMs: 50 }))
    expect([late.code, late.message]).toEqual(['UPSTREAM_UNAVAILABLE', expect.stringContaining('0.05 seconds')])
  })

  test('an address that is not allowed is asked nothing', async () => {
    await using registry = scriptedRegistry(whole)
    const guarded = createHttpClient({ policy: { allowLoopback: false, allowNetworks: [] } })
    expect((await failed(checkRegistry({ http: guarded }, { url: registry.url, ...login }))).code).toBe(
      'ADDRESS_NOT_ALLOWED',
    )
    expect(registry.asked).toEqual([])
  })
})
