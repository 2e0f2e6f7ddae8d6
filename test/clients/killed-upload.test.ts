// kill -9 of the server in the middle of uploads: what was acknowledged is there, and the client goes on from where it is told.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { chunk } from '../support/blob-checks.ts'
import { areFiles } from '../support/chosen-stores.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import {
  type Content,
  freshContent,
  locationOf,
  type OciRequests,
  ociRequests,
  withQuery,
} from '../support/oci-requests.ts'
import { basicAuthorization, openExchange } from './raw-http.ts'

setDefaultTimeout(60_000)

const BLOB_BYTES = 6_000_000
const CHUNK_BYTES = 500_000

let kagami: Kagami
const client = (): OciRequests => ociRequests(kagami.url, 'acme/killed', kagami.owner)
beforeAll(async () => {
  kagami = await startKagami()
})
afterAll(() => kagami?.stop())

/** kill -9, then a start on the same data and port. */
async function crash() {
  const { dataDirectory, port } = kagami
  await kagami.kill()
  kagami = await startKagami({ dataDirectory, port })
}

/** Bytes of the session that have reached the disk, acknowledged or not. */
function stagedBytes(location: string): number {
  const stage = join(kagami.dataDirectory, 'blobs/stages', `upload-${location.split('/').at(-1)}`)
  return statSync(stage, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Begins to send the rest of the blob from `offset`, and crashes the server once `bytes` of it are on its disk; the request is
 * never finished.
 */
async function crashWhileSending(
  blob: Content,
  location: string,
  how: 'chunk' | 'stream' | 'put',
  from: number,
  bytes: number,
) {
  const range = { 'content-range': `${from}-${BLOB_BYTES - 1}` }
  const exchange = await openExchange(
    kagami.url,
    how === 'put' ? 'PUT' : 'PATCH',
    how === 'put' ? withQuery(location, { digest: blob.digest }) : location,
    {
      authorization: basicAuthorization(kagami.owner),
      'content-type': 'application/octet-stream',
      'content-length': String(BLOB_BYTES - from),
      ...(how === 'chunk' ? range : {}),
    },
  )
  await exchange.write(blob.bytes.subarray(from, from + bytes))
  while (stagedBytes(location) < from + bytes) await Bun.sleep(5)
  await crash()
  exchange.destroy()
}

/** What the session says it holds. */
async function offsetOf(location: string): Promise<number> {
  const answer = await client().send('GET', location)
  expect(answer.status).toBe(204)
  const range = answer.headers.get('range') ?? ''
  expect(range).toMatch(/^0-\d+$/)
  const last = Number(range.slice(2))
  return last === 0 ? 0 : last + 1
}

async function expectServedWhole(blob: Content) {
  const got = await client().send('GET', `blobs/${blob.digest}`)
  expect(got.status).toBe(200)
  expect(Buffer.compare(got.bytes, blob.bytes)).toBe(0)
}

test.if(areFiles)(
  'a session outlives a crash in each kind of request: never less than acknowledged, never more than sent',
  async () => {
    const blob = freshContent(BLOB_BYTES)
    const location = locationOf(await client().send('POST', 'blobs/uploads/'))
    let acknowledged = 0
    for (const how of ['chunk', 'stream', 'put', 'chunk'] as const) {
      const end = acknowledged + CHUNK_BYTES
      const patch = await client().send('PATCH', location, chunk(blob.bytes, acknowledged, end))
      expect([patch.status, patch.headers.get('range')]).toEqual([202, `0-${end - 1}`])
      acknowledged = end
      await crashWhileSending(blob, location, how, acknowledged, CHUNK_BYTES)
      const offset = await offsetOf(location)
      expect(offset).toBeGreaterThanOrEqual(acknowledged)
      expect(offset).toBeLessThanOrEqual(acknowledged + CHUNK_BYTES)
      acknowledged = offset
      // Not a byte of the broken request is served, under no name.
      expect((await client().send('HEAD', `blobs/${blob.digest}`)).status).toBe(404)
    }
    const rest = await client().send('PATCH', location, chunk(blob.bytes, acknowledged, BLOB_BYTES))
    expect([rest.status, rest.headers.get('range')]).toEqual([202, `0-${BLOB_BYTES - 1}`])
    // All bytes are acknowledged, and the process that has seen them is gone: the next one hashes them again.
    await crash()
    expect(await offsetOf(location)).toBe(BLOB_BYTES)
    expect((await client().send('PUT', withQuery(location, { digest: blob.digest }))).status).toBe(201)
    await expectServedWhole(blob)
    await crash()
    await expectServedWhole(blob)
  },
)

test('a wrong digest is found out after a crash too', async () => {
  const blob = freshContent(CHUNK_BYTES)
  const location = locationOf(await client().send('POST', 'blobs/uploads/'))
  expect((await client().send('PATCH', location, chunk(blob.bytes, 0, CHUNK_BYTES))).status).toBe(202)
  await crash()
  const other = freshContent(CHUNK_BYTES)
  const put = await client().send('PUT', withQuery(location, { digest: other.digest }))
  expect([put.status, put.code]).toEqual([400, 'DIGEST_INVALID'])
  expect((await client().send('GET', location)).status).toBe(404)
  expect((await client().send('HEAD', `blobs/${other.digest}`)).status).toBe(404)
})

test.if(areFiles)(
  'a chunk that was not acknowledged is sent again as it was: 416 tells the place, as regctl and oras go on',
  async () => {
    const blob = freshContent(BLOB_BYTES)
    const location = locationOf(await client().send('POST', 'blobs/uploads/'))
    await crashWhileSending(blob, location, 'chunk', 0, CHUNK_BYTES)
    // The client that knows nothing of the crash tries one chunk too far.
    const ahead = await client().send('PATCH', location, chunk(blob.bytes, CHUNK_BYTES + 1, BLOB_BYTES))
    expect([ahead.status, ahead.headers.get('location')]).toEqual([416, location])
    const last = Number(ahead.headers.get('range')?.slice(2))
    const offset = last === 0 ? 0 : last + 1
    expect(offset).toBe(await offsetOf(location))
    const rest = await client().send('PATCH', location, chunk(blob.bytes, offset, BLOB_BYTES))
    expect(rest.status).toBe(202)
    expect((await client().send('PUT', withQuery(location, { digest: blob.digest }))).status).toBe(201)
    await expectServedWhole(blob)
  },
)
