// The client's side of the checklist (general algorithm and referrers fallback) as one table: each row is a registry that behaves so, in
// front of the same content. What it serves is mirrored whole, and the comparer finds no difference.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { addUpstream } from './fixture-upstreams.ts'
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

type Behaviour = (request: SeenRequest, proxy: () => CountingProxy) => ProxyAction | undefined

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const parse = (body: Uint8Array) => JSON.parse(new TextDecoder().decode(body))
/** `action` for the first `times` requests of a kind. */
const atFirst = (kind: SeenRequest['kind'], times: number, action: ProxyAction): Behaviour => {
  let left = times
  return (request) => (request.kind === kind && left-- > 0 ? action : undefined)
}
const always = (kind: SeenRequest['kind'], action: ProxyAction): Behaviour => {
  return (request) => (request.kind === kind ? action : undefined)
}
const changed = (kind: SeenRequest['kind'], change: NonNullable<ProxyAction['change']>) => always(kind, { change })

const ROWS: readonly { readonly rule: string; readonly behaves: () => Behaviour }[] = [
  {
    rule: 'HEAD is not allowed (405): GET',
    behaves: () => always('manifest-head', { answer: { status: 405 } }),
  },
  {
    rule: 'HEAD has neither Docker-Content-Digest nor Content-Length: GET',
    behaves: () =>
      changed('manifest-head', () => ({ headers: { 'docker-content-digest': null, 'content-length': null } })),
  },
  {
    rule: 'HEAD tells a length of 0, or of another manifest: a hint',
    behaves: () => {
      let odd = false
      return (request) => {
        odd = !odd
        const length = odd ? '0' : '77'
        return request.kind === 'manifest-head'
          ? { change: () => ({ headers: { 'content-length': length } }) }
          : undefined
      }
    },
  },
  {
    rule: 'GET of a manifest has no digest header',
    behaves: () => changed('manifest-get', () => ({ headers: { 'docker-content-digest': null } })),
  },
  {
    rule: 'manifests come as application/json: the body says what it is',
    behaves: () => changed('manifest-get', () => ({ headers: { 'content-type': 'application/json' } })),
  },
  {
    rule: 'media types have a parameter',
    behaves: () => (request) =>
      request.kind === 'manifest-get' || request.kind === 'manifest-head'
        ? {
            change: ({ headers }) => ({ headers: { 'content-type': `${headers.get('content-type')}; charset=utf-8` } }),
          }
        : undefined,
  },
  {
    rule: 'the list of tags is null here and there, and digests are listed as tags',
    behaves: () =>
      changed('tags', ({ body }) => {
        const list = parse(body)
        return { body: json({ ...list, tags: [null, `sha256:${'0'.repeat(64)}`, ...list.tags] }) }
      }),
  },
  {
    rule: 'one tag a page, by Link, the last page empty',
    behaves: () => (request) => {
      if (request.kind !== 'tags') return undefined
      const last = new URLSearchParams(request.path.split('?')[1]).get('cursor') ?? ''
      return {
        change: ({ body }) => {
          const all: string[] = parse(body).tags
          const [next] = all.filter((tag) => tag > last)
          const path = request.path.split('?')[0]
          const headers = next === undefined ? {} : { link: `<${path}?cursor=${next}&n=1000>; rel="next"` }
          return { headers, body: json({ name: 'dhi/nginx', tags: next === undefined ? [] : [next] }) }
        },
      }
    },
  },
  {
    rule: 'pages of tags repeat themselves, and the last links to the first',
    behaves: () => (request) => {
      if (request.kind !== 'tags') return undefined
      const [path, query] = request.path.split('?')
      const page = Number(new URLSearchParams(query).get('page') ?? 0)
      return {
        change: ({ body }) => {
          const all: string[] = parse(body).tags
          const some = all.slice(page * 3, page * 3 + 4)
          const next = page * 3 + 4 >= all.length ? 0 : page + 1
          const headers = { link: `<${path}?page=${next}>; rel="next"` }
          return { headers, body: json({ name: 'dhi/nginx', tags: some }) }
        },
      }
    },
  },
  {
    rule: 'n above its limit is 400: asked without it',
    behaves: () => (request) =>
      request.kind === 'tags' && request.path.includes('n=')
        ? { answer: { status: 400, body: '{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}' } }
        : undefined,
  },
  {
    rule: '408, 429, 499, 500, 502, 503, 504, 522 once each are tried again',
    behaves: () => {
      const statuses = [408, 429, 499, 500, 502, 503, 504, 522]
      const refused = new Set<string>()
      return ({ kind, reference }) => {
        if ((kind !== 'manifest-get' && kind !== 'blob-get') || refused.has(reference)) return undefined
        refused.add(reference)
        const status = statuses.shift()
        return status === undefined ? undefined : { answer: { status, headers: { 'retry-after': '0' } } }
      }
    },
  },
  {
    rule: 'Retry-After as a date',
    behaves: () => {
      const retry = new Date(Date.now() + 1000).toUTCString()
      return atFirst('blob-get', 2, { answer: { status: 429, headers: { 'retry-after': retry } } })
    },
  },
  {
    rule: 'connections are reset in bodies of blobs and manifests: gone on with',
    behaves: () => {
      const tries = new Map<string, number>()
      return ({ kind, reference }) => {
        if (kind !== 'blob-get' && kind !== 'manifest-get') return undefined
        tries.set(reference, (tries.get(reference) ?? 0) + 1)
        const isBad = [...tries.keys()].indexOf(reference) % 3 === 0 && (tries.get(reference) ?? 0) < 3
        return isBad ? { cutAfterBytes: 50 } : undefined
      }
    },
  },
  {
    rule: 'a range is answered by the whole (200)',
    behaves: () => {
      const cut = new Set<string>()
      return ({ kind, reference, headers }) => {
        if (kind !== 'blob-get') return undefined
        if (headers.get('range') !== null)
          return { change: ({ body }) => ({ status: 200, body, headers: { 'content-range': null } }) }
        if (cut.has(reference)) return undefined
        cut.add(reference)
        return { cutAfterBytes: 20 }
      }
    },
  },
  {
    rule: 'blobs carry Content-Encoding though their raw bytes are right',
    behaves: () => changed('blob-get', () => ({ headers: { 'content-encoding': 'gzip' } })),
  },
  {
    rule: 'error bodies are HTML',
    behaves: () =>
      atFirst('blob-get', 3, {
        answer: { status: 503, headers: { 'content-type': 'text/html' }, body: '<html>busy</html>' },
      }),
  },
  ...(
    [
      ['404 of a page', { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>not found</html>' }],
      ['400', { status: 400, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }],
      ['405', { status: 405 }],
      ['406', { status: 406 }],
      ['501', { status: 501 }],
      ['303 to another host', { status: 303, headers: { location: 'http://127.0.0.1:9/login' } }],
      ['200 with a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>sign in</html>' }],
    ] as const
  ).map(([what, answer]) => ({
    rule: `no referrers API (${what}): fallback tags`,
    behaves: (): Behaviour => withFallbackTags({ answer }),
  })),
  {
    rule: 'the referrers API answers under application/json',
    behaves: () => changed('referrers', () => ({ headers: { 'content-type': 'application/json' } })),
  },
  {
    rule: 'referrers come without artifactType and annotations, and manifests is null where there are none',
    behaves: () =>
      changed('referrers', ({ body }) => {
        const index = parse(body)
        const manifests = index.manifests.map(({ mediaType, digest, size }: Record<string, unknown>) => ({
          mediaType,
          digest,
          size,
        }))
        return { body: json({ ...index, manifests: manifests.length === 0 ? null : manifests }) }
      }),
  },
]

/** A registry without the API that keeps fallback tags as the specification says. */
function withFallbackTags(action: ProxyAction): Behaviour {
  const indexOf = (subject: string) => {
    const referrers = [...(layout.referrers.get(subject) ?? [])]
    const manifests = referrers.map((digest) => {
      const { mediaType, bytes } = layout.manifests.get(digest) ?? { mediaType: '', bytes: new Uint8Array() }
      return { mediaType, digest, size: bytes.length }
    })
    const body = json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests })
    return { body, digest: `sha256:${new Bun.CryptoHasher('sha256').update(body).digest('hex')}` }
  }
  const tagOf = (subject: string) => subject.replace(':', '-')
  return (request) => {
    if (request.kind === 'referrers') return action
    const subjects = [...layout.referrers.keys()]
    if (request.kind === 'tags') {
      return {
        change: ({ body }) => ({ body: json({ ...parse(body), tags: [...parse(body).tags, ...subjects.map(tagOf)] }) }),
      }
    }
    const subject = subjects.find(
      (one) => tagOf(one) === request.reference || indexOf(one).digest === request.reference,
    )
    if (subject === undefined || !request.kind.startsWith('manifest-')) return undefined
    const { body, digest } = indexOf(subject)
    const headers = {
      'content-type': 'application/vnd.oci.image.index.v1+json',
      'docker-content-digest': digest,
      'content-length': String(body.length),
    }
    return { answer: { status: 200, headers, body: new TextDecoder().decode(body) } }
  }
}

for (const [row, { rule, behaves }] of ROWS.entries()) {
  test(rule, async () => {
    const behaviour = behaves()
    const proxy: CountingProxy = await countingProxy(kagami.sampleUrl, {
      onRequest: (request) => behaviour(request, () => proxy),
    })
    try {
      await addUpstream(operator, `quirk-${row}`, `${proxy.url}/dhi`)
      const answer = await operator.wait(['mirror', 'start', `quirk-${row}/nginx`, '--as', `quirk-${row}`])
      expectDone(answer)
      expect(await compareMirror(layout, await operator.target(`acme/quirk-${row}`))).toEqual([])
      // Nothing new: nothing moves.
      const again = await operator.wait(['mirror', 'sync', `acme/quirk-${row}`])
      expect([again.run.outcome, again.run.counts.tagsMoved]).toEqual(['done', 0])
    } finally {
      await proxy.stop()
    }
  })
}
