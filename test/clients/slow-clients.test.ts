// Many clients that stall in the middle of a layer: the server's memory stays flat, and all others are served as ever.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { areFiles } from '../support/chosen-stores.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import {
  contentOf,
  freshContent,
  locationOf,
  type OciRequests,
  ociRequests,
  withQuery,
} from '../support/oci-requests.ts'
import { canWatchMemory, watchPeak } from './process-memory.ts'
import { basicAuthorization, openExchange, type RawExchange } from './raw-http.ts'
import { pushUnpackableImage } from './unpackable-image.ts'

setDefaultTimeout(120_000)

const MIB = 1024 * 1024
const STALLED = 40
const LAYER_MIB = 48
/** All stalled transfers together are of 40 × 48 = 1920 MiB. A reader holds nothing, its bytes wait in the page cache. */
const READERS_MIB = 100
/** A sender holds some 5 MiB on their way to the disk, measured the same for layers of 24, 48 and 96 MiB. */
const SENDERS_MIB = 10 * STALLED

describe.if(canWatchMemory)('slow clients', () => {
  let kagami: Kagami
  let client: OciRequests
  let authorization: { authorization: string }
  beforeAll(async () => {
    kagami = await startKagami()
    client = ociRequests(kagami.url, 'acme/slow', kagami.owner)
    authorization = { authorization: basicAuthorization(kagami.owner) }
  })
  afterAll(() => kagami?.stop())

  /** What everybody else does meanwhile: a push, a pull, a list. */
  async function expectOthersServed(text: string, large: { digest: string; bytes: Uint8Array }) {
    const image = await pushUnpackableImage(client, text, text)
    for (let i = 0; i < 50; i++) {
      expect((await client.send('GET', `manifests/${text}`)).bytes).toEqual(image.manifest.bytes)
    }
    const got = await client.send('GET', `blobs/${large.digest}`)
    expect(Buffer.compare(got.bytes, large.bytes)).toBe(0)
    expect((await client.send('GET', 'tags/list')).text).toContain(text)
  }

  test.if(areFiles)(
    'readers that stop reading hold nothing in memory, and get every byte once they go on',
    async () => {
      const layer = await client.pushBlob(contentOf(new Uint8Array(LAYER_MIB * MIB).fill(7)))
      await expectOthersServed('before-readers', layer)
      const peak = watchPeak(kagami.pid)
      const readers: RawExchange[] = []
      for (let i = 0; i < STALLED; i++) {
        const reader = await openExchange(kagami.url, 'GET', `/v2/acme/slow/blobs/${layer.digest}`, authorization)
        expect((await reader.head()).status).toBe(200)
        readers.push(reader)
      }
      await expectOthersServed('during-readers', layer)
      for (const reader of readers) expect(reader.receivedBytes()).toBeLessThan(LAYER_MIB * MIB)
      expect(peak()).toBeLessThan(READERS_MIB)
      for (const reader of readers) {
        const hash = createHash('sha256')
        await reader.readBody((piece) => {
          hash.update(piece)
        })
        expect(`sha256:${hash.digest('hex')}`).toBe(layer.digest)
        reader.destroy()
      }
      expect(peak()).toBeLessThan(READERS_MIB)
    },
  )

  test.if(areFiles)(
    'senders of one digest that stop sending hold nothing in memory, and all succeed once they go on',
    async () => {
      const layer = contentOf(new Uint8Array(LAYER_MIB * MIB).fill(9))
      const other = await client.pushBlob(freshContent(MIB))
      const half = layer.bytes.subarray(0, layer.bytes.length / 2)
      const peak = watchPeak(kagami.pid)
      const senders: { exchange: RawExchange; location: string }[] = []
      for (let i = 0; i < STALLED; i++) {
        const location = locationOf(await client.send('POST', 'blobs/uploads/'))
        const exchange = await openExchange(kagami.url, 'PATCH', location, {
          ...authorization,
          'content-length': String(layer.bytes.length),
        })
        await exchange.write(half)
        senders.push({ exchange, location })
      }
      await expectOthersServed('during-senders', other)
      expect(peak()).toBeLessThan(SENDERS_MIB)
      await Promise.all(
        senders.map(async ({ exchange, location }) => {
          await exchange.write(layer.bytes.subarray(half.length))
          expect((await exchange.head()).status).toBe(202)
          exchange.destroy()
          expect((await client.send('PUT', withQuery(location, { digest: layer.digest }))).status).toBe(201)
        }),
      )
      expect(peak()).toBeLessThan(SENDERS_MIB)
      expect((await client.send('HEAD', `blobs/${layer.digest}`)).headers.get('content-length')).toBe(
        String(layer.bytes.length),
      )
    },
  )

  test('a reader and a sender that go away leave the server as it was', async () => {
    const layer = await client.pushBlob(contentOf(new Uint8Array(LAYER_MIB * MIB).fill(11)))
    const location = locationOf(await client.send('POST', 'blobs/uploads/'))
    for (let i = 0; i < STALLED; i++) {
      const reader = await openExchange(kagami.url, 'GET', `/v2/acme/slow/blobs/${layer.digest}`, authorization)
      await reader.head()
      reader.destroy()
    }
    const sender = await openExchange(kagami.url, 'PATCH', location, { ...authorization, 'content-length': '2000000' })
    await sender.write(layer.bytes.subarray(0, MIB))
    sender.destroy()
    // The next chunk is taken as soon as the server has seen the sender go, from where the session is.
    let offset = 0
    let status = 0
    while (status !== 202) {
      const range = (await client.send('GET', location)).headers.get('range') ?? ''
      offset = range === '0-0' ? 0 : Number(range.slice(2)) + 1
      const headers = { 'content-range': `${offset}-${layer.bytes.length - 1}` }
      status = (await client.send('PATCH', location, { headers, body: layer.bytes.subarray(offset) })).status
      expect([202, 416]).toContain(status)
    }
    expect(offset).toBeLessThanOrEqual(MIB)
    expect((await client.send('PUT', withQuery(location, { digest: layer.digest }))).status).toBe(201)
    expect(kagami.running()).toBe(true)
    await expectOthersServed('after', layer)
  })
})
