// Upstreams whose lists are odd, hostile or very long: the program mirrors from them over HTTP, and the comparer judges.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { canWatchMemory, watchPeak } from '../clients/process-memory.ts'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, digestOf, fixtureLayout, type Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.ts'
import { registryClient } from '../support/registry-client.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

/** On one digest; a long campaign is run by KAGAMI_TEST_TAGS=100000. */
const TAGS = Number(process.env.KAGAMI_TEST_TAGS ?? 12_000)
const INDEX = 'application/vnd.oci.image.index.v1+json'

/** A registry that answers as the inner one, but where `odd` has another answer. */
async function oddRegistry(
  layout: Layout,
  odd: (url: URL, inner: () => Promise<Response>) => Response | undefined | Promise<Response | undefined>,
): Promise<AsyncDisposable & { readonly url: string; readonly inner: MemoryRegistry }> {
  const inner = startMemoryRegistry(layout)
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const url = new URL(request.url)
      const forward = () => fetch(`${inner.url}${url.pathname}${url.search}`, { method: request.method })
      return (await odd(url, forward)) ?? (await forward())
    },
  })
  return {
    url: server.url.origin,
    inner,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      await inner.stop()
    },
  }
}

const isReferrers = (url: URL) => url.pathname.includes('/referrers/')
const isTags = (url: URL) => url.pathname.endsWith('/tags/list')

describeWithFixtures('a mirror of a registry with odd lists', () => {
  let kagami: Kagami
  let operator: Operator
  let number = 0
  beforeAll(async () => {
    kagami = await startKagami()
    operator = await signIn(kagami)
  })
  afterAll(() => kagami?.stop())

  async function start(url: string) {
    const name = `odd-${++number}`
    await addUpstream(operator, name, url)
    const answer = await operator.wait(['mirror', 'start', `${name}/app`, '--as', name])
    return { ...answer, name, target: await operator.target(`acme/${name}`) }
  }

  test.each(['application/json', 'text/plain; charset=utf-8'])('referrers under %s are mirrored', async (type) => {
    const layout = fixtureLayout('dhi-python/release-1')
    await using registry = await oddRegistry(layout, async (url, inner) => {
      if (!isReferrers(url)) return undefined
      return new Response(await (await inner()).bytes(), { headers: { 'content-type': type } })
    })
    const answer = await start(registry.url)
    expectDone(answer)
    expect(await compareMirror(layout, answer.target)).toEqual([])
  })

  test.each([
    ['501', () => new Response('', { status: 501 })],
    ['401 without a challenge', () => new Response('', { status: 401 })],
    ['200 with a web page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['200 with nothing', () => new Response('')],
  ] as const)('fallback tags are mirrored when the API answers %s', async (_name, api) => {
    const layout = fixtureLayout('referrers-fallback-tags')
    await using registry = await oddRegistry(layout, (url) => (isReferrers(url) ? api() : undefined))
    const answer = await start(registry.url)
    expectDone(answer)
    expect(await compareMirror(layout, answer.target)).toEqual([])
  })

  test.each([
    ['403', () => new Response('', { status: 403 })],
    [
      '401 with a challenge',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }),
    ],
    ['an index that is none', () => new Response('{}', { headers: { 'content-type': INDEX } })],
  ] as const)('every tag is held when the API answers %s', async (_name, api) => {
    const layout = fixtureLayout('oras-tree')
    await using registry = await oddRegistry(layout, (url) => (isReferrers(url) ? api() : undefined))
    const answer = await start(registry.url)
    expect([answer.exitCode, answer.run.outcome, answer.mirror.tags.published]).toEqual([1, 'failed', 0])
    expect(answer.run.failures.length).toBeGreaterThan(0)
  })

  test('what a fallback index lists in vain is named in each run, the rest is mirrored, and so is it once it is there', async () => {
    const layout = fixtureLayout('referrers-fallback-tags')
    await using registry = await oddRegistry(layout, (url) =>
      isReferrers(url) ? new Response('404 page not found', { status: 404 }) : undefined,
    )
    const { manifests, tags } = registry.inner
    const [tag, digest] = [...layout.tags].find(([name]) => /^sha256-[0-9a-f]{64}$/.test(name)) ?? []
    const index = JSON.parse(new TextDecoder().decode(manifests.get(digest ?? '')?.bytes))
    const victim = index.manifests[0]
    const kept = manifests.get(victim.digest)
    manifests.delete(victim.digest)
    const broken = new TextEncoder().encode('no manifest')
    const unreadable = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(broken),
      size: broken.length,
    }
    manifests.set(unreadable.digest, { mediaType: unreadable.mediaType, bytes: broken })
    const bytes = new TextEncoder().encode(JSON.stringify({ ...index, manifests: [unreadable, ...index.manifests] }))
    manifests.set(digestOf(bytes), { mediaType: INDEX, bytes })
    tags.set(tag ?? '', digestOf(bytes))

    const answer = await start(registry.url)
    const again = await operator.wait(['mirror', 'sync', `acme/${answer.name}`])
    for (const { exitCode, run } of [answer, again]) {
      expect([exitCode, run.outcome]).toEqual([0, 'done'])
      expect(run.failures.map((one) => [one.digest ?? '', one.code]).sort()).toEqual(
        [
          [victim.digest, 'MANIFEST_UNKNOWN'],
          [unreadable.digest, 'MANIFEST_INVALID'],
        ].sort(),
      )
      for (const one of run.failures) expect(layout.tags.has(one.tag ?? '')).toBe(true)
    }
    const missing = await compareMirror(layout, answer.target)
    expect(missing.length).toBeGreaterThan(0)
    // The referrer, and the blobs that it alone needs.
    const own = [victim.digest, ...(new TextDecoder().decode(kept?.bytes).match(/sha256:[0-9a-f]{64}/g) ?? [])]
    expect(missing.filter(({ kind, of }) => kind !== 'missing' || !own.some((one) => of.includes(one)))).toEqual([])

    if (kept !== undefined) manifests.set(victim.digest, kept)
    const whole = await operator.wait(['mirror', 'sync', `acme/${answer.name}`])
    expect(whole.run.failures.map((one) => one.digest)).toEqual([unreadable.digest])
    expect(await compareMirror(layout, answer.target)).toEqual([])
  })

  test('pages of at most 100, and 400 for more, are walked', async () => {
    const layout = fixtureLayout('dhi-python/release-1')
    await using registry = await oddRegistry(layout, (url) => {
      if (!isTags(url)) return undefined
      if (Number(url.searchParams.get('n') ?? 0) > 5) return new Response('', { status: 400 })
      const rest = [...layout.tags.keys()].sort().filter((tag) => tag > (url.searchParams.get('last') ?? ''))
      const link = `<${url.pathname}?n=5&last=${rest[4]}>; rel="next"`
      return Response.json({ tags: rest.slice(0, 5) }, rest.length > 5 ? { headers: { link } } : {})
    })
    const answer = await start(registry.url)
    expectDone(answer)
    expect(await compareMirror(layout, answer.target)).toEqual([])
  })

  test('a hostile tag list fails the run in little memory, and changes nothing', async () => {
    const layout = fixtureLayout('oras-tree')
    let flood: (() => Response) | undefined
    await using registry = await oddRegistry(layout, (url) => (isTags(url) ? flood?.() : undefined))
    const answer = await start(registry.url)
    expectDone(answer)
    const brackets = new Uint8Array(60_000_000).fill('['.charCodeAt(0))
    let page = 0
    for (const [hostile, why] of [
      [() => new Response(brackets), 'want an object'],
      [() => new Response(new Blob(['{"tags":', brackets])), 'nests deeper'],
      [
        () =>
          Response.json(
            { tags: Array.from({ length: 20_000 }, (_, i) => `${'t'.repeat(100)}-${page}-${i}`) },
            { headers: { link: `</v2/app/tags/list?page=${++page}>; rel="next"` } },
          ),
        'more than 250000 entries',
      ],
    ] as const) {
      flood = hostile
      const peak = canWatchMemory ? watchPeak(kagami.pid) : () => 0
      const run = await operator.wait(['mirror', 'sync', `acme/${answer.name}`])
      expect([run.exitCode, run.run.outcome, run.run.failures[0]?.code]).toEqual([1, 'failed', 'UPSTREAM_INVALID'])
      expect(run.run.failures[0]?.message).toContain(why)
      // 6.7 and 3 GB before.
      expect(peak()).toBeLessThan(600)
    }
    expect(await compareMirror(layout, answer.target)).toEqual([])
  })

  test(`${TAGS} tags on one digest are mirrored, and a second run moves none`, async () => {
    const layout = fixtureLayout('oras-tree')
    await using registry = await oddRegistry(layout, () => undefined)
    const [digest = ''] = layout.tags.values()
    const aliases = Array.from({ length: TAGS }, (_, i) => `alias-${i}`)
    for (const alias of aliases) registry.inner.tags.set(alias, digest)
    const answer = await start(registry.inner.url)
    expectDone(answer)
    expect(answer.mirror.tags).toMatchObject({ published: layout.tags.size + aliases.length, failed: 0 })
    const client = registryClient(answer.target.url, answer.target.repository, answer.target)
    const served = new Set(await client.listTags())
    expect(aliases.filter((alias) => !served.has(alias))).toEqual([])
    expect((await client.headManifest(`alias-${TAGS - 1}`)).headers.get('docker-content-digest')).toBe(digest)
    expect(await compareMirror(layout, answer.target, { otherTags: aliases })).toEqual([])
    const again = await operator.wait(['mirror', 'sync', `acme/${answer.name}`])
    expectDone(again)
    expect(again.run.counts.tagsMoved).toBe(0)
  })
})
