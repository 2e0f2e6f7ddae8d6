import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { registryClient } from './registry-client.ts'
import { parseChallenge } from './registry-session.ts'

describe('the registry client of the tests', () => {
  const seen: string[] = []
  const answers: Record<string, (request: Request) => Response> = {
    '/token': (request) => {
      const { searchParams } = new URL(request.url)
      if (request.headers.get('authorization') !== `Basic ${btoa('u:p:w')}`) return new Response(null, { status: 401 })
      return Response.json({ access_token: `for ${searchParams.getAll('scope')} at ${searchParams.get('service')}` })
    },
    '/v2/a/b/blobs/here': () => new Response('content'),
    '/v2/a/b/blobs/there': () => Response.redirect(`${storage.url.origin}/object`, 307),
  }
  const storage = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => new Response(`storage saw ${request.headers.get('authorization')}`),
  })
  const registry = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request): Response => {
      const { pathname } = new URL(request.url)
      const authorization = request.headers.get('authorization')
      seen.push(`${request.method} ${pathname} ${authorization?.split(' ')[0]}`)
      if (pathname === '/token' || authorization?.startsWith('Bearer for')) {
        return answers[pathname]?.(request) ?? new Response(authorization, { status: 404 })
      }
      const scope = request.method === 'GET' ? 'pull' : 'pull,push'
      const challenge = `Bearer realm="${registry.url.origin}/token",service="the service",scope="repository:a/b:${scope}"`
      return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
    },
  })
  afterAll(() => Promise.all([registry.stop(true), storage.stop(true)]))
  beforeEach(() => {
    seen.length = 0
  })
  const client = (password = 'p:w') =>
    registryClient(registry.url.origin, 'a/b', { credentials: { username: 'u', password } })

  test('answers a bearer challenge once and keeps the token for requests of the same rights', async () => {
    const one = client()
    expect(new TextDecoder().decode((await one.getBlob('here')).bytes)).toBe('content')
    expect((await one.getBlob('here')).status).toBe(200)
    expect(seen).toEqual([
      'GET /v2/a/b/blobs/here undefined',
      'GET /token Basic',
      'GET /v2/a/b/blobs/here Bearer',
      'GET /v2/a/b/blobs/here Bearer',
    ])
    const answer = await one.putManifest('v1', new Uint8Array(), 'application/json')
    expect(new TextDecoder().decode(answer.bytes)).toBe('Bearer for repository:a/b:pull,push at the service')
  })

  test('returns the 401 when the password is wrong', async () => {
    expect((await client('wrong').getBlob('here')).status).toBe(401)
  })

  test('follows a redirect to another origin without its credentials', async () => {
    expect(new TextDecoder().decode((await client().getBlob('there')).bytes)).toBe('storage saw null')
  })

  test('parses challenges with quoted and bare parameters', () => {
    const { scheme, parameters } = parseChallenge(
      'Bearer realm="https://a/b?c=d",service=x, scope="repository:a:pull,push"',
    )
    expect([scheme, [...parameters]]).toEqual([
      'bearer',
      [
        ['realm', 'https://a/b?c=d'],
        ['service', 'x'],
        ['scope', 'repository:a:pull,push'],
      ],
    ])
  })
})
