// Ten thousand requests that no client would send: every route, header and body. Never a 5xx, and a refused one changes nothing.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import pino from 'pino'
import { createOciApp, type OciApp } from '../../../src/http/oci/app.ts'
import { freshContent, OCI_INDEX, OCI_MANIFEST, ociRequests, pushImage } from '../../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
let app: OciApp
let pieces: { digests: string[]; manifests: Uint8Array<ArrayBuffer>[]; session: string }
const logged: string[] = []

beforeAll(async () => {
  server = await startServer()
  const client = ociRequests(server.url, 'acme/fuzz', OWNER)
  const image = await pushImage(client, { tag: 'v1' })
  const referrer = await pushImage(client, { extra: { subject: image.descriptor } })
  const begun = await client.send('POST', 'blobs/uploads/')
  pieces = {
    digests: [image, referrer].flatMap((one) => [one.manifest, one.config, ...one.layers]).map((one) => one.digest),
    manifests: [image.manifest.bytes, referrer.manifest.bytes],
    session: begun.headers.get('docker-upload-uuid') ?? '',
  }
  const user = await server.db.read
    .selectFrom('users')
    .select('id')
    .where('username', '=', 'owner')
    .executeTakeFirstOrThrow()
  // Without a socket, so that the fuzzer's own client cannot tidy what it sends; who asks is the fuzzer's choice.
  app = createOciApp({
    db: server.db,
    blobs: server.blobs,
    uploads: server.uploads,
    pulls: server.pulls,
    refusals: server.access.refusals,
    clock: { now: () => new Date() },
    logger: pino({ base: null }, { write: (line: string) => void logged.push(line) }),
    authenticate: async (request) =>
      request.headers.get('x-who') === 'owner'
        ? { principal: { kind: 'user', userId: user.id, username: 'owner', isOperator: true } }
        : { principal: { kind: 'anonymous' } },
    recall: (header) => (header === null ? { principal: { kind: 'anonymous' } } : undefined),
    tokenRealm: () => 'http://h/token',
    service: 'kagami',
    idleTimeoutMs: 1000,
  })
})
afterAll(() => server.stop())

const TABLES = [
  'blobs',
  'manifests',
  'repositories',
  'repository_manifests',
  'repository_blobs',
  'tags',
  'tag_history',
  'events',
  'upload_sessions',
] as const

/** A mark of the data that any change moves: rows, and the newest of each table's times. */
async function mark(): Promise<string> {
  const counts: unknown[] = []
  for (const table of TABLES) {
    const row = await server.db.read
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow()
    counts.push(row.rows)
  }
  const sessions = await server.db.read
    .selectFrom('upload_sessions')
    .select(['id', 'offset_bytes'])
    .orderBy('id')
    .execute()
  const tags = await server.db.read.selectFrom('tags').selectAll().orderBy('name').execute()
  return JSON.stringify([counts, sessions, tags])
}

const hostile = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom(
    '',
    '.',
    '..',
    '%',
    '%00',
    '%2f',
    '%zz',
    '\\',
    ' ',
    '\u0000',
    'a'.repeat(300),
    '-1',
    '0',
    '9'.repeat(40),
  ),
)
const pick = (values: () => readonly string[]) => fc.nat().map((n) => values()[n % values().length] ?? '')
const digest = fc.oneof(
  { weight: 4, arbitrary: pick(() => pieces.digests) },
  fc.constantFrom(`sha256:${'0'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, 'sha256:', 'md5:00', 'sha256:XX'),
  hostile,
)
const tag = fc.oneof(fc.constantFrom('v1', 'v2', 'latest', '-bad'), hostile)
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('acme/fuzz', 'acme/other', 'acme/blobs/uploads', 'other/x') },
  fc.constantFrom('acme', 'ACME/x', 'acme//x', '../acme', ''),
  hostile,
)
const path = fc.oneof(
  fc.tuple(name, fc.oneof(tag, digest)).map(([n, r]) => `/v2/${n}/manifests/${r}`),
  fc.tuple(name, digest).map(([n, d]) => `/v2/${n}/blobs/${d}`),
  fc.tuple(name, digest).map(([n, d]) => `/v2/${n}/referrers/${d}`),
  name.map((n) => `/v2/${n}/tags/list`),
  name.map((n) => `/v2/${n}/blobs/uploads/`),
  fc
    .tuple(
      name,
      fc.oneof(
        pick(() => [pieces.session]),
        hostile,
      ),
    )
    .map(([n, s]) => `/v2/${n}/blobs/uploads/${s}`),
  fc.constantFrom('/v2/', '/v2', '/v2/_catalog'),
  fc.array(hostile, { maxLength: 6 }).map((parts) => `/v2/${parts.join('/')}`),
)
const encode = (text: string, isRaw: boolean) => (isRaw ? text : text.split('/').map(encodeURIComponent).join('/'))
const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'n',
        'last',
        'digest',
        'mount',
        'from',
        'tag',
        'artifactType',
        'digest-algorithm',
        'ns',
        'origin',
      ),
      fc.oneof(digest, tag, name, hostile),
    ),
    { maxLength: 3 },
  )
  .map((pairs) =>
    pairs.length === 0 ? '' : `?${pairs.map(([k, v]) => `${k}=${encodeURIComponent(toText(v))}`).join('&')}`,
  )
/** encodeURIComponent throws on half of a surrogate pair. */
const toText = (text: string) => text.toWellFormed()

const headerValue = fc.oneof(
  fc.constantFrom('0-9', '9-0', 'bytes=0-', 'bytes=500-0', 'bytes=0-1,3-4', '*', '"x"', OCI_MANIFEST, OCI_INDEX),
  fc.constantFrom('application/octet-stream', 'application/json', 'text/plain; charset=x', 'a'.repeat(5000)),
  digest.map((text) => `"${text}"`),
  fc.string({ maxLength: 20 }),
)
const headers = fc.dictionary(
  fc.constantFrom('content-type', 'content-range', 'range', 'if-match', 'if-none-match', 'accept', 'content-length'),
  headerValue,
  { maxKeys: 4 },
)

const bits = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1e999', 'null', '-0', '\\u0000')
const body = fc.oneof(
  fc.constant(undefined),
  fc.nat().map((n) => pieces.manifests[n % pieces.manifests.length]),
  fc.tuple(fc.nat(), fc.nat(), fc.nat(255)).map(([which, where, byte]) => {
    const bytes = Uint8Array.from(pieces.manifests[which % pieces.manifests.length] ?? [])
    bytes[where % bytes.length] = byte
    return bytes
  }),
  fc.json({ maxDepth: 5 }).map((text) => new TextEncoder().encode(toText(text)) as Uint8Array<ArrayBuffer>),
  fc
    .array(bits, { maxLength: 200 })
    .map((parts) => new TextEncoder().encode(parts.join('')) as Uint8Array<ArrayBuffer>),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom(...[0, 1, 5000].map((size) => freshContent(size).bytes)),
)
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND')

const wild = fc.record({ method, path, query, headers, body, raw: fc.boolean(), owner: fc.boolean() })

/** A request that a client would send, with at most one of its parts from the wild. */
const nearly = fc
  .tuple(fc.nat(), wild, fc.constantFrom('none', 'method', 'path', 'query', 'headers', 'body', 'owner'))
  .map(([n, other, part]) => {
    const [blob, manifest] = [freshContent(20), pieces.manifests[n % pieces.manifests.length]]
    const digestText = pieces.digests[n % pieces.digests.length] ?? ''
    const good = { headers: {}, query: '', body: undefined, raw: true, owner: true }
    const typed = { ...good, headers: { 'content-type': OCI_MANIFEST }, body: manifest }
    const templates = [
      { ...good, method: 'GET', path: '/v2/acme/fuzz/manifests/v1' },
      { ...good, method: 'GET', path: `/v2/acme/fuzz/blobs/${digestText}`, headers: { range: 'bytes=0-9' } },
      { ...good, method: 'GET', path: `/v2/acme/fuzz/referrers/${digestText}`, query: '?artifactType=a%2Fb&n=1' },
      { ...good, method: 'GET', path: '/v2/acme/fuzz/tags/list', query: '?n=1&last=a' },
      { ...typed, method: 'PUT', path: '/v2/acme/fuzz/manifests/v2' },
      {
        ...good,
        method: 'POST',
        path: '/v2/acme/fuzz/blobs/uploads/',
        query: `?digest=${blob.digest}`,
        body: blob.bytes,
      },
      { ...good, method: 'POST', path: '/v2/acme/other/blobs/uploads/', query: `?mount=${digestText}&from=acme/fuzz` },
      { ...good, method: 'PATCH', path: `/v2/acme/fuzz/blobs/uploads/${pieces.session}`, body: blob.bytes },
      { ...good, method: 'DELETE', path: '/v2/acme/fuzz/manifests/v2' },
      { ...good, method: 'DELETE', path: `/v2/acme/fuzz/blobs/${digestText}` },
    ]
    const chosen = templates[n % templates.length] ?? templates[0]
    return (part === 'none' ? chosen : { ...chosen, [part]: other[part] }) as typeof other
  })

const sample = fc.oneof(wild, nearly)

/** The request, or undefined where the platform itself refuses to make one of it. */
function build(one: typeof wild extends fc.Arbitrary<infer T> ? T : never): Request | undefined {
  try {
    const has = one.body !== undefined && one.method !== 'GET' && one.method !== 'HEAD'
    return new Request(`http://127.0.0.1${encode(toText(one.path), one.raw)}${one.query}`, {
      method: one.method,
      headers: { ...one.headers, 'x-who': one.owner ? 'owner' : 'nobody' },
      ...(has ? { body: one.body as Uint8Array<ArrayBuffer> } : {}),
    })
  } catch {
    return undefined
  }
}

/** A long campaign is run by KAGAMI_TEST_FUZZED=10000. */
const FUZZED = Number(process.env.KAGAMI_TEST_FUZZED ?? 4000)

test(`no request of ${FUZZED} is answered by a 5xx, and none that is refused changes the data`, async () => {
  const seen = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(sample, async (one) => {
      const request = build(one)
      if (request === undefined) return
      const isWrite = !['GET', 'HEAD'].includes(one.method)
      const before = isWrite ? await mark() : ''
      const response = await app.fetch(request)
      const text = await response.text()
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1)
      expect(response.status).toBeLessThan(500)
      expect(text).not.toMatch(/\.ts:\d|node_modules|SQLITE/)
      if (response.status < 400) return
      if (one.method !== 'HEAD') {
        const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] }
        expect(errors[0]?.code).toMatch(/^[A-Z_]+$/)
      }
      if (isWrite && !isChunkOfSession(one, response)) expect(await mark()).toBe(before)
      // Anonymous callers change nothing whatever they are told.
      if (!one.owner && isWrite) expect(await mark()).toBe(before)
    }),
    { numRuns: FUZZED },
  )
  expect(logged).toEqual([])
  // The fuzzer reaches behind the doors: it also meets successes, absences, conflicts and refused rights.
  for (const status of [200, 201, 202, 400, 401, 403, 404, 405, 416])
    expect([status, seen.has(status)]).toEqual([status, true])
}, 240_000)

/** A digest that does not match ends its session: the one refusal that is meant to change something (distribution-spec end-6). */
function isChunkOfSession(one: { method: string; path: string }, response: Response): boolean {
  return one.method === 'PUT' && one.path.endsWith(pieces.session) && response.status === 400
}
