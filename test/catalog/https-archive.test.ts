// Definitions as an organization names them: an archive over https, of a server that is fine, that moves, that breaks off, or that means harm.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import type { ArchiveLimits } from '../../src/catalog/definitions/archive.ts'
import { definitionsPlace } from '../../src/catalog/refresh/definitions.ts'
import type { UpstreamRow } from '../../src/db/schema.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { createTestCa, type TestCa } from '../support/certificates.ts'
import { upstreamRow } from '../support/upstream-row.ts'

const LOOPBACK = { allowLoopback: true, allowNetworks: [] }
const GOOD = 'image: dhi.io/app\ntags: ["1"]\n'

async function archiveOf(entries: readonly (Partial<Header> & { name: string; text?: string })[]): Promise<Buffer> {
  const tar = pack()
  for (const { text = '', ...header } of entries) tar.entry({ ...header }, text)
  tar.finalize()
  const parts: Buffer[] = []
  for await (const part of tar) parts.push(part as Buffer)
  return gzipSync(Buffer.concat(parts))
}

describe('an archive of definitions over https', () => {
  let authority: TestCa
  let stranger: TestCa
  let tls: { cert: string; key: string }
  const stops: (() => Promise<void>)[] = []
  beforeAll(() => {
    const day = 24 * 60 * 60 * 1000
    ;[authority, stranger] = [createTestCa(), createTestCa()]
    tls = authority.issue({ name: 'localhost', from: new Date(Date.now() - day), to: new Date(Date.now() + day) })
  })
  afterAll(async () => {
    for (const stop of stops) await stop()
    authority.remove()
    stranger.remove()
  })

  /** @param isPlain http, without a certificate */
  function serve(answer: (request: Request) => Response | Promise<Response>, isPlain = false): string {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: answer,
      ...(isPlain ? {} : { tls }),
    })
    stops.push(() => server.stop(true))
    return `${isPlain ? 'http' : 'https'}://localhost:${server.port}`
  }

  async function read(
    url: string,
    o: { ca?: string | null; etag?: string; policy?: typeof LOOPBACK; limits?: ArchiveLimits } = {},
  ) {
    const { ca = authority.ca, etag = null, policy = LOOPBACK, limits } = o
    const places = {
      folders: new Map<string, string>(),
      sampleDefinitions: () => undefined,
      http: createHttpClient({ policy }),
      ...(limits === undefined ? {} : { limits }),
    }
    const upstream = { id: 'one', ...upstreamRow({ organization_id: 'acme', ca }) } as UpstreamRow
    const place = definitionsPlace(places, upstream, { definitions_url: url })
    const found = await place?.read(etag, AbortSignal.timeout(60_000))
    return found === undefined
      ? undefined
      : { paths: [...found.files.files.keys()].sort(), notes: found.files.notes, etag: found.etag }
  }

  test('is trusted by the certificates of its upstream alone, and asked for again by what it was', async () => {
    const body = await archiveOf([{ name: 'main/image/app/debian-13/1.yaml', text: GOOD }])
    const url = serve(({ headers }) =>
      headers.get('if-none-match') === '"one"'
        ? new Response(null, { status: 304 })
        : new Response(new Uint8Array(body), { headers: { etag: '"one"' } }),
    )
    expect(await read(url)).toEqual({ paths: ['image/app/debian-13/1.yaml'], notes: [], etag: '"one"' })
    expect(await read(url, { etag: '"one"' })).toBeUndefined()
    for (const ca of [null, stranger.ca]) {
      await expect(read(url, { ca })).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
    }
  })

  test('is followed to where it has moved, over https alone and to no address that is not allowed', async () => {
    const body = await archiveOf([{ name: 'image/app/debian-13/1.yaml', text: GOOD }])
    const send = () => new Response(new Uint8Array(body))
    const [storage, plain] = [serve(send), serve(send, true)]
    let hops = 0
    const url = serve(({ url }) => {
      switch (new URL(url).pathname) {
        case '/moved':
          return Response.redirect(`${storage}/there`, 302)
        case '/plain':
          return Response.redirect(plain, 302)
        case '/inward':
          return Response.redirect('https://169.254.169.254/latest/meta-data/', 302)
        case '/file':
          return new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } })
        default:
          return Response.redirect(`/${++hops}`, 302)
      }
    })
    expect((await read(`${url}/moved`))?.paths).toEqual(['image/app/debian-13/1.yaml'])
    await expect(read(`${url}/inward`)).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    for (const path of ['plain', 'file', 'round']) {
      await expect(read(`${url}/${path}`)).rejects.toMatchObject({
        code: expect.stringMatching(/^UPSTREAM_|^ADDRESS_/),
      })
    }
    expect(hops).toBeLessThan(20)
    const nowhere = { allowLoopback: false, allowNetworks: [] }
    await expect(read(storage, { policy: nowhere })).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
  })

  test('that breaks off, is none, or is not there gives nothing at all', async () => {
    const body = new Uint8Array(await archiveOf([{ name: 'image/app/debian-13/1.yaml', text: GOOD.repeat(50) }]))
    const url = serve(({ url }) => {
      switch (new URL(url).pathname) {
        case '/cut':
          return new Response(body.slice(0, body.byteLength - 20))
        case '/page':
          return new Response('<html>Sign in</html>')
        case '/empty':
          return new Response('')
        default:
          return new Response('no', { status: 404 })
      }
    })
    const code = expect.stringMatching(/^UPSTREAM_(INVALID|UNAVAILABLE)$/)
    for (const path of ['cut', 'page', 'empty']) {
      await expect(read(`${url}/${path}`)).rejects.toMatchObject({ code })
    }
    const dropping = createServer(tls, (_, response) => {
      response.writeHead(200, { 'content-length': body.byteLength })
      response.write(body.slice(0, 60), () => response.socket?.destroy())
    })
    await new Promise<void>((resolve) => void dropping.listen(0, '127.0.0.1', resolve))
    stops.push(async () => void dropping.close())
    await expect(read(`https://localhost:${(dropping.address() as AddressInfo).port}`)).rejects.toMatchObject({ code })
    await expect(read(`${url}/none`)).rejects.toThrow('answered 404 for the archive of definitions')
  })

  test('that is too large as it comes, unpacked, or in its number of files is let go on its way', async () => {
    const zeros = gzipSync(Buffer.alloc(4 * 1024 * 1024))
    let sent = 0
    let isOver = false
    const many = await archiveOf(Array.from({ length: 20 }, (_, n) => ({ name: `image/a/debian-13/${n}.yaml` })))
    const url = serve(({ url }) => {
      switch (new URL(url).pathname) {
        case '/endless':
          return new Response(
            new ReadableStream({
              pull(controller) {
                sent++
                controller.enqueue(new Uint8Array(64 * 1024))
              },
              cancel() {
                isOver = true
              },
            }),
          )
        case '/bomb':
          return new Response(new Uint8Array(zeros))
        default:
          return new Response(new Uint8Array(many))
      }
    })
    const limits = { packedBytes: 1024 * 1024, bytes: 2 * 1024 * 1024, entries: 10 }
    await expect(read(`${url}/endless`, { limits })).rejects.toThrow(/has more than 1048576 bytes$/)
    expect([isOver || sent < 1000]).toEqual([true])
    await expect(read(`${url}/bomb`, { limits })).rejects.toThrow('unpacks to more than 2097152 bytes')
    await expect(read(`${url}/many`, { limits })).rejects.toThrow('has more than 10 entries')
  })

  test('whose names lead elsewhere, or are links, gives what is meant and nothing else', async () => {
    const body = await archiveOf([
      { name: '../../etc/cron.d/x', text: GOOD },
      { name: '../image/app/debian-13/1.yaml', text: GOOD },
      { name: '/image/app/debian-13/1.yaml', text: GOOD },
      { name: 'main/image/../../app/debian-13/1.yaml', text: GOOD },
      { name: 'image/app/debian-13/..%2f..%2fx.yaml', text: GOOD },
      { name: 'image\\app\\debian-13\\1.yaml', text: GOOD },
      { name: 'image/app/debian-13/nul\u0000.yaml', text: GOOD },
      { name: 'image/app/overview.md', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'image/app/guides.md', type: 'link', linkname: '../../../etc/passwd' },
      { name: 'image/good/debian-13/1.yaml', text: GOOD },
      { name: 'image/good/logo.svg', text: 'x'.repeat(1024 * 1024 + 1) },
    ])
    const found = await read(serve(() => new Response(new Uint8Array(body))))
    expect(found?.paths).toEqual(['image/good/debian-13/1.yaml'])
    expect(found?.notes).toEqual([expect.stringContaining('image/good/logo.svg has 1048577 bytes')])
  })
})
