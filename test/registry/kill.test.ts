// kill -9 at random moments of pushing (invariant 3): what was acknowledged is there, what was not is nowhere half-visible.
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import {
  type Content,
  contentOf,
  describeContent,
  freshContent,
  locationOf,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  withQuery,
} from '../support/oci-requests.ts'
import { type Daemon, startDaemon, temporaryDirectory } from '../support/process.ts'
import { OWNER } from '../support/server.ts'

const directory = temporaryDirectory('kill')
afterAll(() => directory.remove())

/** A long campaign is run by KAGAMI_TEST_KILLS=500. */
const ROUNDS = Number(process.env.KAGAMI_TEST_KILLS ?? 6)

async function start(): Promise<{ daemon: Daemon; client: OciRequests }> {
  const daemon = await startDaemon({
    command: process.execPath,
    args: [join(import.meta.dir, '../support/serve-registry.ts'), directory.path],
    ready: async (self) => self.stdout().includes('\n'),
  })
  return { daemon, client: ociRequests(daemon.stdout().trim(), 'acme/killed', OWNER) }
}

/** What the registry has acknowledged so far; nothing of it may ever be lost. */
interface Ledger {
  readonly blobs: Map<string, Content>
  /** tag → the digests that were acknowledged for it, and the one that was asked last. */
  readonly tags: Map<string, { acknowledged: string | undefined; asked: string }>
  /** Sessions with the bytes that were acknowledged. */
  readonly sessions: Map<string, { content: Content; offset: number }>
}

let number = 0

/** Pushes image after image until the server is gone. */
async function pushUntilGone(client: OciRequests, ledger: Ledger, worker: number): Promise<void> {
  for (;;) {
    const [config, layer] = [freshContent(100 + worker), freshContent(200_000 + worker)]
    for (const blob of [config, layer]) {
      let location = locationOf(await client.send('POST', 'blobs/uploads/'))
      for (let at = 0; at < blob.bytes.byteLength; at += 70_000) {
        const to = Math.min(blob.bytes.byteLength, at + 70_000)
        const headers = { 'content-range': `${at}-${to - 1}` }
        const answer = await client.send('PATCH', location, { headers, body: blob.bytes.subarray(at, to) })
        if (answer.status !== 202) throw new Error(`PATCH: ${answer.status} ${answer.text}`)
        location = locationOf(answer)
        ledger.sessions.set(location, { content: blob, offset: to })
      }
      const put = await client.send('PUT', withQuery(location, { digest: blob.digest }))
      if (put.status !== 201) throw new Error(`PUT: ${put.status} ${put.text}`)
      ledger.sessions.delete(location)
      ledger.blobs.set(blob.digest, blob)
    }
    const manifest = contentOf(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: describeContent(config, OCI_CONFIG),
        layers: [describeContent(layer, OCI_LAYER)],
        annotations: { number: String(number++) },
      }),
    )
    const tag = `worker-${worker}`
    const before = ledger.tags.get(tag)
    ledger.tags.set(tag, { acknowledged: before?.acknowledged, asked: manifest.digest })
    const put = await client.send('PUT', `manifests/${tag}`, {
      headers: { 'content-type': OCI_MANIFEST },
      body: manifest.bytes,
    })
    if (put.status !== 201) throw new Error(`PUT manifest: ${put.status} ${put.text}`)
    ledger.tags.set(tag, { acknowledged: manifest.digest, asked: manifest.digest })
  }
}

async function expectKept(client: OciRequests, ledger: Ledger): Promise<void> {
  for (const { digest, bytes } of ledger.blobs.values()) {
    const got = await client.send('GET', `blobs/${digest}`)
    expect([digest, got.status, Buffer.compare(got.bytes, bytes)]).toEqual([digest, 200, 0])
  }
  const listed = await client.send('GET', 'tags/list')
  const tags = listed.status === 404 ? [] : (JSON.parse(listed.text) as { tags: string[] }).tags
  for (const [tag, { acknowledged, asked }] of ledger.tags) {
    if (acknowledged !== undefined) expect(tags).toContain(tag)
    if (!tags.includes(tag)) continue
    const got = await client.send('GET', `manifests/${tag}`)
    const digest = contentOf(got.bytes as Uint8Array<ArrayBuffer>).digest
    // The last push of the tag may have been stored without its answer having come through.
    expect([acknowledged, asked]).toContain(digest)
    // Whatever was seen is kept from now on, though a later push may be asked and cut off before it is stored.
    ledger.tags.set(tag, { acknowledged: digest, asked: digest })
    const { config, layers } = JSON.parse(got.text) as { config: { digest: string }; layers: { digest: string }[] }
    for (const part of [config, ...layers]) expect((await client.send('HEAD', `blobs/${part.digest}`)).status).toBe(200)
  }
  for (const [location, { content, offset }] of ledger.sessions) {
    const status = await client.send('GET', location)
    if (status.status === 404) {
      // The PUT that ended it was stored, only its answer was lost.
      expect((await client.send('HEAD', `blobs/${content.digest}`)).status).toBe(200)
      continue
    }
    const held = Number(/^0-(\d+)$/.exec(status.headers.get('range') ?? '')?.[1]) + 1
    expect(held).toBeGreaterThanOrEqual(offset)
    const rest = content.bytes.subarray(held)
    const headers: Record<string, string> =
      rest.byteLength === 0 ? {} : { 'content-range': `${held}-${content.bytes.byteLength - 1}` }
    const put = await client.send('PUT', withQuery(location, { digest: content.digest }), {
      headers,
      ...(rest.byteLength === 0 ? {} : { body: rest }),
    })
    expect([put.status, put.text]).toEqual([201, ''])
    ledger.blobs.set(content.digest, content)
  }
  ledger.sessions.clear()
}

test(`after each of ${ROUNDS} kills everything acknowledged is there, sessions go on, and no tag is incomplete`, async () => {
  const ledger: Ledger = { blobs: new Map(), tags: new Map(), sessions: new Map() }
  let { daemon, client } = await start()
  for (let round = 0; round < ROUNDS; round++) {
    const here = client
    const before = ledger.blobs.size
    const workers = [0, 1, 2].map((worker) =>
      pushUntilGone(here, ledger, worker).catch((error: unknown) => {
        // A connection that breaks is what a kill looks like; an answer of the wrong status is not.
        if (error instanceof Error && /^PUT|^PATCH/.test(error.message)) throw error
      }),
    )
    // Somewhere in the work: after so many new blobs, and then at whatever step the others are.
    while (ledger.blobs.size < before + 2 + (round % 4)) await Bun.sleep(1)
    await Bun.sleep(Math.random() * 8)
    await daemon.kill()
    await Promise.all(workers)
    ;({ daemon, client } = await start())
    await expectKept(client, ledger)
  }
  expect(ledger.blobs.size).toBeGreaterThan(ROUNDS)
  await daemon.kill()
}, 180_000)
