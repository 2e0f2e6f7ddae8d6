import { describe, expect, test } from 'bun:test'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { APP, type Asked, collect, failed, loopbackNetwork, scriptedRegistry } from './scripted-registry.ts'

const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
const TAGS = '/v2/app/tags/list?n=1000'
const tagList = () => Response.json({ name: 'app', tags: ['1'] })

function unauthorized(challenge?: string | string[]): Response {
  const headers = new Headers()
  for (const one of challenge === undefined ? [] : [challenge].flat()) headers.append('www-authenticate', one)
  return Response.json(
    { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
    { status: 401, headers },
  )
}

/** A registry that wants a token which its own `/token` gives; `token` answers a token request. */
function tokenRegistry(
  token: (asked: Asked, count: number) => Response | undefined,
  isGood = (value: string) => value.startsWith('t'),
) {
  let count = 0
  return scriptedRegistry((asked, origin) => {
    if (asked.path.startsWith('/token')) return token(asked, ++count)
    const value = asked.headers.get('authorization')?.replace('Bearer ', '') ?? ''
    if (isGood(value)) return asked.path.startsWith('/v2/app/') ? tagList() : undefined
    return unauthorized(`Bearer realm="${origin}/token",service="svc",scope="repository:app:pull"`)
  })
}

const ME = { username: 'me', password: 'hunter2' }
const tokenQuery = (asked: Asked | undefined) => Object.fromEntries(new URL(asked?.path ?? '', 'http://x').searchParams)

describe('bearer tokens (distribution token.md)', () => {
  test('the first request goes out as it is; its 401 is answered with a token, which later requests carry at once', async () => {
    await using registry = tokenRegistry(() => Response.json({ token: 't1', expires_in: 300 }))
    const network = loopbackNetwork()
    const reader = openRemoteRepository(network, { url: registry.url, ...ME }, APP)
    await collect(reader.listTags())
    await collect(reader.listTags())
    await collect(openRemoteRepository(network, { url: registry.url, ...ME }, APP).listTags())
    expect(registry.asked.map(({ path }) => path.split('?')[0])).toEqual([
      '/v2/app/tags/list',
      '/token',
      ...Array(3).fill('/v2/app/tags/list'),
    ])
    expect(tokenQuery(registry.asked[1])).toEqual({
      service: 'svc',
      scope: 'repository:app:pull',
      client_id: 'kagami',
      account: 'me',
    })
    expect(registry.asked.map(({ headers }) => headers.get('authorization'))).toEqual([
      null,
      basic('me', 'hunter2'),
      'Bearer t1',
      'Bearer t1',
      'Bearer t1',
    ])
  })

  test('without credentials the token request is anonymous, and access_token does as well', async () => {
    await using registry = tokenRegistry(() => Response.json({ access_token: 't1' }))
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
    expect(await collect(reader.listTags())).toHaveLength(1)
    expect(registry.asked[1]?.headers.get('authorization')).toBeNull()
  })

  for (const [title, scope] of [
    ['an empty scope', ',scope=""'],
    ['a blank scope', ',scope=" "'],
    ['no scope', ''],
  ] as const) {
    test(`a challenge with ${title}, first or for an expired token, is answered with the scope that the request needs`, async () => {
      let good = 't1'
      await using registry = scriptedRegistry((asked, origin) => {
        const query = new URL(asked.path, origin).searchParams
        if (asked.path.startsWith('/token')) {
          return Response.json({ token: query.get('scope') === 'repository:app:pull' ? good : 'none', expires_in: 300 })
        }
        if (asked.headers.get('authorization') === `Bearer ${good}`) return tagList()
        return unauthorized(`Bearer realm="${origin}/token",service="svc"${scope},error="invalid_token"`)
      })
      const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
      expect(await collect(reader.listTags())).toHaveLength(1)
      good = 't2'
      expect(
        await collect(openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP).listTags()),
      ).toHaveLength(1)
      expect(await collect(reader.listTags())).toHaveLength(1)
    })
  }

  test('many requests at once share one token request', async () => {
    await using registry = tokenRegistry(() => Response.json({ token: 't1', expires_in: 300 }))
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP)
    await Promise.all(Array.from({ length: 6 }, () => collect(reader.listTags())))
    expect(registry.lines().filter((line) => line.startsWith('GET /token'))).toHaveLength(1)
  })

  test('a token is renewed when less than 30 seconds remain; a missing expires_in means 60', async () => {
    let nowMs = Date.parse('2026-11-01T00:00:00Z')
    await using registry = tokenRegistry((_, count) => Response.json({ token: `t${count}` }))
    const network = loopbackNetwork({ clock: { now: () => new Date(nowMs) } })
    const reader = openRemoteRepository(network, { url: registry.url, ...ME }, APP)
    await collect(reader.listTags())
    nowMs += 29_000
    await collect(reader.listTags())
    nowMs += 2000
    await collect(reader.listTags())
    expect(
      registry.asked.filter(({ path }) => path === TAGS).map(({ headers }) => headers.get('authorization')),
    ).toEqual([null, 'Bearer t1', 'Bearer t1', 'Bearer t2'])
  })

  test('a token that the registry no longer takes is replaced once', async () => {
    let revoked = ''
    await using registry = tokenRegistry(
      (_, count) => Response.json({ token: `t${count}`, expires_in: 300 }),
      (value) => value !== '' && value !== revoked,
    )
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP)
    await collect(reader.listTags())
    revoked = 't1'
    expect(await collect(reader.listTags())).toHaveLength(1)
    expect(registry.asked.at(-1)?.headers.get('authorization')).toBe('Bearer t2')
  })

  test("the registry's own scope is asked for, and remembered", async () => {
    await using registry = scriptedRegistry((asked, origin) => {
      if (asked.path.startsWith('/token'))
        return Response.json({ token: asked.path.includes('special') ? 'good' : 'poor', expires_in: 300 })
      if (asked.headers.get('authorization') === 'Bearer good') return tagList()
      return unauthorized(`Bearer realm="${origin}/token",scope="repository:special/app:pull"`)
    })
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
    await collect(reader.listTags())
    await collect(reader.listTags())
    expect(registry.lines().map((line) => line.split('?')[0])).toEqual([
      'GET /v2/app/tags/list',
      'GET /token',
      'GET /v2/app/tags/list',
      'GET /v2/app/tags/list',
    ])
  })

  test('several challenges, the useful one last, unquoted', async () => {
    await using registry = scriptedRegistry((asked, origin) => {
      if (asked.path.startsWith('/token')) return Response.json({ token: 't', expires_in: 300 })
      if (asked.headers.get('authorization') === 'Bearer t') return tagList()
      return unauthorized(['Negotiate', 'Basic realm="x"', `Bearer realm=${origin}/token,service=svc`])
    })
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP)
    expect(await collect(reader.listTags())).toHaveLength(1)
  })

  test('a 401 without a challenge is answered by the challenge of /v2/, also when all places are taken', async () => {
    await using registry = scriptedRegistry((asked, origin) => {
      if (asked.path.startsWith('/token')) return Response.json({ token: 't', expires_in: 300 })
      if (asked.path === '/v2/') return unauthorized(`Bearer realm="${origin}/token",service="svc"`)
      return asked.headers.get('authorization') === 'Bearer t' ? tagList() : unauthorized()
    })
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
    const lists = await Promise.all(Array.from({ length: 12 }, () => collect(reader.listTags())))
    expect(lists.flat()).toHaveLength(12)
    expect(registry.lines()).toContain('GET /v2/')
  })

  test('a refresh token is sent by POST; where POST is not known, by GET', async () => {
    for (const postStatus of [200, 404, 400, 401, 405]) {
      await using registry = tokenRegistry(({ method }) =>
        method === 'POST' && postStatus !== 200
          ? new Response('no', { status: postStatus })
          : Response.json({ access_token: 't1', expires_in: 300 }),
      )
      const reader = openRemoteRepository(
        loopbackNetwork(),
        { url: registry.url, username: '<token>', password: 'refresh-me' },
        APP,
      )
      expect(await collect(reader.listTags())).toHaveLength(1)
      const [post, get] = registry.asked.filter(({ path }) => path.startsWith('/token'))
      expect(Object.fromEntries(new URLSearchParams(post?.body))).toEqual({
        grant_type: 'refresh_token',
        client_id: 'kagami',
        service: 'svc',
        scope: 'repository:app:pull',
        refresh_token: 'refresh-me',
      })
      expect(get?.method).toBe(postStatus === 200 ? undefined : 'GET')
    }
  })
})

describe('refusals', () => {
  test('a wrong password is told with what the token service said, and never shown', async () => {
    await using registry = tokenRegistry(() =>
      Response.json({ details: 'incorrect username or password hunter2' }, { status: 401 }),
    )
    const error = await failed(
      collect(openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP).listTags()),
    )
    expect(error.code).toBe('UPSTREAM_DENIED')
    expect(error.message).toContain('incorrect username or password [redacted]')
    expect(JSON.stringify([error.message, error.detail])).not.toContain('hunter2')
  })

  test('a token that does not help is UPSTREAM_DENIED after one try, and is not shown', async () => {
    await using registry = scriptedRegistry((asked, origin) =>
      asked.path.startsWith('/token')
        ? Response.json({ token: 'very-secret-token', expires_in: 300 })
        : new Response(`you sent ${asked.headers.get('authorization')}`, {
            status: 401,
            headers: { 'www-authenticate': `Bearer realm="${origin}/token"` },
          }),
    )
    const error = await failed(
      collect(openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP).listTags()),
    )
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_DENIED',
      expect.stringContaining('you sent Bearer [redacted]'),
    ])
    expect(registry.asked).toHaveLength(3)
  })

  test('a token service that fails is never taken for an absent repository', async () => {
    await using registry = tokenRegistry(() => undefined)
    expect(
      (await failed(collect(openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP).listTags()))).code,
    ).toBe('UPSTREAM_INVALID')
    await using broken = tokenRegistry(() => new Response('{"token": "half', { status: 200 }))
    const error = await failed(collect(openRemoteRepository(loopbackNetwork(), { url: broken.url }, APP).listTags()))
    expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.not.stringContaining('half')])
  })

  test('Basic without credentials says that the upstream has none', async () => {
    await using registry = scriptedRegistry(() => unauthorized('Basic realm="x"'))
    const error = await failed(collect(openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP).listTags()))
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_DENIED',
      expect.stringContaining('app: tag list: answered 401: UNAUTHORIZED'),
    ])
    expect(registry.asked).toHaveLength(1)
  })

  test('Basic credentials go to the registry, and once refused are not sent again for the same request', async () => {
    await using registry = scriptedRegistry(({ headers }) =>
      headers.get('authorization') === basic('me', 'hunter2') ? tagList() : unauthorized('Basic realm="x"'),
    )
    const network = loopbackNetwork()
    const reader = openRemoteRepository(network, { url: registry.url, ...ME, password: async () => 'hunter2' }, APP)
    await collect(reader.listTags())
    await collect(reader.listTags())
    expect(registry.asked).toHaveLength(3)
    const stranger = openRemoteRepository(network, { url: registry.url, username: 'me', password: 'wrong' }, APP)
    expect((await failed(collect(stranger.listTags()))).code).toBe('UPSTREAM_DENIED')
    expect(registry.asked).toHaveLength(5)
  })

  test.each(['http://169.254.169.254/token', 'https://169.254.169.254/token', 'https://10.0.0.1/token'])(
    'a realm at %s gets no request',
    async (realm) => {
      await using registry = scriptedRegistry(() => unauthorized(`Bearer realm="${realm}"`))
      const error = await failed(
        collect(openRemoteRepository(loopbackNetwork(), { url: registry.url, plainHttp: true, ...ME }, APP).listTags()),
      )
      expect(error.code).toBe('ADDRESS_NOT_ALLOWED')
    },
  )

  test.each(['file:///etc/passwd', 'ftp://x/', 'http://u:p@127.0.0.1/token'])(
    'a realm %s is no token service',
    async (realm) => {
      await using registry = scriptedRegistry(() => unauthorized(`Bearer realm="${realm}"`))
      expect(
        (await failed(collect(openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP).listTags())))
          .code,
      ).toBe('UPSTREAM_INVALID')
    },
  )

  test('a 401 from where a redirect led gets no credentials', async () => {
    await using storage = scriptedRegistry((_, origin) => unauthorized(`Bearer realm="${origin}/token"`))
    await using registry = scriptedRegistry(() => Response.redirect(`${storage.url}/list`, 307))
    const error = await failed(
      collect(openRemoteRepository(loopbackNetwork(), { url: registry.url, ...ME }, APP).listTags()),
    )
    expect(error.code).toBe('UPSTREAM_DENIED')
    expect(storage.lines()).toEqual(['GET /list'])
  })
})
