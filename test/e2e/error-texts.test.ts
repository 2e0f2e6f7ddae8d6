// What clients and scripts look for in an answer, from the whole server: the first words of each error.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
})
afterAll(() => kagami.stop())

const ZEROS = `sha256:${'0'.repeat(64)}`
const login = { authorization: authorization(OWNER) }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

interface Case {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly want: readonly [status: number, code: string, text: string]
}

async function ask({ method = 'GET', path, headers = login, body }: Case) {
  const response = await fetch(`${kagami.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  const { code, message } = (text === '' ? {} : JSON.parse(text).errors[0]) as { code?: string; message?: string }
  return { status: response.status, code, message, response }
}

const CASES: readonly Case[] = [
  { path: '/v2/', headers: {}, want: [401, 'UNAUTHORIZED', 'authentication required'] },
  {
    path: '/v2/',
    headers: { authorization: 'Bearer x' },
    want: [401, 'UNAUTHORIZED', 'authentication required'],
  },
  {
    path: '/v2/acme/absent/manifests/1',
    headers: {},
    want: [401, 'UNAUTHORIZED', 'authentication required'],
  },
  { path: '/v2/other/app/manifests/1', want: [403, 'DENIED', 'requested access to the resource is denied'] },
  { path: '/v2/acme/absent/tags/list', want: [404, 'NAME_UNKNOWN', 'repository name not known to registry'] },
  { path: '/v2/acme/absent/manifests/1', want: [404, 'MANIFEST_UNKNOWN', 'manifest unknown'] },
  { path: `/v2/acme/absent/blobs/${ZEROS}`, want: [404, 'BLOB_UNKNOWN', 'blob unknown to registry'] },
  { path: '/v2/acme/absent/blobs/uploads/x', want: [404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry'] },
  { path: '/v2/acme/app/blobs/sha256:x', want: [400, 'DIGEST_INVALID', 'provided digest did not match'] },
  { path: '/v2/Acme/app/tags/list', want: [400, 'NAME_INVALID', 'invalid repository name'] },
  { path: '/v2/_catalog?n=-1', want: [400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results'] },
  { path: '/v2/acme/app/manifests/_bad!', want: [400, 'TAG_INVALID', 'manifest tag did not match URI'] },
  { path: '/v2/', method: 'DELETE', want: [405, 'UNSUPPORTED', 'the operation is unsupported'] },
  {
    path: '/v2/acme/app/manifests/1',
    method: 'PUT',
    headers: { ...login, 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    body: '{}',
    want: [400, 'MANIFEST_INVALID', 'manifest invalid'],
  },
  {
    path: '/v2/acme/app/manifests/1',
    method: 'PUT',
    body: ' '.repeat(4 * 1024 * 1024 + 1),
    want: [413, 'MANIFEST_TOO_LARGE', 'manifest too large'],
  },
  {
    path: `/v2/acme/app/blobs/uploads/?digest=${ZEROS}`,
    method: 'POST',
    body: 'x',
    want: [400, 'DIGEST_INVALID', 'provided digest did not match uploaded content'],
  },
  { path: '/token', headers: { authorization: 'Basic !' }, want: [401, 'UNAUTHORIZED', 'authentication required'] },
  {
    path: '/token',
    headers: { authorization: authorization({ username: 'nobody', password: 'wrong' }) },
    want: [401, 'UNAUTHORIZED', 'authentication required'],
  },
  {
    path: '/token',
    method: 'POST',
    headers: form,
    body: 'grant_type=password&service=kagami&client_id=x&username=nobody&password=wrong',
    want: [401, 'UNAUTHORIZED', 'authentication required'],
  },
  {
    path: '/token',
    method: 'POST',
    headers: form,
    body: 'grant_type=refresh_token&service=kagami&client_id=x&refresh_token=kgm_ref_x',
    want: [401, 'UNAUTHORIZED', 'authentication required'],
  },
  { path: '/token', method: 'DELETE', want: [405, 'UNSUPPORTED', 'the operation is unsupported'] },
]

for (const one of CASES) {
  const [status, code, text] = one.want
  test(`${one.method ?? 'GET'} ${one.path} ${code}`, async () => {
    const got = await ask(one)
    expect([got.status, got.code]).toEqual([status, code])
    expect(got.message).toStartWith(text)
    expect(got.message).toMatch(new RegExp(`^${text}[^:]*: \\S`))
    expect(got.response.headers.get('content-type')).toStartWith('application/json')
  })
}

test('a path that is no endpoint is 404 without a code that speaks about content', async () => {
  const got = await ask({ path: '/v2/acme/app/nothing/here', want: [404, '', ''] })
  expect([got.status, got.code]).toEqual([404, 'NOT_FOUND'])
})

test('HEAD has the status and no body', async () => {
  const got = await ask({ method: 'HEAD', path: '/v2/acme/absent/manifests/1', want: [404, '', ''] })
  expect([got.status, got.code]).toEqual([404, undefined])
})

test('a session that is written at the wrong place is 416 with the words of distribution', async () => {
  const begun = await fetch(`${kagami.url}/v2/acme/app/blobs/uploads/`, { method: 'POST', headers: login })
  const path = begun.headers.get('location') ?? ''
  const headers = { ...login, 'content-range': '5-5', 'content-type': 'application/octet-stream' }
  const got = await ask({ method: 'PATCH', path, headers, body: 'x', want: [416, '', ''] })
  expect([got.status, got.code]).toEqual([416, 'RANGE_INVALID'])
  expect(got.message).toStartWith('invalid content range: ')
})

test('the management API keeps its own messages', async () => {
  const answer = await kagami.call('GET', '/mirrors/acme/absent', { login: OWNER })
  expect([answer.code, answer.message]).toEqual(['NOT_FOUND', 'there is no mirror acme/absent'])
  expect((await kagami.call('GET', '/user')).message).toStartWith('sign in to ')
})
