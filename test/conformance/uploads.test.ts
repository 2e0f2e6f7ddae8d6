// The checklist's rules for blobs and uploads beyond the specification's own suite.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chunk, expectServed, streamOf } from '../support/blob-checks.ts'
import {
  type Answer,
  contentOf,
  freshContent,
  locationOf,
  type OciRequests,
  ociRequests,
  withQuery,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let one: OciRequests
let two: OciRequests
beforeAll(async () => {
  server = await startServer()
  one = ociRequests(server.url, 'acme/repo1', OWNER)
  two = ociRequests(server.url, 'acme/repo2', OWNER)
})
afterAll(() => server.stop())

async function begin(): Promise<string> {
  return locationOf(await one.send('POST', 'blobs/uploads/'))
}

describe('Blobs, the other rules of the checklist', () => {
  test('a PUT with a missing or malformed digest is 400 and keeps the session', async () => {
    const blob = freshContent(100)
    const location = await begin()
    for (const path of [location, withQuery(location, { digest: 'sha256:baddigeststring' })]) {
      const answer = await one.send('PUT', path, { body: blob.bytes })
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID'])
    }
    const put = withQuery(location, { digest: blob.digest })
    expect((await one.send('PUT', put, { body: blob.bytes })).status).toBe(201)
  })

  test('a Content-Range that is not of the form first-last, or runs backwards, is 416 with the session’s place', async () => {
    const location = await begin()
    await one.send('PATCH', location, chunk(freshContent(10).bytes, 0, 10))
    for (const range of ['bytes 10-19/20', '10', '19-10', '10-', 'x-y']) {
      const answer = await one.send('PATCH', location, { headers: { 'content-range': range }, body: 'x'.repeat(10) })
      expect([range, answer.status, answer.headers.get('range')]).toEqual([range, 416, '0-9'])
      expect(locationOf(answer)).toBe(location)
    }
  })

  test('a body of another length than its Content-Range is 400 SIZE_INVALID and leaves the session as it was', async () => {
    const location = await begin()
    const headers = { 'content-range': '0-9' }
    const bodies = ['x'.repeat(9), 'x'.repeat(11), streamOf(new Uint8Array(9)), streamOf(new Uint8Array(30))]
    for (const body of bodies) {
      const answer = await one.send('PATCH', location, { headers, body })
      expect([answer.status, answer.code]).toEqual([400, 'SIZE_INVALID'])
      expect((await one.send('GET', location)).headers.get('range')).toBe('0-0')
    }
    const blob = freshContent(10)
    expect((await one.send('PATCH', location, chunk(blob.bytes, 0, 10))).status).toBe(202)
    expect((await one.send('PUT', withQuery(location, { digest: blob.digest }))).status).toBe(201)
  })

  test('a PATCH of another Content-Type than octets is refused', async () => {
    const answer = await one.send('PATCH', await begin(), { headers: { 'content-type': 'text/plain' }, body: 'x' })
    expect([answer.status, answer.code]).toEqual([400, 'BLOB_UPLOAD_INVALID'])
  })

  test('a session of another repository, another user or nobody is 404 BLOB_UPLOAD_UNKNOWN', async () => {
    const location = await begin()
    const editor = await server.addUser('editor-of-sessions', { acme: 'editor' })
    const others = [
      two.send('GET', location.replace('repo1', 'repo2')),
      ociRequests(server.url, 'acme/repo1', editor).send('GET', location),
      one.send('GET', 'blobs/uploads/nothing-like-a-session'),
      one.send('GET', '/v2/acme/absent/blobs/uploads/x'),
    ]
    for (const answer of await Promise.all(others)) {
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    }
    expect((await one.send('GET', location)).status).toBe(204)
  })

  test('If-None-Match with the digest, quoted, weak or bare, is 304 without a body', async () => {
    const blob = await one.pushBlob(freshContent(100))
    for (const tag of [`"${blob.digest}"`, `W/"${blob.digest}"`, blob.digest, `"x", "${blob.digest}"`, '*']) {
      const answer = await one.send('GET', `blobs/${blob.digest}`, { headers: { 'if-none-match': tag } })
      expect([tag, answer.status, answer.bytes.byteLength]).toEqual([tag, 304, 0])
      expect(answer.headers.get('etag')).toBe(`"${blob.digest}"`)
    }
    const other = await one.send('GET', `blobs/${blob.digest}`, { headers: { 'if-none-match': '"x"' } })
    expect([other.status, other.headers.get('cache-control')]).toEqual([200, 'max-age=31536000'])
  })

  test('Accept-Encoding changes nothing: bytes and length are the blob’s, as containerd needs', async () => {
    const blob = await one.pushBlob(contentOf('a'.repeat(5000)))
    const headers = { 'accept-encoding': 'zstd, gzip, deflate' }
    const answer = await one.send('GET', `blobs/${blob.digest}`, { headers })
    expect(answer.headers.get('content-encoding')).toBeNull()
    expect(answer.headers.get('content-length')).toBe('5000')
  })

  test('two uploads of one digest at once both succeed', async () => {
    const blob = freshContent(200_000)
    const sessions = await Promise.all(Array.from({ length: 8 }, begin))
    const answers = await Promise.all(
      sessions.map((at) => one.send('PUT', withQuery(at, { digest: blob.digest }), { body: streamOf(blob.bytes) })),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 8 }, () => 201))
    await expectServed(one, blob)
  })

  test('of two chunks for one session at once one is refused and the session stays whole', async () => {
    const blob = freshContent(300)
    const location = await begin()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let started = () => {}
    const sending = new Promise<void>((resolve) => {
      started = resolve
    })
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(blob.bytes.subarray(0, 100))
        started()
        await held
        controller.enqueue(blob.bytes.subarray(100))
        controller.close()
      },
    })
    const first = one.send('PATCH', location, { body })
    await sending
    let second: Answer
    // Out of order until the first one has reached the session, refused as a second sender from then on. Those that followed at once would have
    // the session most of the time, and the first one would be the one that is refused.
    do {
      await Bun.sleep(50)
      second = await one.send('PATCH', location, chunk(blob.bytes, 100, 200))
      expect(second.status).toBe(416)
    } while (!second.text.includes('another request'))
    release()
    expect((await first).status).toBe(202)
    expect((await one.send('PUT', withQuery(location, { digest: blob.digest }))).status).toBe(201)
  })
})
