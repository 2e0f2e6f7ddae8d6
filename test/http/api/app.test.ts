import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { profileAnswerSchema } from '../../../src/api/users.ts'
import { OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
})
afterAll(() => kagami.stop())

describe('the management API', () => {
  test('describes itself by an OpenAPI 3.1 document that anybody may read', async () => {
    const answer = await kagami.call('GET', '/openapi.json')
    expect(answer.status).toBe(200)
    const document = JSON.parse(answer.text)
    expect(document.openapi).toBe('3.1.0')
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${path}`),
    )
    for (const operation of [
      'post /api/v1/mirrors',
      'get /api/v1/mirrors/{organization}/{name}',
      'get /api/v1/mirrors/{organization}/{name}/progress',
      'get /api/v1/catalog',
      'patch /api/v1/repositories/{organization}/{name}',
      'get /api/v1/repositories/{organization}/{name}/tags',
      'post /api/v1/tokens',
      'delete /api/v1/upstreams/{upstream}',
      'post /api/v1/sample/releases',
    ]) {
      expect(operations).toContain(operation)
    }
    expect(Object.keys(document.components.schemas)).toContain('Mirror')
    // Every $ref of the document resolves inside it.
    for (const [, name] of answer.text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name ?? '')
    }
  })

  test('says who is asking: by password, and by personal access token', async () => {
    const me = (await kagami.call('GET', '/user', { login: OWNER })).as(profileAnswerSchema)
    expect(me.user).toMatchObject({ username: 'owner', operator: true })
    const made = await kagami.call('POST', '/tokens', { login: OWNER, body: { label: 'me' } })
    const { token } = JSON.parse(made.text)
    expect((await kagami.call('GET', '/user', { login: token })).as(profileAnswerSchema)).toEqual(me)
  })

  test('refuses anonymous callers and wrong credentials with 401 and a challenge', async () => {
    for (const login of [undefined, { username: 'owner', password: 'wrong' }, 'kgm_pat_nonsense']) {
      const answer = await kagami.call('GET', '/repositories', { login })
      expect([answer.status, answer.code]).toEqual([401, 'UNAUTHORIZED'])
      expect(answer.headers.get('www-authenticate')).toContain('Bearer')
    }
  })

  test('says in parts what an error is about, so that it can be worded anew', async () => {
    const owner = (method: string, path: string, body?: unknown) => kagami.call(method, path, { login: OWNER, body })
    const about = async (asked: ReturnType<typeof owner>) => JSON.parse((await asked).text).error.about
    await owner('POST', '/organizations/acme/teams', { name: 'first' })
    const path = '/organizations/acme/teams'
    expect(await about(owner('POST', path, { name: 'first' }))).toEqual({
      reason: 'taken',
      what: 'team',
      name: 'first',
    })
    expect(await about(owner('POST', path, { name: '' }))).toEqual({ reason: 'empty', where: 'name', least: 1 })
    expect(await about(owner('POST', path, { name: 'x'.repeat(200) }))).toMatchObject({
      reason: 'too-long',
      where: 'name',
      most: expect.any(Number),
    })
    expect(await about(owner('POST', path, { name: 'a', wrong: 1 }))).toEqual({
      reason: 'unknown-field',
      where: 'wrong',
    })
    expect(await about(owner('POST', '/organizations/acme/invitations', { role: 'king' }))).toEqual({
      reason: 'invalid',
      where: 'role',
      allowed: ['owner', 'editor', 'member'],
    })
    expect(await about(owner('GET', '/repositories/acme/nothing'))).toEqual({
      reason: 'absent',
      what: 'repository',
      name: 'acme/nothing',
    })
    // The code says it all.
    expect(await about(kagami.call('GET', '/repositories'))).toBeUndefined()
  })

  test('refuses unknown keys of a body and of a query by name', async () => {
    const body = await kagami.call('POST', '/tokens', { login: OWNER, body: { label: 'x', scpoe: 'read' } })
    expect([body.status, body.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(body.message).toContain('scpoe')
    const query = await kagami.call('GET', '/tokens?limt=3', { login: OWNER })
    expect([query.status, query.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(query.message).toContain('limt')
  })

  test('refuses what is not JSON, what is not said to be JSON, and what is too large', async () => {
    const broken = await kagami.call('POST', '/tokens', { login: OWNER, body: '{"label": ' })
    expect([broken.status, broken.code]).toEqual([400, 'INVALID_REQUEST'])
    const plain = await kagami.call('POST', '/tokens', {
      login: OWNER,
      body: '{"label": "x"}',
      headers: { 'content-type': 'text/plain' },
    })
    expect([plain.status, plain.code]).toEqual([415, 'INVALID_REQUEST'])
    const missing = await kagami.call('POST', '/tokens', { login: OWNER })
    expect([missing.status, missing.code]).toEqual([400, 'INVALID_REQUEST'])
    const large = await kagami.call('POST', '/tokens', { login: OWNER, body: { label: 'x'.repeat(70_000) } })
    expect([large.status, large.code]).toEqual([413, 'SIZE_INVALID'])
  })

  test('answers a path or method that is not there with NOT_FOUND', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['PUT', '/tokens'],
      ['GET', '/mirrors/acme'],
    ] as const) {
      const answer = await kagami.call(method, path, { login: OWNER })
      expect([answer.status, answer.code]).toEqual([404, 'NOT_FOUND'])
    }
  })

  test('never lets an answer be kept by a cache', async () => {
    const answer = await kagami.call('GET', '/tokens', { login: OWNER })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })
})

test('health is told apart from readiness, and neither needs a login', async () => {
  expect((await fetch(`${kagami.url}/healthz`)).status).toBe(200)
  expect((await fetch(`${kagami.url}/readyz`)).status).toBe(200)
  expect((await fetch(`${kagami.url}/nothing`)).status).toBe(404)
})
