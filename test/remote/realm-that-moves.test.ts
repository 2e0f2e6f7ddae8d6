// What was learned of a registry's token service is forgotten when it fails, and the registry is asked again.
import { describe, expect, test } from 'bun:test'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { freePort } from '../support/process.ts'
import {
  APP,
  type Asked,
  collect,
  failed,
  loopbackNetwork,
  type ScriptedRegistry,
  scriptedRegistry,
} from './scripted-registry.ts'

const ME = { username: 'me', password: 'hunter2' }

/** A registry whose challenge and whose idea of a good token a test can change, with the tokens expired after each pass. */
function movable(first: (origin: string) => string) {
  const state = { challenge: first, isGood: (token: string) => token !== '' }
  const registry = scriptedRegistry(({ path, headers }, origin) => {
    if (path.startsWith('/token')) return Response.json({ token: `own-${path}`, expires_in: 300 })
    if (state.isGood(headers.get('authorization')?.replace(/^\w+ /, '') ?? '')) {
      return Response.json({ name: 'app', tags: ['1'] })
    }
    return new Response('', { status: 401, headers: { 'www-authenticate': state.challenge(origin) } })
  })
  return { state, registry }
}

function setup(registry: ScriptedRegistry) {
  let nowMs = Date.parse('2026-11-01T00:00:00Z')
  const network = loopbackNetwork({ clock: { now: () => new Date(nowMs) } })
  const reader = openRemoteRepository(network, { url: registry.url, ...ME }, APP)
  const list = () => collect(reader.listTags())
  /** All tokens have expired. */
  const later = () => {
    nowMs += 3_600_000
  }
  return { network, list, later }
}

const bearer = (realm: string, more = '') => `Bearer realm="${realm}"${more}`

describe('a token service that is gone', () => {
  const DEAD: Readonly<Record<string, (asked: Asked) => Response | undefined>> = {
    'answers 404': () => undefined,
    'answers 410': () => new Response('', { status: 410 }),
    'answers 401': () => new Response('', { status: 401 }),
    'answers 403': () => new Response('', { status: 403 }),
    'answers 502': () => new Response('', { status: 502 }),
    'is a web page': () => new Response('<html>moved'),
    'gives no token': () => Response.json({}),
    'redirects to nothing': () => new Response(null, { status: 302, headers: { location: 'ftp://x/' } }),
  }

  test.each(Object.keys(DEAD))('and %s is forgotten: the registry names the next one', async (how) => {
    let isDead = false
    await using old = scriptedRegistry((asked) => (isDead ? DEAD[how]?.(asked) : Response.json({ token: 'old' })))
    const { state, registry } = movable(() => bearer(`${old.url}/token`))
    await using _ = registry
    const { list, later } = setup(registry)
    expect(await list()).toHaveLength(1)
    isDead = true
    state.challenge = (origin) => bearer(`${origin}/token`)
    later()
    expect(await list()).toHaveLength(1)
    later()
    const before = old.asked.length
    expect(await list()).toHaveLength(1)
    expect(old.asked).toHaveLength(before)
  })

  test('and no longer listens', async () => {
    const port = await freePort()
    const gone = scriptedRegistry(() => Response.json({ token: 'old' }))
    const { state, registry } = movable(() => bearer(`${gone.url}/token`))
    await using _ = registry
    const { list, later } = setup(registry)
    await list()
    await gone[Symbol.asyncDispose]()
    state.challenge = (origin) => bearer(`${origin}/token`)
    later()
    expect(await list()).toHaveLength(1)
    // Now it was never there: known at once to be the registry's word, and told.
    state.challenge = () => bearer(`http://127.0.0.1:${port}/token`)
    state.isGood = () => false
    later()
    expect((await failed(list())).code).toBe('UPSTREAM_UNAVAILABLE')
    state.isGood = (token) => token !== ''
    state.challenge = (origin) => bearer(`${origin}/token`)
    expect(await list()).toHaveLength(1)
  })

  test('is asked once a request when the registry still names it, and the first error is told', async () => {
    let answers = 1
    await using old = scriptedRegistry(() => (answers-- > 0 ? Response.json({ token: 'old' }) : undefined))
    const { registry } = movable(() => bearer(`${old.url}/token`))
    await using _ = registry
    const { list, later } = setup(registry)
    await list()
    later()
    const error = await failed(list())
    expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining('answered 404')])
    expect(old.asked).toHaveLength(2)
    // It comes back: nothing of its absence is remembered.
    answers = 1
    expect(await list()).toHaveLength(1)
  })

  test('is no reason to send credentials where a redirect of the ping leads', async () => {
    await using other = scriptedRegistry(
      (_, origin) => new Response('', { status: 401, headers: { 'www-authenticate': bearer(`${origin}/token`) } }),
    )
    await using registry = scriptedRegistry(({ path }) =>
      path === '/v2/' ? Response.redirect(`${other.url}/v2/`, 307) : new Response('', { status: 401 }),
    )
    const { list } = setup(registry)
    expect((await failed(list())).code).toBe('UPSTREAM_DENIED')
    expect(other.lines()).toEqual(['GET /v2/'])
  })
})

describe('a registry that asks for something else now', () => {
  test('another service, another scope, and the first ones again', async () => {
    const { state, registry } = movable((origin) =>
      bearer(`${origin}/token`, ',service="one",scope="repository:a:pull"'),
    )
    await using _ = registry
    const asks = (service: string, scope: string) => (token: string) =>
      token.includes(`service=${service}`) && token.includes(encodeURIComponent(scope))
    state.isGood = asks('one', 'repository:a:pull')
    const { list } = setup(registry)
    expect(await list()).toHaveLength(1)
    for (const [service, scope] of [
      ['two', 'repository:a:pull'],
      ['two', 'repository:b:pull'],
      ['two', 'repository:app:pull'],
      ['one', 'repository:a:pull'],
    ] as const) {
      state.challenge = (origin) => bearer(`${origin}/token`, `,service="${service}",scope="${scope}"`)
      state.isGood = asks(service, scope)
      expect(await list()).toHaveLength(1)
      // And it is remembered: no refusal in the next pass.
      const before = registry.asked.length
      expect(await list()).toHaveLength(1)
      expect(registry.asked).toHaveLength(before + 1)
    }
  })

  test('Basic in place of a token service that is gone, and nothing at all', async () => {
    let isDead = false
    await using old = scriptedRegistry(() => (isDead ? undefined : Response.json({ token: 'old' })))
    const { state, registry } = movable(() => bearer(`${old.url}/token`))
    await using _ = registry
    const { list, later } = setup(registry)
    await list()
    isDead = true
    later()
    state.challenge = () => 'Basic realm="x"'
    state.isGood = (token) => token === Buffer.from('me:hunter2').toString('base64')
    expect(await list()).toHaveLength(1)
    state.isGood = () => true
    expect(await list()).toHaveLength(1)
  })

  test('nothing at all, once its token service is gone', async () => {
    let isDead = false
    await using old = scriptedRegistry(() => (isDead ? undefined : Response.json({ token: 'old' })))
    const { state, registry } = movable(() => bearer(`${old.url}/token`))
    await using _ = registry
    const { list, later } = setup(registry)
    await list()
    isDead = true
    later()
    state.isGood = () => true
    expect(await list()).toHaveLength(1)
    expect(registry.asked.at(-1)?.headers.get('authorization')).toBeNull()
  })
})
