import { describe, expect, test } from 'bun:test'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { referrersTag } from '../../src/oci/reference.ts'
import type { ReferrerList } from '../../src/oci/repository.ts'
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
const referrerOf = (subject: Content, kind: string) =>
  image({ artifactType: `application/vnd.test.${kind}`, annotations: { kind }, subject: subject.descriptor })
const listed = (referrer: Content, kind: string): Descriptor => ({
  ...referrer.descriptor,
  artifactType: `application/vnd.test.${kind}`,
  annotations: { kind },
})
const SBOM = referrerOf(SUBJECT, 'sbom')
const VEX = referrerOf(SUBJECT, 'vex')
const API = `/v2/app/referrers/${SUBJECT.descriptor.digest}`

async function itemsOf(list: ReferrerList): Promise<Descriptor[]> {
  if (list === 'unchanged') throw new Error('want a list, got unchanged')
  return await collect(list.items)
}
const versionOf = (list: ReferrerList) => (list === 'unchanged' ? list : list.version)

function open(answer: Answer) {
  const registry = scriptedRegistry(answer)
  const network = loopbackNetwork()
  return { registry, network, reader: openRemoteRepository(network, { url: registry.url }, APP) }
}

const isListed = () => new Response(index([listed(SBOM, 'sbom')]).bytes, { headers: { 'content-type': OCI_INDEX } })

test('redirects of a gateway in between do not make a registry one without the API', async () => {
  let asked = 0
  const { registry, reader } = open(() => (asked++ < 2 ? Response.redirect('https://login.test/', 302) : isListed()))
  await using _ = registry
  expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([listed(SBOM, 'sbom')])
  expect(registry.lines()).toEqual(Array(3).fill(`GET ${API}`))
})

test.each([
  ['redirects', () => Response.redirect('https://login.test/', 302)],
  ['redirects within', () => new Response(null, { status: 307, headers: { location: '/sign-in' } })],
  ['a web page', () => new Response('<html>sign in</html>', { headers: { 'content-type': 'text/html' } })],
  ['501', () => new Response('', { status: 501 })],
  ['401 without a way in', () => new Response('', { status: 401 })],
] as const)(
  'once a list was answered, %s in the place of the next is a failure, and not an empty list',
  async (_name, bad) => {
    let asked = 0
    const { registry, reader } = open(({ path }) => {
      if (!path.includes('/referrers/')) return new Response(null, { status: 404 })
      return asked++ === 0 ? isListed() : bad()
    })
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([listed(SBOM, 'sbom')])
    expect((await failed(reader.listReferrers(SBOM.descriptor))).code).toStartWith('UPSTREAM_')
  },
)

describe('the referrers API (distribution-spec "Listing Referrers")', () => {
  const answerWith = (manifests: readonly Descriptor[], headers: Record<string, string> = {}) =>
    new Response(index(manifests).bytes, { headers: { 'content-type': OCI_INDEX, ...headers } })

  test('lists descriptors as the registry gives them, over all pages', async () => {
    const { registry, reader } = open(({ path }) =>
      path === API
        ? answerWith([listed(SBOM, 'sbom')], { link: `<${API}?page=2>; rel="next"`, etag: '"1"' })
        : answerWith([listed(VEX, 'vex')]),
    )
    await using _ = registry
    const list = await reader.listReferrers(SUBJECT.descriptor)
    expect(await itemsOf(list)).toEqual([listed(SBOM, 'sbom'), listed(VEX, 'vex')])
    // The ETag of one page says nothing about the others.
    expect(versionOf(list)).toBeUndefined()
    expect(registry.lines()).toEqual([`GET ${API}`, `GET ${API}?page=2`])
  })

  test('an empty list is a list, and costs one request', async () => {
    const { registry, reader } = open(() => answerWith([]))
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([])
    expect(registry.asked).toHaveLength(1)
  })

  test('an ETag is the version: it is sent back, and 304 means unchanged', async () => {
    const { registry, reader } = open(({ headers }) =>
      headers.get('if-none-match') === '"v1"'
        ? new Response(null, { status: 304 })
        : answerWith([listed(SBOM, 'sbom')], { etag: '"v1"' }),
    )
    await using _ = registry
    const first = await reader.listReferrers(SUBJECT.descriptor)
    expect(versionOf(first)).toBe('"v1"')
    expect(await reader.listReferrers(SUBJECT.descriptor, { known: '"v1"' })).toBe('unchanged')
    expect(
      await itemsOf(await reader.listReferrers(SUBJECT.descriptor, { known: `sha256:${'0'.repeat(64)}` })),
    ).toHaveLength(1)
    expect(registry.asked[2]?.headers.get('if-none-match')).toBeNull()
  })

  test.each([401, 403, 429, 500, 502, 503])('%i is an error, never an empty list', async (status) => {
    const headers: Record<string, string> = status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : {}
    const { registry, reader } = open(() => new Response('no', { status, headers }))
    await using _ = registry
    expect((await failed(reader.listReferrers(SUBJECT.descriptor))).code).toStartWith('UPSTREAM_')
    expect(registry.lines().every((line) => line.includes('/referrers/') || line === 'GET /v2/')).toBe(true)
  })

  test('a page that is no index, and a later page that fails, are errors', async () => {
    const broken = open(() => new Response('{"manifests": 7}', { headers: { 'content-type': OCI_INDEX } }))
    await using _broken = broken.registry
    expect((await failed(broken.reader.listReferrers(SUBJECT.descriptor))).code).toBe('UPSTREAM_INVALID')

    const half = open(({ path }) =>
      path === API
        ? answerWith([listed(SBOM, 'sbom')], { link: `<${API}?page=2>; rel="next"` })
        : new Response('no', { status: 404 }),
    )
    await using _half = half.registry
    expect((await failed(half.reader.listReferrers(SUBJECT.descriptor).then(itemsOf))).code).toBe('UPSTREAM_NOT_FOUND')
  })
})

describe('the referrers tag (distribution-spec "Referrers Tag Schema")', () => {
  /** A registry without the API that holds `manifests` by digest and by `tags`. */
  function store(
    tags: Record<string, Content>,
    manifests: readonly Content[],
    api: () => Response = () => new Response('404 page not found', { status: 404 }),
  ): Answer {
    return ({ path }) => {
      if (path.includes('/referrers/')) return api()
      if (path.includes('/tags/list')) return Response.json({ tags: Object.keys(tags) })
      const reference = path.split('/manifests/')[1] ?? ''
      const found = tags[reference] ?? manifests.find(({ descriptor }) => descriptor.digest === reference)
      return found && served(found)
    }
  }
  const TAG = referrersTag(SUBJECT.descriptor.digest)
  const fallback = (...entries: readonly Descriptor[]) => index(entries)

  test.each([
    ['404', 1, () => new Response('404 page not found', { status: 404 })],
    ['400', 1, () => new Response('', { status: 400 })],
    ['405', 1, () => new Response('', { status: 405 })],
    ['406', 1, () => new Response('', { status: 406 })],
    ['a 303 to a web page (GHCR)', 3, () => Response.redirect('https://web.test/app', 303)],
    ['200 with a web page', 1, () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ] as const)('is used when the API answers %s, which is asked no more than %d times', async (_name, times, api) => {
    const list = fallback(listed(SBOM, 'sbom'))
    const { registry, network, reader } = open(store({ [TAG]: list }, [SBOM, list], api))
    await using _ = registry
    const other = image({ annotations: { name: 'another' } })
    const [first, second] = await Promise.all([
      reader.listReferrers(SUBJECT.descriptor),
      reader.listReferrers(other.descriptor),
    ])
    expect(await itemsOf(first)).toEqual([listed(SBOM, 'sbom')])
    expect(versionOf(first)).toBe(list.descriptor.digest)
    expect(await itemsOf(second)).toEqual([])
    expect(registry.lines()).toEqual([
      ...Array(times).fill(`GET ${API}`),
      'GET /v2/app/tags/list?n=1000',
      `HEAD /v2/app/manifests/${TAG}`,
      `GET /v2/app/manifests/${list.descriptor.digest}`,
      `GET /v2/app/manifests/${SBOM.descriptor.digest}`,
    ])
    // The next pass on this network knows it already.
    await openRemoteRepository(network, { url: registry.url }, APP).listReferrers(SUBJECT.descriptor, {
      known: list.descriptor.digest,
    })
    expect(registry.lines().slice(4 + times)).toEqual(['GET /v2/app/tags/list?n=1000', `HEAD /v2/app/manifests/${TAG}`])
  })

  test('the tag list of the pass is used again: a subject without a tag costs no request', async () => {
    const { registry, reader } = open(store({}, []))
    await using _ = registry
    await collect(reader.listTags())
    for (let i = 0; i < 5; i++)
      expect(await itemsOf(await reader.listReferrers(image({ annotations: { i: String(i) } }).descriptor))).toEqual([])
    expect(registry.asked).toHaveLength(2)
  })

  test('an index with the digest that was known is unchanged after one HEAD', async () => {
    const list = fallback(listed(SBOM, 'sbom'))
    const { registry, reader } = open(store({ [TAG]: list }, [SBOM, list]))
    await using _ = registry
    expect(await reader.listReferrers(SUBJECT.descriptor, { known: list.descriptor.digest })).toBe('unchanged')
    expect(registry.lines().at(-1)).toBe(`HEAD /v2/app/manifests/${TAG}`)
  })

  test('entries count only when their own manifest names the subject, and get what the index leaves out', async () => {
    const stranger = referrerOf(image({ annotations: { name: 'another' } }), 'sbom')
    const gone = referrerOf(SUBJECT, 'gone')
    const noManifest = content('not a manifest')
    const list = fallback(
      SBOM.descriptor,
      stranger.descriptor,
      gone.descriptor,
      noManifest.descriptor,
      SUBJECT.descriptor,
      listed(VEX, 'vex'),
      SBOM.descriptor,
    )
    const { registry, reader } = open(store({ [TAG]: list }, [SBOM, stranger, noManifest, SUBJECT, VEX, list]))
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([
      listed(SBOM, 'sbom'),
      listed(VEX, 'vex'),
    ])
  })

  test('what was fetched to be verified is not fetched again to be copied', async () => {
    const list = fallback(listed(SBOM, 'sbom'))
    const { registry, reader } = open(store({ [TAG]: list }, [SBOM, list]))
    await using _ = registry
    for (const item of await itemsOf(await reader.listReferrers(SUBJECT.descriptor))) await reader.readManifest(item)
    expect(registry.lines().filter((line) => line.endsWith(SBOM.descriptor.digest))).toHaveLength(1)
  })

  test('GitLab takes the tag for the subject itself: that is no list', async () => {
    const nested = index([])
    const tag = referrersTag(nested.descriptor.digest)
    const { registry, reader } = open(store({ [tag]: nested }, [nested]))
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(nested.descriptor))).toEqual([])
  })

  test("a tag on something else is somebody's own", async () => {
    const { registry, reader } = open(store({ [TAG]: VEX }, [VEX]))
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([])
  })

  test('the tag of a sha512 subject is cut at 64 characters; another subject with the same tag gets nothing of it', async () => {
    const subject = content({ schemaVersion: 2, config: SBOM.descriptor, layers: [] }, undefined, 'sha512')
    const referrer = referrerOf(subject, 'sbom')
    const tag = referrersTag(subject.descriptor.digest)
    expect(tag).toHaveLength('sha512-'.length + 64)
    const twin = {
      ...subject.descriptor,
      digest:
        `${subject.descriptor.digest.slice(0, -1)}${subject.descriptor.digest.endsWith('0') ? '1' : '0'}` as const,
    }
    const list = fallback(referrer.descriptor)
    const { registry, reader } = open(store({ [tag]: list }, [referrer, list]))
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(subject.descriptor))).toHaveLength(1)
    expect(await itemsOf(await reader.listReferrers(twin as Descriptor))).toHaveLength(0)
  })

  test.each(['tags', 'head', 'index', 'entry'])(
    'a failing %s request is an error, never an empty list',
    async (step) => {
      const list = fallback(listed(SBOM, 'sbom'))
      const honest = store({ [TAG]: list }, [SBOM, list])
      const { registry, reader } = open((asked, origin) => {
        const { method, path } = asked
        const isStep =
          (step === 'tags' && path.includes('/tags/')) ||
          (step === 'head' && method === 'HEAD') ||
          (step === 'index' && path.endsWith(list.descriptor.digest)) ||
          (step === 'entry' && path.endsWith(SBOM.descriptor.digest))
        return isStep ? new Response('', { status: 500 }) : honest(asked, origin)
      })
      await using _ = registry
      expect((await failed(reader.listReferrers(SUBJECT.descriptor).then(itemsOf))).code).toBe('UPSTREAM_UNAVAILABLE')
    },
  )

  test('an index that is replaced between HEAD and GET is looked up once more', async () => {
    const old = fallback(listed(SBOM, 'sbom'))
    const fresh = fallback(listed(SBOM, 'sbom'), listed(VEX, 'vex'))
    let heads = 0
    const honest = store({ [TAG]: fresh }, [SBOM, VEX, fresh])
    const { registry, reader } = open((asked, origin) =>
      asked.method === 'HEAD' && ++heads === 1 ? served(old) : honest(asked, origin),
    )
    await using _ = registry
    const list = await reader.listReferrers(SUBJECT.descriptor)
    expect([versionOf(list), (await itemsOf(list)).length]).toEqual([fresh.descriptor.digest, 2])
  })

  test('a repository that is not there is an error, not one without referrers', async () => {
    const { registry, reader } = open(() => undefined)
    await using _ = registry
    expect((await failed(reader.listReferrers(SUBJECT.descriptor))).code).toBe('UPSTREAM_NOT_FOUND')
  })

  test('a repository that appears later is asked by the API again', async () => {
    let exists = false
    const { registry, network, reader } = open(({ path }) => {
      if (!exists) return new Response('404 page not found', { status: 404 })
      return path.includes('/referrers/') ? served(index([listed(SBOM, 'sbom')])) : Response.json({ tags: [] })
    })
    await using _ = registry
    expect((await failed(reader.listReferrers(SUBJECT.descriptor))).code).toBe('UPSTREAM_NOT_FOUND')
    exists = true
    const later = openRemoteRepository(network, { url: registry.url }, APP)
    expect(await itemsOf(await later.listReferrers(SUBJECT.descriptor))).toEqual([listed(SBOM, 'sbom')])
  })

  test('an API that does not know one subject is still asked about the next', async () => {
    const unknown = image({ annotations: { name: 'unknown' } })
    const { registry, reader } = open(({ path }) => {
      if (path.includes('/tags/list')) return Response.json({ tags: [] })
      if (path === API) return served(index([listed(SBOM, 'sbom')]))
      return Response.json({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'no such subject' }] }, { status: 404 })
    })
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(unknown.descriptor))).toEqual([])
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toEqual([listed(SBOM, 'sbom')])
  })

  test('an API that has listed before and is gone is a failure; one that still lists that subject is there', async () => {
    const other = image({ annotations: { name: 'another' } })
    const listedBefore = { listed: SUBJECT.descriptor.digest }
    let isGone = true
    const { registry, network, reader } = open(({ path }) => {
      if (path.includes('/tags/list')) return Response.json({ tags: [] })
      if (path === API && !isGone) return served(index([listed(SBOM, 'sbom')]))
      return new Response('404 page not found', { status: 404 })
    })
    await using _ = registry
    for (const subject of [other, SUBJECT]) {
      const error = await failed(reader.listReferrers(subject.descriptor, listedBefore))
      expect([error.code, error.message]).toEqual([
        'UPSTREAM_UNAVAILABLE',
        expect.stringContaining('the referrers API, which has listed referrers before, is not there now'),
      ])
    }
    // It was asked twice, and not once more for each subject.
    expect(registry.asked.filter(({ path }) => path.includes('/referrers/'))).toHaveLength(2)
    isGone = false
    const later = openRemoteRepository(network, { url: registry.url }, APP)
    expect(await itemsOf(await later.listReferrers(other.descriptor, listedBefore))).toEqual([])
    expect(await later.listReferrers(SUBJECT.descriptor, listedBefore)).toMatchObject({ isByApi: true })
  })

  test('after one answer of the API a 404 is about that subject alone', async () => {
    const other = image({ annotations: { name: 'another' } })
    const honest = store({}, [])
    const { registry, reader } = open((asked, origin) =>
      asked.path.endsWith(other.descriptor.digest)
        ? new Response('', { status: 404 })
        : asked.path.includes('/referrers/')
          ? served(index([listed(SBOM, 'sbom')]))
          : honest(asked, origin),
    )
    await using _ = registry
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toHaveLength(1)
    expect(await itemsOf(await reader.listReferrers(other.descriptor))).toHaveLength(0)
    expect(await itemsOf(await reader.listReferrers(SUBJECT.descriptor))).toHaveLength(1)
  })
})
