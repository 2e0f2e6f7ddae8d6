// Everything that registries, and what stands before them, answer to the question for referrers (distribution-spec "Listing Referrers").
import { describe, expect, test } from 'bun:test'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { findDigest } from '../../src/oci/digest.ts'
import { referrersTag } from '../../src/oci/reference.ts'
import type { LeftOut } from '../../src/oci/repository.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import {
  type Answer,
  APP,
  type Content,
  collect,
  content,
  failed,
  image,
  index,
  loopbackNetwork,
  OCI_INDEX,
  scriptedRegistry,
  served,
} from './scripted-registry.ts'

const SUBJECT = image({ annotations: { name: 'subject' } })
const BY_API = image({ artifactType: 'application/vnd.test.api', subject: SUBJECT.descriptor })
const BY_TAG = image({ artifactType: 'application/vnd.test.tag', subject: SUBJECT.descriptor })
const TAG = referrersTag(SUBJECT.descriptor.digest)

/** A registry with one referrer in its fallback tag, whose referrers API answers `api`. */
function registryWith(
  api: (origin: string, path: string) => Response,
  o: {
    fallback?: Content
    manifests?: Content[]
    refuse?: (method: string, path: string) => Response | undefined
  } = {},
): Answer {
  const fallback = o.fallback ?? index([BY_TAG.descriptor])
  const manifests = [SUBJECT, BY_API, BY_TAG, fallback, ...(o.manifests ?? [])]
  return ({ method, path }, origin) => {
    const refused = o.refuse?.(method, path)
    if (refused !== undefined) return refused
    if (path.includes('/referrers/')) return api(origin, path)
    if (path === '/v2/') return new Response('{}')
    if (path === '/login') return new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })
    if (path.includes('/tags/list')) return Response.json({ tags: ['latest', TAG] })
    const reference = path.split('/manifests/')[1]
    if (reference === TAG) return served(fallback)
    const found = manifests.find(({ descriptor }) => descriptor.digest === reference)
    return found && served(found)
  }
}

async function ask(answer: Answer): Promise<{ items: Descriptor[]; leftOut: readonly LeftOut[]; lines: string[] }> {
  await using registry = scriptedRegistry(answer)
  const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
  const list = await reader.listReferrers(SUBJECT.descriptor)
  if (list === 'unchanged') throw new Error('nothing was known')
  const items = await collect(list.items)
  return { items, leftOut: list.leftOut ?? [], lines: registry.lines() }
}

const digests = (items: readonly Descriptor[]) => items.map((item) => item.digest)
const answer = (body: unknown, type: string | undefined, init: ResponseInit = {}) => {
  const headers = new Headers(init.headers)
  if (type !== undefined) headers.set('content-type', type)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = new Response(new TextEncoder().encode(text), { ...init, headers })
  return response
}
const entry = BY_API.descriptor
const INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }

describe('an index is an index', () => {
  test.each([
    OCI_INDEX,
    `${OCI_INDEX}; charset=utf-8`,
    'application/json',
    'application/json; charset=utf-8',
    'text/plain',
    'text/plain; charset=utf-8',
    'text/html',
    'application/octet-stream',
    undefined,
  ])('whatever its Content-Type is (%s)', async (type) => {
    const bodies = [
      INDEX,
      { schemaVersion: 2, manifests: [entry] },
      { manifests: [entry] },
      { ...INDEX, mediaType: '' },
      { ...INDEX, mediaType: null, annotations: null },
      { manifests: [entry], mediaType: OCI_INDEX, schemaVersion: 2, unknown: [{}] },
      `\uFEFF\n ${JSON.stringify(INDEX)}\n`,
    ]
    for (const body of bodies) {
      const { items, lines } = await ask(registryWith(() => answer(body, type)))
      expect([body, digests(items)]).toEqual([body, [entry.digest]])
      expect(lines).toHaveLength(1)
    }
  })

  test('whose manifests are null or absent is an empty list, as Go writes and reads it', async () => {
    for (const [body, type] of [
      [{ schemaVersion: 2, mediaType: OCI_INDEX, manifests: null }, 'application/json'],
      [{ schemaVersion: 2, mediaType: OCI_INDEX }, 'application/json'],
      [{ schemaVersion: 2, manifests: null }, 'application/json'],
      [{ schemaVersion: 2, manifests: [] }, 'text/plain'],
      [{ schemaVersion: 2 }, OCI_INDEX],
      [{ manifests: null }, OCI_INDEX],
    ] as const) {
      const { items, lines } = await ask(registryWith(() => answer(body, type)))
      expect([body, items, lines.length]).toEqual([body, [], 1])
    }
  })

  test('over several pages, though artifactType and annotations are absent, null or malformed', async () => {
    const { items } = await ask(
      registryWith((_origin, path) =>
        path.includes('page=2')
          ? answer({ manifests: [{ ...BY_TAG.descriptor, artifactType: 7, annotations: { a: 1 } }] }, 'text/plain')
          : answer({ manifests: [{ ...entry, artifactType: null, annotations: null }] }, 'application/json', {
              headers: { link: `<${path}?page=2>; rel="next"` },
            }),
      ),
    )
    expect(digests(items)).toEqual([entry.digest, BY_TAG.descriptor.digest])
  })

  test('an entry counts by its digest; one without is left out by name', async () => {
    const bad = [null, 7, {}, { ...entry, digest: 'sha256:short' }]
    const odd = [{ digest: BY_TAG.descriptor.digest }, { ...SUBJECT.descriptor, size: -1, mediaType: 'no type' }]
    const { items, leftOut } = await ask(registryWith(() => answer({ manifests: [...bad, ...odd, entry] }, OCI_INDEX)))
    expect(digests(items)).toEqual([BY_TAG.descriptor.digest, SUBJECT.descriptor.digest, entry.digest])
    expect<unknown>(leftOut.map(({ digest, code }) => [digest, code])).toEqual([
      ...Array.from({ length: 4 }, () => [undefined, 'MANIFEST_INVALID']),
    ])
    expect(leftOut[3]?.message).toContain('manifests[3].digest')
  })
})

describe('what has no referrers API has fallback tags', () => {
  const html = '<!doctype html><html>sign in</html>'
  test.each([
    ['404', () => answer('404 page not found', 'text/plain', { status: 404 })],
    ['404 with a web page', () => answer(html, 'text/html', { status: 404 })],
    ['404 with an empty body', () => new Response(null, { status: 404 })],
    ['400 UNSUPPORTED', () => answer({ errors: [{ code: 'UNSUPPORTED' }] }, 'application/json', { status: 400 })],
    ['405', () => answer('', undefined, { status: 405 })],
    ['406', () => answer('', undefined, { status: 406 })],
    ['410', () => answer('', undefined, { status: 410 })],
    ['501 (Harbor before 2.8)', () => answer('', undefined, { status: 501 })],
    ['204', () => new Response(null, { status: 204 })],
    ['200 with an empty body', () => new Response(null)],
    ['200 with an empty body of JSON', () => answer('', 'application/json')],
    ['200 with white space', () => answer(' \n', 'text/plain')],
    ['200 with a web page', () => answer(html, 'text/html; charset=utf-8')],
    ['200 with a web page as JSON', () => answer(html, 'application/json')],
    ['200 with a text', () => answer('OK', 'text/plain')],
    ['200 with an array', () => answer('[]', 'application/json')],
    ['200 with another object', () => answer({ status: 'ok' }, 'application/json')],
    ['200 with UNSUPPORTED', () => answer({ errors: [{ code: 'UNSUPPORTED' }] }, 'application/json')],
    ['302 to its own login page', (origin: string) => Response.redirect(`${origin}/login`, 302)],
    ['302 to a login page elsewhere', () => Response.redirect('https://login.test/', 302)],
    ['303 to a web page elsewhere (GHCR)', () => Response.redirect('https://web.test/app', 303)],
  ] as const)('%s', async (_name, api) => {
    const { items, leftOut } = await ask(registryWith((origin) => api(origin)))
    expect([digests(items), leftOut]).toEqual([[BY_TAG.descriptor.digest], []])
  })

  test('401 without a challenge, when the subject can be read', async () => {
    const { items, lines } = await ask(registryWith(() => answer('', undefined, { status: 401 })))
    expect(digests(items)).toEqual([BY_TAG.descriptor.digest])
    expect(lines).toContain(`HEAD /v2/app/manifests/${SUBJECT.descriptor.digest}`)
  })
})

describe('a doubt is an error, never an empty list', () => {
  test.each([
    [
      '401 with a challenge',
      () => answer('', undefined, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }),
    ],
    ['403', () => answer('', undefined, { status: 403 })],
    ['403 with a web page', () => answer('<html>', 'text/html', { status: 403 })],
    ['408', () => answer('', undefined, { status: 408 })],
    ['429', () => answer('', undefined, { status: 429 })],
    ['500', () => answer('', undefined, { status: 500 })],
    ['502', () => answer('', undefined, { status: 502 })],
    ['503', () => answer('', undefined, { status: 503 })],
    ['504', () => answer('', undefined, { status: 504 })],
    ['an index that is none', () => answer('<html>', OCI_INDEX)],
    ['an index that is empty', () => answer('', OCI_INDEX)],
    ['an index that is {}', () => answer('{}', OCI_INDEX)],
    ['an index cut off', () => answer(JSON.stringify(INDEX).slice(0, -3), OCI_INDEX)],
    ['JSON cut off', () => answer(JSON.stringify(INDEX).slice(0, -3), 'application/json')],
    ['a list that is a number', () => answer({ manifests: 7 }, 'application/json')],
    ['a list that is an object', () => answer({ schemaVersion: 2, manifests: { a: entry } }, OCI_INDEX)],
    ['schema version 1', () => answer({ schemaVersion: 1, manifests: [] }, 'application/json')],
    ['an image', () => answer(new TextDecoder().decode(SUBJECT.bytes), OCI_INDEX)],
    ['200 with an error', () => answer({ errors: [{ code: 'TOOMANYREQUESTS' }] }, 'application/json')],
    ['200 with an error as an index', () => answer({ errors: [{ code: 'DENIED' }], manifests: null }, OCI_INDEX)],
    ['an encoded body', () => answer('\u001f\u008b', 'application/json', { headers: { 'content-encoding': 'gzip' } })],
  ] as const)('%s', async (_name, api) => {
    expect((await failed(ask(registryWith(() => api())))).code).toStartWith('UPSTREAM_')
  })

  test.each(['text/html', OCI_INDEX])('a later page that is no index (%s)', async (type) => {
    const work = ask(
      registryWith((_origin, path) =>
        path.includes('page=2')
          ? answer('<html>', type)
          : answer(INDEX, OCI_INDEX, { headers: { link: `<${path}?page=2>; rel="next"` } }),
      ),
    )
    expect((await failed(work)).code).toBe('UPSTREAM_INVALID')
  })

  test('401 without a challenge, when the subject cannot be read either', async () => {
    const refuse = () => answer('', undefined, { status: 401 })
    expect((await failed(ask(registryWith(refuse, { refuse })))).code).toBe('UPSTREAM_DENIED')
  })

  test.each([401, 501])('%i after the API has answered', async (status) => {
    let asked = 0
    await using registry = scriptedRegistry(
      registryWith(() => (asked++ === 0 ? answer(INDEX, OCI_INDEX) : answer('', undefined, { status }))),
    )
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
    await reader.listReferrers(SUBJECT.descriptor)
    expect((await failed(reader.listReferrers(BY_TAG.descriptor))).code).toStartWith('UPSTREAM_')
  })
})

describe('a fallback index', () => {
  const none = () => answer('', undefined, { status: 404 })
  const gone = image({ artifactType: 'application/vnd.test.gone', subject: SUBJECT.descriptor })
  const text = content('not a manifest')
  const schema1 = content({ schemaVersion: 1, fsLayers: [] }, 'application/vnd.docker.distribution.manifest.v1+json')
  const other = image({ artifactType: 'application/vnd.test.other', subject: gone.descriptor })

  test.each([
    ['is absent', gone.descriptor, 'MANIFEST_UNKNOWN'],
    ['is no manifest', text.descriptor, 'MANIFEST_INVALID'],
    ['is of schema 1', { ...schema1.descriptor, mediaType: 'application/octet-stream' }, 'UPSTREAM_UNSUPPORTED'],
    ['is no descriptor', { ...gone.descriptor, digest: 'sha256:7' }, 'MANIFEST_INVALID'],
  ] as const)('names what %s, and the rest counts', async (_name, bad, code) => {
    const fallback = index([bad, BY_TAG.descriptor])
    const { items, leftOut } = await ask(registryWith(none, { fallback, manifests: [text, schema1] }))
    expect(digests(items)).toEqual([BY_TAG.descriptor.digest])
    expect<unknown>(leftOut.map((one) => [one.digest, one.code])).toEqual([[findDigest(bad.digest), code]])
  })

  test.each([
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/json',
    'text/plain',
  ])('is one by its body, though it is served as %s', async (type) => {
    for (const mediaType of [OCI_INDEX, undefined]) {
      const body = { schemaVersion: 2, mediaType, manifests: [BY_TAG.descriptor] }
      const { items, leftOut } = await ask(registryWith(none, { fallback: content(body, type) }))
      expect([digests(items), leftOut]).toEqual([[BY_TAG.descriptor.digest], []])
    }
  })

  test('is none when its body is something else, whatever lies under the tag', async () => {
    const list = 'application/vnd.docker.distribution.manifest.list.v2+json'
    const docker = content({ schemaVersion: 2, mediaType: list, manifests: [BY_TAG.descriptor] }, list)
    for (const fallback of [docker, gone, other]) {
      const { items, leftOut } = await ask(registryWith(none, { fallback }))
      expect([digests(items), leftOut]).toEqual([[], []])
    }
  })

  test('counts by digest: what its entries say besides is a hint', async () => {
    const { mediaType, size } = BY_TAG.descriptor
    for (const entry of [
      { size: size + 1 },
      { size: '7' },
      { mediaType: 7 },
      { mediaType: 'text/plain' },
      { annotations: 7 },
    ]) {
      const fallback = index([{ mediaType, size, digest: BY_TAG.descriptor.digest, ...entry }])
      const { items, leftOut } = await ask(registryWith(none, { fallback }))
      expect([items.map((item) => [item.digest, item.mediaType, item.size]), leftOut]).toEqual([
        [[BY_TAG.descriptor.digest, mediaType, size]],
        [],
      ])
    }
  })

  test('names it without the secrets of the upstream', async () => {
    const password = 'a secret of the tests'
    const fallback = index([BY_TAG.descriptor])
    const refuse = (_method: string, path: string) =>
      path.endsWith(BY_TAG.descriptor.digest)
        ? new Response('other bytes', { headers: { 'content-type': OCI_INDEX, 'content-encoding': password } })
        : undefined
    await using registry = scriptedRegistry(registryWith(none, { fallback, refuse }))
    const endpoint = { url: registry.url, username: 'reader', password }
    const list = await openRemoteRepository(loopbackNetwork(), endpoint, APP).listReferrers(SUBJECT.descriptor)
    if (list === 'unchanged') throw new Error('nothing was known')
    expect(await collect(list.items)).toEqual([])
    expect(list.leftOut).toHaveLength(1)
    expect(list.leftOut?.[0]?.message).not.toContain('secret')
  })

  test('says nothing of what belongs to another subject', async () => {
    const fallback = index([other.descriptor, BY_TAG.descriptor])
    const { items, leftOut } = await ask(registryWith(none, { fallback, manifests: [other] }))
    expect([digests(items), leftOut]).toEqual([[BY_TAG.descriptor.digest], []])
  })

  test('is empty when its manifests are null or absent', async () => {
    for (const body of [{ schemaVersion: 2, mediaType: OCI_INDEX, manifests: null }, { schemaVersion: 2 }]) {
      const { items } = await ask(registryWith(none, { fallback: content(body, OCI_INDEX) }))
      expect(items).toEqual([])
    }
  })

  test('is an error when it cannot be read, or what it lists is refused for now', async () => {
    expect((await failed(ask(registryWith(none, { fallback: content('{', OCI_INDEX) })))).code).toBe('UPSTREAM_INVALID')
    for (const status of [401, 403, 429, 500]) {
      const refuse = (_method: string, path: string) =>
        path.endsWith(BY_TAG.descriptor.digest) ? answer('', undefined, { status }) : undefined
      expect((await failed(ask(registryWith(none, { refuse })))).code).toStartWith('UPSTREAM_')
    }
  })
})
