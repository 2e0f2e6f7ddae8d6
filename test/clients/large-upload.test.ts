// Layers of gigabytes: in and out in flat memory of the server. KAGAMI_TEST_UPLOAD_MIB makes it smaller where the disk is.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { locationOf, type OciRequests, ociRequests, withQuery } from '../support/oci-requests.ts'
import { canWatchMemory, watchPeak } from './process-memory.ts'
import { basicAuthorization, openExchange } from './raw-http.ts'

setDefaultTimeout(300_000)

const SIZE_MIB = Number(process.env.KAGAMI_TEST_UPLOAD_MIB ?? 4096)
const MIB = 1024 * 1024
/** Far below the size of the layer, and above what garbage collection leaves lying about. */
const FLAT_MIB = 160

describe.if(canWatchMemory)(`a layer of ${SIZE_MIB} MiB`, () => {
  let kagami: Kagami
  let client: OciRequests
  let digest = ''
  beforeAll(async () => {
    kagami = await startKagami()
    client = ociRequests(kagami.url, 'acme/large', kagami.owner)
  })
  afterAll(async () => {
    await kagami?.stop()
    // The rest of the run shall have the disk.
    rmSync(kagami.dataDirectory, { recursive: true, force: true })
  })

  /** Pieces of a layer that is nowhere in memory: each begins with its number. */
  function* pieces(): Generator<Uint8Array> {
    const piece = new Uint8Array(MIB)
    const number = new DataView(piece.buffer)
    for (let index = 0; index < SIZE_MIB; index++) {
      number.setUint32(0, index)
      yield piece
    }
  }

  test('is pushed by one streamed PATCH: the digest is right and memory is flat', async () => {
    const location = locationOf(await client.send('POST', 'blobs/uploads/'))
    const peak = watchPeak(kagami.pid)
    const hash = createHash('sha256')
    const exchange = await openExchange(kagami.url, 'PATCH', location, {
      authorization: basicAuthorization(kagami.owner),
      'content-type': 'application/octet-stream',
      'content-length': String(SIZE_MIB * MIB),
    })
    for (const piece of pieces()) {
      hash.update(piece)
      await exchange.write(piece)
    }
    digest = `sha256:${hash.digest('hex')}`
    const answer = await exchange.head()
    exchange.destroy()
    expect([answer.status, answer.headers.get('range')]).toEqual([202, `0-${SIZE_MIB * MIB - 1}`])
    expect((await client.send('PUT', withQuery(location, { digest }))).status).toBe(201)
    expect(peak()).toBeLessThan(FLAT_MIB)
  })

  test('is pulled whole: every byte is right and memory is flat', async () => {
    const peak = watchPeak(kagami.pid)
    const exchange = await openExchange(kagami.url, 'GET', `/v2/acme/large/blobs/${digest}`, {
      authorization: basicAuthorization(kagami.owner),
    })
    const { status, headers } = await exchange.head()
    expect([status, headers.get('content-length')]).toEqual([200, String(SIZE_MIB * MIB)])
    const hash = createHash('sha256')
    await exchange.readBody((piece) => {
      hash.update(piece)
    })
    exchange.destroy()
    expect(`sha256:${hash.digest('hex')}`).toBe(digest)
    expect(peak()).toBeLessThan(FLAT_MIB)
  })
})
