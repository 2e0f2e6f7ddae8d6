// Every case of the fixtures' bad manifests and references, and tricks with paths, headers and bodies: refused, and nothing changes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describeWithFixtures, fixturePath } from '../support/fixtures.ts'
import { contentOf, OCI_MANIFEST, type OciRequests, ociRequests, pushImage } from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let client: OciRequests
beforeAll(async () => {
  server = await startServer()
  client = ociRequests(server.url, 'acme/bad', OWNER)
})
afterAll(() => server.stop())

interface Case {
  /** Null: described in words, to be made by the test. */
  readonly file: string | null
  readonly contentType: string
  readonly expect: string
  readonly why: string
  readonly level: 'must' | 'should'
}
const readJson = <T>(...parts: string[]): T => JSON.parse(readFileSync(fixturePath('bad', ...parts), 'utf8'))

describeWithFixtures('bad/manifests: a client’s PUT of each is refused as its case says, must and should alike', () => {
  const cases = readJson<{ bad: Case[] }>('manifests', 'index.json').bad.filter((one) => one.file !== null)

  beforeAll(async () => {
    const directory = fixturePath('bad', 'manifests', 'blobs')
    const good = client.in('acme/good')
    for (const name of readdirSync(directory)) {
      const blob = contentOf(new Uint8Array(readFileSync(`${directory}/${name}`)))
      for (const at of [client, good]) await at.pushBlob(blob)
    }
    const bytes = new Uint8Array(readFileSync(fixturePath('bad', 'manifests', 'good.json')))
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: bytes }
    expect((await good.send('PUT', 'manifests/good', put)).status).toBe(201)
  })

  test('there are 79 of them', () => expect(cases.length).toBe(79))

  for (const one of cases) {
    test(`${one.file} (${one.level}): ${one.why}`, async () => {
      const bytes = new Uint8Array(readFileSync(fixturePath('bad', 'manifests', one.file ?? '')))
      const { digest } = contentOf(bytes)
      for (const reference of ['bad', digest]) {
        const put = { headers: { 'content-type': one.contentType }, body: bytes }
        const answer = await client.send('PUT', `manifests/${reference}`, put)
        expect([answer.status, answer.text]).toEqual([400, expect.any(String)])
        expect(['MANIFEST_INVALID', 'MANIFEST_BLOB_UNKNOWN', 'SIZE_INVALID', 'DIGEST_INVALID']).toContain(
          answer.code ?? '',
        )
        if (!one.expect.includes('MANIFEST_INVALID')) expect(one.expect).toContain(answer.code ?? 'nothing')
        expect((await client.send('GET', `manifests/${reference}`)).status).toBe(404)
      }
    })
  }
})

describeWithFixtures('bad/references: each is refused by its name, wherever it stands', () => {
  const { repository, tag, digest } =
    readJson<Record<'repository' | 'tag' | 'digest', { value: string; why: string }[]>>('references.json')
  const encode = (text: string) => text.split('/').map(encodeURIComponent).join('/')

  for (const { value, why } of repository) {
    test(`repository ${JSON.stringify(value.slice(0, 40))}: ${why}`, async () => {
      const name = encode(value)
      for (const path of [`/v2/${name}/tags/list`, `/v2/${name}/manifests/v1`, `/v2/${name}/referrers/${zero}`]) {
        const answer = await sendRaw('GET', path)
        // Bun resolves `..` as every client does: what is asked then is another name, where this caller has no rights.
        expect(value.includes('..') ? [400, 403] : [400, 404]).toContain(answer.status)
        if (answer.status === 400) expect(answer.body).toContain('NAME_INVALID')
      }
      expect([400, 403, 404]).toContain((await sendRaw('POST', `/v2/${name}/blobs/uploads/`)).status)
      const from = await client.send('POST', `blobs/uploads/?mount=${zero}&from=${encodeURIComponent(value)}`)
      expect(from.status).toBe(202)
    })
  }
  for (const { value, why } of tag) {
    test(`tag ${JSON.stringify(value.slice(0, 40))}: ${why}`, async () => {
      const put = { headers: { 'content-type': OCI_MANIFEST }, body: '{}' }
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const path = `manifests/${encode(value)}`
        const answer = await client.send(method, path, method === 'PUT' ? put : {})
        expect([400, 404, 405]).toContain(answer.status)
      }
      const { manifest } = await pushImage(client)
      const parameter = await client.send('PUT', `manifests/${manifest.digest}?tag=${encodeURIComponent(value)}`, {
        headers: put.headers,
        body: manifest.bytes,
      })
      expect([parameter.status, parameter.code]).toEqual([400, 'TAG_INVALID'])
    })
  }
  for (const { value, why } of digest) {
    test(`digest ${JSON.stringify(value.slice(0, 40))}: ${why}`, async () => {
      const path = encodeURIComponent(value)
      for (const at of [`blobs/${path}`, `referrers/${path}`]) {
        const answer = await client.send('GET', at)
        expect([400, 404]).toContain(answer.status)
        if (answer.status === 400) expect(['DIGEST_INVALID', 'NAME_INVALID']).toContain(answer.code ?? '')
      }
      for (const query of [`digest=${path}`, `mount=${path}`]) {
        const answer = await client.send('POST', `blobs/uploads/?${query}`, { body: 'x' })
        expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID'])
      }
    })
  }
})

const zero = `sha256:${'0'.repeat(64)}`

interface Raw {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends bytes as they are: no client in between that tidies paths or headers. Status 0: the connection was closed without an answer. */
function exchange(text: string): Promise<Raw> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let got = ''
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      const [head = '', body = ''] = got.split('\r\n\r\n', 2)
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body })
    })
    // Each says `Connection: close`, or is refused: the server ends it.
    socket.write(text, 'latin1')
  })
}

const basic = `Basic ${Buffer.from(`${OWNER.username}:${OWNER.password}`).toString('base64')}`
const sendRaw = (method: string, path: string, headers = `Host: ${server.host}`) =>
  exchange(`${method} ${path} HTTP/1.1\r\n${headers}\r\nAuthorization: ${basic}\r\nConnection: close\r\n\r\n`)

describe('Paths that try to be another', () => {
  // These connections are closed for sending at once, and wait for no password to be hashed: it is known then.
  beforeAll(() => client.send('GET', 'tags/list'))
  const tricks = [
    '/v2/acme/../other/manifests/v1',
    '/v2/acme/%2e%2e/other/manifests/v1',
    '/v2/acme%2fother/manifests/v1',
    '/v2/acme\\other/manifests/v1',
    '/v2/acme//bad/manifests/v1',
    '//v2/acme/bad/manifests/v1',
    '/v2/./acme/bad/manifests/v1',
    '/v2/acme/bad/manifests/%00',
    '/v2/acme/bad/manifests/%zz',
    '/v2/acme/bad/manifests/%ff',
    '/v2/acme/bad/blobs/../manifests/v1',
    '/v2/acme/bad/manifests/',
    '/v2/manifests/v1',
    '/v2//manifests/v1',
    '/v2/acme/bad/blobs/uploads/../../manifests/v1',
    `/v2/${'a/'.repeat(3000)}a/manifests/v1`,
    '/v2/acme/bad/tags/list/',
    '/v2/acme/bad',
    '/v2/_catalog/x',
    '/v2/%5fcatalog/manifests/v1',
  ]
  for (const path of tricks) {
    test(path.slice(0, 60), async () => {
      const answer = await sendRaw('GET', path)
      expect([400, 403, 404, 405, 414, 431]).toContain(answer.status)
    })
  }

  test('names may hold the words of the protocol', async () => {
    for (const name of [
      'acme/blobs',
      'acme/manifests/tags',
      'acme/tags/list',
      'acme/blobs/uploads',
      'acme/referrers/v2',
    ]) {
      const odd = client.in(name)
      const { manifest } = await pushImage(odd, { tag: 'list' })
      expect((await odd.send('GET', 'manifests/list')).headers.get('docker-content-digest')).toBe(manifest.digest)
      expect((await odd.send('GET', 'tags/list')).text).toBe(JSON.stringify({ name, tags: ['list'] }))
      expect((await odd.send('GET', `referrers/${manifest.digest}`)).status).toBe(200)
    }
  })

  test('escapes that need not be there are decoded, in path and query', async () => {
    const { manifest } = await pushImage(client, { tag: 'v1' })
    for (const reference of ['%76%31', manifest.digest.replace(':', '%3A')]) {
      expect((await client.send('GET', `manifests/${reference}`)).status).toBe(200)
    }
  })
})

test('A manifest without end is 413 before it has ended', async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(0x20)
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) })
  const put = { headers: { 'content-type': OCI_MANIFEST }, body: endless }
  const answer = await client.send('PUT', 'manifests/endless', put)
  expect([answer.status, answer.code]).toEqual([413, 'MANIFEST_TOO_LARGE'])
})

describe('Headers that smuggle', () => {
  const post = (headers: string, body: string) =>
    exchange(`POST /v2/acme/bad/blobs/uploads/ HTTP/1.1\r\nAuthorization: ${basic}\r\n${headers}\r\n\r\n${body}`)

  test('Content-Length beside Transfer-Encoding, two lengths, no or two Hosts end the connection with 400', async () => {
    const host = `Host: ${server.host}`
    const smuggled = '0\r\n\r\nGET /v2/ HTTP/1.1\r\n\r\n'
    for (const headers of [
      `${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`,
      `${host}\r\nContent-Length: 5\r\nContent-Length: 6`,
      'Content-Length: 0',
    ]) {
      expect((await post(headers, smuggled)).status).toBe(400)
    }
    for (const headers of [`Host: a b`, `Host: evil.example"`, `Host: a\r\nHost: b`]) {
      const answer = await exchange(`GET /v2/ HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`)
      expect([0, 400]).toContain(answer.status)
      expect(answer.head).not.toContain('evil')
    }
  })

  test('a media type cannot carry a header of its own', async () => {
    const { manifest } = await pushImage(client)
    for (const type of [`${OCI_MANIFEST}\tx`, 'text/html', `${OCI_MANIFEST}, text/html`, 'a/b\u00e9']) {
      const put = { headers: { 'content-type': type }, body: manifest.bytes }
      const answer = await client.send('PUT', `manifests/${manifest.digest}`, put)
      expect([type, answer.status, answer.code]).toEqual([type, 400, 'MANIFEST_INVALID'])
    }
  })

  test('a compressed body is not unpacked: its bytes are what counts', async () => {
    const bomb = Bun.gzipSync(new Uint8Array(64 * 1024 * 1024))
    const headers = { 'content-type': OCI_MANIFEST, 'content-encoding': 'gzip' }
    const answer = await client.send('PUT', 'manifests/bomb', { headers, body: bomb })
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID'])
    const blob = contentOf(bomb)
    const post = await client.send('POST', `blobs/uploads/?digest=${blob.digest}`, {
      headers: { 'content-encoding': 'gzip' },
      body: blob.bytes,
    })
    expect(post.status).toBe(201)
  })

  test('methods that an endpoint does not have are 405 with Allow', async () => {
    const rows: [string, string, string][] = [
      ['POST', 'manifests/v1', 'GET, HEAD, PUT, DELETE'],
      ['PUT', `blobs/${zero}`, 'GET, HEAD, DELETE'],
      ['PATCH', 'tags/list', 'GET, HEAD'],
      ['GET', 'blobs/uploads/', 'POST'],
      ['OPTIONS', 'tags/list', 'GET, HEAD'],
    ]
    for (const [method, path, allow] of rows) {
      const answer = await client.send(method, path)
      expect([answer.status, answer.code, answer.headers.get('allow')]).toEqual([405, 'UNSUPPORTED', allow])
    }
  })
})
