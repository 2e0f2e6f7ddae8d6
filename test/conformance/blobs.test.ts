// Distribution 1.1 "Pulling blobs", "Pushing blobs": the cases of the specification's own suite, in both algorithms.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chunk, expectServed, OCTETS, streamOf } from '../support/blob-checks.ts'
import {
  type Algorithm,
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

const OTHER: Record<Algorithm, string> = { sha256: 'a'.repeat(64), sha512: 'a'.repeat(128) }

function expectCreated(answer: Answer, digest: string) {
  expect(answer.status).toBe(201)
  expect(locationOf(answer)).toBe(`/v2/acme/repo1/blobs/${digest}`)
  expect(answer.headers.get('docker-content-digest')).toBe(digest)
}

async function begin(): Promise<string> {
  const answer = await one.send('POST', 'blobs/uploads/')
  expect(answer.status).toBe(202)
  expect(answer.headers.get('range')).toBe('0-0')
  expect(answer.headers.get('content-length')).toBe('0')
  expect(answer.headers.get('docker-upload-uuid')).toMatch(/^[0-9a-f-]{36}$/)
  return locationOf(answer)
}

for (const algorithm of ['sha256', 'sha512'] as const) {
  describe(`Blobs by ${algorithm}`, () => {
    const fresh = (size = 3000) => freshContent(size, algorithm)

    test('a blob that is not there is 404 BLOB_UNKNOWN', async () => {
      const answer = await one.send('GET', `blobs/${algorithm}:${OTHER[algorithm]}`)
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UNKNOWN'])
      expect((await one.send('HEAD', `blobs/${algorithm}:${OTHER[algorithm]}`)).bytes.byteLength).toBe(0)
    })

    test('POST with ?digest= and the whole body stores it (end-4b)', async () => {
      const blob = fresh()
      const path = `blobs/uploads/?digest=${blob.digest}`
      expectCreated(await one.send('POST', path, { headers: OCTETS, body: blob.bytes }), blob.digest)
      await expectServed(one, blob)
    })

    test('POST then PUT with the whole body (end-4a, end-6)', async () => {
      const blob = fresh()
      const put = withQuery(await begin(), { digest: blob.digest })
      expectCreated(await one.send('PUT', put, { headers: OCTETS, body: blob.bytes }), blob.digest)
      await expectServed(one, blob)
    })

    test('POST then PUT in chunked encoding', async () => {
      const blob = fresh()
      const put = withQuery(await begin(), { digest: blob.digest })
      expectCreated(await one.send('PUT', put, { body: streamOf(blob.bytes) }), blob.digest)
      await expectServed(one, blob)
    })

    test('one chunk by PATCH, then an empty PUT (end-5, end-6)', async () => {
      const blob = fresh()
      const patched = await one.send('PATCH', await begin(), chunk(blob.bytes, 0, 3000))
      expect(patched.status).toBe(202)
      expect(patched.headers.get('range')).toBe('0-2999')
      expect(patched.headers.get('content-length')).toBe('0')
      expectCreated(await one.send('PUT', withQuery(locationOf(patched), { digest: blob.digest })), blob.digest)
      await expectServed(one, blob)
    })

    test('a stream without Content-Range, Content-Length or Content-Type is appended, as docker sends it', async () => {
      const blob = fresh()
      const first = await one.send('PATCH', await begin(), { body: streamOf(blob.bytes.subarray(0, 2000)) })
      expect(first.headers.get('range')).toBe('0-1999')
      const second = await one.send('PATCH', locationOf(first), { body: streamOf(blob.bytes.subarray(2000)) })
      expect(second.headers.get('range')).toBe('0-2999')
      expectCreated(await one.send('PUT', withQuery(locationOf(second), { digest: blob.digest })), blob.digest)
      await expectServed(one, blob)
    })

    for (const ending of ['an empty PUT', 'the last chunk in the PUT'] as const) {
      test(`three chunks, ended by ${ending}`, async () => {
        const blob = fresh()
        let at = await begin()
        const patches = ending === 'an empty PUT' ? 3 : 2
        for (let i = 0; i < patches; i++) {
          const answer = await one.send('PATCH', at, chunk(blob.bytes, i * 1000, (i + 1) * 1000))
          expect([answer.status, answer.headers.get('range')]).toEqual([202, `0-${(i + 1) * 1000 - 1}`])
          at = locationOf(answer)
        }
        const last = patches === 3 ? {} : chunk(blob.bytes, 2000, 3000)
        expectCreated(await one.send('PUT', withQuery(at, { digest: blob.digest }), last), blob.digest)
        await expectServed(one, blob)
      })

      test(`chunks out of order are 416, the session survives, and goes on to ${ending}`, async () => {
        const blob = fresh()
        const location = await begin()
        const early = await one.send('PATCH', location, chunk(blob.bytes, 1000, 2000))
        expect([early.status, early.code]).toEqual([416, 'RANGE_INVALID'])
        expect(early.headers.get('range')).toBe('0-0')
        const first = await one.send('PATCH', locationOf(early), chunk(blob.bytes, 0, 1000))
        expect(first.status).toBe(202)
        const wrongPut = withQuery(locationOf(first), { digest: blob.digest })
        const skipped = await one.send('PUT', wrongPut, chunk(blob.bytes, 2000, 3000))
        expect([skipped.status, skipped.headers.get('range')]).toEqual([416, '0-999'])
        // The suite reuses the failed PUT's URL, ?digest= and all.
        const status = await one.send('GET', wrongPut)
        expect([status.status, status.headers.get('range')]).toEqual([204, '0-999'])
        let at = locationOf(status)
        at = locationOf(await one.send('PATCH', at, chunk(blob.bytes, 1000, 2000)))
        if (ending === 'an empty PUT') at = locationOf(await one.send('PATCH', at, chunk(blob.bytes, 2000, 3000)))
        const last = ending === 'an empty PUT' ? {} : chunk(blob.bytes, 2000, 3000)
        expectCreated(await one.send('PUT', withQuery(at, { digest: blob.digest }), last), blob.digest)
        await expectServed(one, blob)
      })
    }

    test('a mount from a repository of the organization is 201 (end-11)', async () => {
      const blob = await two.pushBlob(fresh())
      const answer = await one.send('POST', `blobs/uploads/?mount=${blob.digest}&from=acme/repo2`)
      expectCreated(answer, blob.digest)
      await expectServed(one, blob)
    })

    test('a mount without from finds the blob in the organization (end-11)', async () => {
      const blob = await two.pushBlob(fresh())
      expectCreated(await one.send('POST', `blobs/uploads/?mount=${encodeURIComponent(blob.digest)}`), blob.digest)
      await expectServed(one, blob)
    })

    test('a mount of what is not there falls back to a session that takes the upload', async () => {
      const blob = fresh()
      const answer = await one.send('POST', `blobs/uploads/?mount=${blob.digest}&from=acme/repo2`)
      expect(answer.status).toBe(202)
      const put = withQuery(locationOf(answer), { digest: blob.digest })
      expectCreated(await one.send('PUT', put, { headers: OCTETS, body: blob.bytes }), blob.digest)
      await expectServed(one, blob)
    })

    test('a cancelled session is gone (end-14)', async () => {
      const location = await begin()
      expect((await one.send('PATCH', location, chunk(fresh().bytes, 0, 1000))).status).toBe(202)
      expect((await one.send('DELETE', location)).status).toBe(204)
      for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
        const answer = await one.send(method, location)
        expect([method, answer.status, answer.code]).toEqual([method, 404, 'BLOB_UPLOAD_UNKNOWN'])
      }
    })

    test('ranges: within, open, suffix, past the end, backwards, outside', async () => {
      const blob = await one.pushBlob(fresh(2048))
      const rows: [string, number, number, number][] = [
        ['500-1499', 206, 500, 1500],
        ['500-', 206, 500, 2048],
        ['-500', 206, 1548, 2048],
        ['2000-5000', 206, 2000, 2048],
        ['-5000', 206, 0, 2048],
        ['0-0', 206, 0, 1],
      ]
      for (const [range, status, from, to] of rows) {
        const answer = await one.send('GET', `blobs/${blob.digest}`, { headers: { range: `bytes=${range}` } })
        expect([range, answer.status]).toEqual([range, status])
        expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/2048`)
        expect(answer.headers.get('content-length')).toBe(String(to - from))
        expect(Buffer.compare(answer.bytes, blob.bytes.subarray(from, to))).toBe(0)
      }
      for (const range of ['500-0', '5000-10000', '2048-', '-0']) {
        const answer = await one.send('GET', `blobs/${blob.digest}`, { headers: { range: `bytes=${range}` } })
        expect([range, answer.status, answer.code]).toEqual([range, 416, 'RANGE_INVALID'])
        expect(answer.headers.get('content-range')).toBe('bytes */2048')
      }
      // A 206 for several ranges would be read as one stream: the whole blob it is.
      for (const range of ['bytes=0-1,5-6', 'bytes=', 'lines=0-1', 'bytes=a-b']) {
        const answer = await one.send('GET', `blobs/${blob.digest}`, { headers: { range } })
        expect([range, answer.status, answer.bytes.byteLength]).toEqual([range, 200, 2048])
      }
    })

    test('a blob of no bytes and the blob {} are stored and served', async () => {
      for (const text of ['', '{}']) await expectServed(one, await one.pushBlob(contentOf(text, algorithm)))
    })

    test('content of another digest is 400 DIGEST_INVALID, however it is sent, and is not stored', async () => {
      const blob = fresh()
      const wrong = `${algorithm}:${OTHER[algorithm]}`
      const post = await one.send('POST', `blobs/uploads/?digest=${wrong}`, { body: blob.bytes })
      const put = await one.send('PUT', withQuery(await begin(), { digest: wrong }), { body: blob.bytes })
      const patched = await one.send('PATCH', await begin(), chunk(blob.bytes, 0, 3000))
      const chunked = await one.send('PUT', withQuery(locationOf(patched), { digest: wrong }))
      const half = await one.send('PATCH', await begin(), chunk(blob.bytes, 0, 2000))
      const both = await one.send('PUT', withQuery(locationOf(half), { digest: wrong }), chunk(blob.bytes, 2000, 3000))
      const streamed = await one.send('PATCH', await begin(), { body: streamOf(blob.bytes) })
      const stream = await one.send('PUT', withQuery(locationOf(streamed), { digest: wrong }))
      for (const answer of [post, put, chunked, both, stream]) {
        expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID'])
      }
      for (const digest of [wrong, blob.digest]) {
        expect((await one.send('HEAD', `blobs/${digest}`)).status).toBe(404)
      }
      // The session of a wrong digest is dropped.
      expect((await one.send('GET', locationOf(patched))).status).toBe(404)
    })
  })
}
