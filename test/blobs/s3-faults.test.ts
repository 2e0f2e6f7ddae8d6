// What S3 does wrong, by a proxy in front of a real one: repeated where it passes, told where it does not, and never taken for a whole answer.
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { newStorageKey } from '../../src/blobs/blob-store.ts'
import type { S3Location } from '../../src/blobs/s3/location.ts'
import { checkBucket, openS3BlobStore } from '../../src/blobs/s3/store.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { haveS3, s3Server } from '../support/s3-server.ts'

setDefaultTimeout(60_000)

type Fault = (request: Request, n: number) => Response | undefined | Promise<Response | undefined>

/** S3 with faults; `Host` stays, since it is signed. */
async function faulty(fault: Fault): Promise<{ location: S3Location; seen: () => number; stop(): void }> {
  const server = await s3Server()
  let n = 0
  const proxy = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const own = await fault(request, n++)
      if (own !== undefined) return own
      const { pathname, search } = new URL(request.url)
      const body = request.body === null ? undefined : await request.arrayBuffer()
      const init = { method: request.method, headers: request.headers, body, decompress: false } as RequestInit
      const answer = await fetch(`${server.endpoint}${pathname}${search}`, init)
      return new Response(request.method === 'HEAD' ? null : await answer.arrayBuffer(), answer)
    },
  })
  const location = server.freshLocation({ endpoint: `http://127.0.0.1:${proxy.port}` })
  return { location, seen: () => n, stop: () => void proxy.stop(true) }
}

const text = (value: string) => new Response(value).body as ReadableStream<Uint8Array>
const slowDown = () =>
  new Response('<Error><Code>SlowDown</Code><Message>less</Message></Error>', {
    status: 503,
    headers: { 'content-type': 'application/xml', 'retry-after': '0' },
  })

describe.skipIf(!haveS3)('faults of S3', () => {
  test('a SlowDown and a lost answer pass: the stage is whole, with each part once', async () => {
    const s3 = await faulty((request, n) => {
      if (request.method === 'PUT' && n % 2 === 0) return slowDown()
      return undefined
    })
    const store = openS3BlobStore(s3.location)
    const stage = await store.openStage('slow')
    await stage.append(text('abc'))
    await stage.append(text('def'))
    const key = newStorageKey(digestOf('abcdef'))
    await stage.seal(key)
    expect(await new Response(await store.open(key)).text()).toBe('abcdef')
    s3.stop()
  })

  test('what does not pass is STORAGE_UNAVAILABLE, and the stage holds what was there before', async () => {
    let isDown = false
    const s3 = await faulty(() => (isDown ? slowDown() : undefined))
    const store = openS3BlobStore(s3.location, { attempts: 2 })
    const stage = await store.openStage('down')
    await stage.append(text('abc'))
    isDown = true
    const failing = stage.append(text('def'))
    await expect(failing).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    // Whoever may see the answer learns nothing of the bucket; the operator's log has it.
    const failure = (await failing.catch((error) => error)) as Error
    expect(failure.message).toBe('the blob store does not answer as it should: try again')
    expect((failure.cause as Error).message).toContain(`bucket ${s3.location.bucket} at `)
    expect((failure.cause as Error).message).toContain('SlowDown')
    expect(stage.sizeBytes).toBe(3)
    await expect(store.findSize(newStorageKey(digestOf('x')))).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    isDown = false
    await stage.append(text('DEF'))
    await stage.close()
    const again = await store.openStage('down')
    expect(await new Response(again.read()).text()).toBe('abcDEF')
    s3.stop()
  })

  test('a short answer and one that never comes are errors, not bytes', async () => {
    let fault: Fault = () => undefined
    const s3 = await faulty((request, n) => (request.method === 'GET' ? fault(request, n) : undefined))
    const store = openS3BlobStore(s3.location, { attempts: 2, timeoutMs: 300 })
    const stage = await store.openStage('short')
    await stage.append(text('0123456789'), { isSealedNext: true })
    const key = newStorageKey(digestOf('short'))
    await stage.seal(key)
    const bad: readonly Fault[] = [
      () => new Response('01234', { status: 206 }),
      () => new Response('0123456789', { status: 200 }),
      () => new Promise<Response>(() => {}),
    ]
    for (const one of bad) {
      fault = one
      await expect(store.openBody(key, { from: 0, to: 9 })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    }
    s3.stop()
  })

  test('a part that turns up late spoils nothing of what was appended since', async () => {
    let late: (() => Promise<unknown>) | undefined
    const server = await s3Server()
    const s3 = await faulty(async (request) => {
      if (request.method !== 'PUT' || late !== undefined) return undefined
      const { pathname } = new URL(request.url)
      const [headers, body] = [request.headers, await request.arrayBuffer()]
      late = () => fetch(`${server.endpoint}${pathname}`, { method: 'PUT', headers, body })
      return new Response('<Error><Code>AccessDenied</Code></Error>', {
        status: 403,
        headers: { 'content-type': 'application/xml' },
      })
    })
    const store = openS3BlobStore(s3.location)
    const stage = await store.openStage('late')
    await expect(stage.append(text('OLD OLD'))).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await stage.append(text('new'))
    await late?.()
    await stage.close()
    const again = await store.openStage('late')
    expect(await new Response(again.read()).text()).toBe('new')
    await again.discard()
    expect(await Array.fromAsync(store.listStages())).toEqual([])
    s3.stop()
  })

  test('what is wrong with a bucket is said', async () => {
    const server = await s3Server()
    const right = server.freshLocation()
    const keys = { accessKeyId: server.accessKeyId, secretAccessKey: createSecret('wrong'), sessionToken: undefined }
    await checkBucket(right)
    for (const [change, says] of [
      [{ bucket: 'no-such-bucket' }, 'NoSuchBucket'],
      [{ credentials: keys }, 'SignatureDoesNotMatch'],
      [{ credentials: { ...keys, accessKeyId: 'nobody' } }, 'InvalidAccessKeyId'],
      [{ endpoint: 'http://127.0.0.1:1' }, 'no answer'],
    ] as const) {
      const checking = checkBucket({ ...right, ...change })
      await expect(checking).rejects.toThrow(says)
      await expect(checking).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    }
  })
})
