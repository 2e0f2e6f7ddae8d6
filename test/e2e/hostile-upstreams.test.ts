// Upstreams that lie, loop and flood, on a real process: the run ends, says what it met, nothing half-visible; once upstream behaves, one more
// sync converges and the comparer finds no difference.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { walkVisible } from './half-visible.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
let operator: Operator
let layout: Layout
beforeAll(async () => {
  kagami = await startKagami({ withSample: true })
  operator = await signIn(kagami)
  layout = await servedLayout(kagami, 'nginx')
})
afterAll(() => kagami?.stop())

type Fault = (request: SeenRequest) => ProxyAction | undefined
const of =
  (kind: SeenRequest['kind'], action: ProxyAction): Fault =>
  (request) =>
    request.kind === kind ? action : undefined
const answer = (status: number, headers: Record<string, string> = {}, body = ''): ProxyAction => ({
  answer: { status, headers, body },
})

const JSON_TYPE = { 'content-type': 'application/json' }

const ROWS: readonly { readonly what: string; readonly fault: Fault; readonly codes: readonly string[] }[] = [
  {
    what: 'redirects blobs in a circle',
    fault: (request) => (request.kind === 'blob-get' ? answer(307, { location: request.path }) : undefined),
    codes: ['UPSTREAM_INVALID'],
  },
  {
    what: 'redirects blobs to a private address',
    fault: of('blob-get', answer(307, { location: 'http://10.0.0.1/blob' })),
    codes: ['ADDRESS_NOT_ALLOWED'],
  },
  {
    what: 'redirects manifests to a link-local address',
    fault: of('manifest-get', answer(302, { location: 'http://169.254.169.254/latest/meta-data' })),
    codes: ['ADDRESS_NOT_ALLOWED'],
  },
  {
    what: 'answers 401 again and again',
    fault: of('blob-get', answer(401, { 'www-authenticate': 'Basic realm="again"' })),
    codes: ['UPSTREAM_DENIED'],
  },
  {
    what: 'sends manifests of 5 MiB',
    fault: of('manifest-get', { change: () => ({ body: new Uint8Array(5 * 1024 * 1024).fill(0x20) }) }),
    codes: ['MANIFEST_TOO_LARGE', 'UPSTREAM_INVALID'],
  },
  {
    what: 'sends longer blobs than it says in the manifest',
    fault: of('blob-get', { change: ({ body }) => ({ body: new Uint8Array([...body, ...body]) }) }),
    codes: ['SIZE_INVALID', 'UPSTREAM_INVALID'],
  },
  {
    what: 'sends other bytes under the right digest',
    fault: of('blob-get', { flipByteAt: 0 }),
    codes: ['DIGEST_INVALID'],
  },
  {
    what: 'resets every connection after 50 bytes, and starts over whatever range is asked',
    fault: (request) =>
      request.kind !== 'blob-get'
        ? undefined
        : request.headers.get('range') === null
          ? { cutAfterBytes: 50 }
          : answer(416),
    codes: ['UPSTREAM_UNAVAILABLE'],
  },
  {
    what: 'sends blobs without end',
    fault: of('blob-get', { endless: true }),
    codes: ['SIZE_INVALID', 'UPSTREAM_INVALID'],
  },
  {
    what: 'sends manifests without end',
    fault: of('manifest-get', { endless: true }),
    codes: ['MANIFEST_TOO_LARGE', 'UPSTREAM_INVALID'],
  },
  {
    what: 'sends referrers without end',
    fault: of('referrers', { endless: true }),
    codes: ['UPSTREAM_INVALID'],
  },
  {
    what: 'asks for a token, gives one, and asks again',
    fault: (request) => {
      if (request.path.startsWith('/token')) return answer(200, JSON_TYPE, '{"token":"never-good","expires_in":300}')
      if (request.path === '/v2/' || request.kind === 'tags') return undefined
      const realm = `http://${request.headers.get('host')}/token`
      return answer(401, { 'www-authenticate': `Bearer realm="${realm}",service="loop"` })
    },
    codes: ['UPSTREAM_DENIED'],
  },
  {
    what: 'links from each page of tags to another one, without end',
    fault: (request) => {
      if (request.kind !== 'tags') return undefined
      const [path, query] = request.path.split('?')
      const page = 1 + Number(new URLSearchParams(query).get('page') ?? 0)
      const link = `<${path}?page=${page}>; rel="next"`
      return answer(200, { ...JSON_TYPE, link }, JSON.stringify({ tags: [`never-ends-${page}`] }))
    },
    codes: ['UPSTREAM_INVALID'],
  },
  {
    what: 'answers 500 to everything below the tags',
    fault: (request) => (/^(manifest|blob)-get$/.test(request.kind) ? answer(500) : undefined),
    codes: ['UPSTREAM_UNAVAILABLE'],
  },
  {
    what: 'says something else in its referrers than JSON can hold',
    fault: of(
      'referrers',
      answer(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' }, '{"manifests":['),
    ),
    codes: ['UPSTREAM_INVALID', 'UPSTREAM_UNAVAILABLE'],
  },
]

for (const [row, { what, fault, codes }] of ROWS.entries()) {
  test(`an upstream that ${what}: named, nothing half-visible, and one more sync converges`, async () => {
    let isHostile = true
    const proxy = await countingProxy(kagami.sampleUrl, {
      onRequest: (request) => (isHostile ? fault(request) : undefined),
    })
    try {
      const name = `hostile-${row}`
      await addUpstream(operator, name, `${proxy.url}/dhi`)
      const first = await operator.wait(['mirror', 'start', `${name}/nginx`, '--as', name])
      expect(first.exitCode).toBe(1)
      expect(first.run.failures.length).toBeGreaterThan(0)
      for (const { code } of first.run.failures) expect(codes).toContain(code)
      const target = await operator.target(`acme/${name}`)
      const visible = await walkVisible(layout, target)
      expect(visible.faults).toEqual([])
      // What is not there is named, each tag, or the run as a whole.
      const named = new Set(first.run.failures.map(({ tag }) => tag))
      const silent = [...layout.tags.keys()].filter((tag) => !visible.tags.includes(tag) && !named.has(tag))
      if (!named.has(null)) expect(silent).toEqual([])
      isHostile = false
      expectDone(await operator.wait(['mirror', 'sync', `acme/${name}`]))
      expect(await compareMirror(layout, target)).toEqual([])
    } finally {
      await proxy.stop()
    }
  })
}
