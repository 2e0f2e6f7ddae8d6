// Upstreams that lie, stumble or vanish in the middle: a clear error, exit status 1, nothing half-visible, and the next run converges.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type CountingProxy, countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { walkVisible } from './half-visible.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
let operator: Operator
let layout: Layout
/** A layer of one image alone: a fault of it is a fault of this image's tags, and of no other. */
let layer: string
let tagsOfLayer: string[]
/** Of the platform manifest that has the layer. */
let manifest: string
beforeAll(async () => {
  kagami = await startKagami({ withSample: true })
  operator = await signIn(kagami)
  layout = await servedLayout(kagami, 'python')
  const users = (blob: string) => [...layout.manifests.values()].filter(({ blobs }) => blobs.includes(blob))
  const index = layout.manifests.get(layout.tags.get('3.12') ?? '')
  manifest = index?.children[0] ?? ''
  const largest = (layout.manifests.get(manifest)?.blobs ?? [])
    .filter((blob) => users(blob).length === 1)
    .sort((a, b) => (layout.blobs.get(b)?.length ?? 0) - (layout.blobs.get(a)?.length ?? 0))
  layer = largest[0] ?? ''
  tagsOfLayer = [...layout.tags].filter(([, digest]) => digest === index?.digest).map(([tag]) => tag)
  expect([layout.blobs.has(layer), tagsOfLayer.length > 0, tagsOfLayer.length < layout.tags.size]).toEqual([
    true,
    true,
    true,
  ])
})
afterAll(() => kagami?.stop())

/** A mirror of the sample through a proxy that does as the test says. */
async function mirrorThrough(name: string, fault: (request: SeenRequest) => ProxyAction | undefined) {
  const proxy = await countingProxy(kagami.sampleUrl, { onRequest: fault })
  await addUpstream(operator, name, `${proxy.url}/dhi`)
  const answer = await operator.wait(['mirror', 'start', `${name}/python`, '--as', name])
  return { proxy, answer, repository: `acme/${name}`, target: await operator.target(`acme/${name}`) }
}

async function expectConverges(proxy: CountingProxy, repository: string): Promise<void> {
  expectDone(await operator.wait(['mirror', 'sync', repository]))
  expect(await compareMirror(layout, await operator.target(repository))).toEqual([])
  await proxy.stop()
}

const faults: readonly {
  readonly title: string
  readonly name: string
  readonly of: () => string
  readonly action: ProxyAction
  readonly code: string
}[] = [
  {
    title: 'truncates a layer, and says so',
    name: 'short',
    of: () => layer,
    action: { truncateToBytes: 100 },
    code: 'UPSTREAM_INVALID',
  },
  {
    title: 'flips a bit of a layer',
    name: 'flipped',
    of: () => layer,
    action: { flipByteAt: 50 },
    code: 'DIGEST_INVALID',
  },
  {
    title: 'flips a bit of a manifest',
    name: 'forged',
    of: () => manifest,
    action: { flipByteAt: 20 },
    code: 'UPSTREAM_INVALID',
  },
  {
    title: 'cuts a layer again and again',
    name: 'cut',
    of: () => layer,
    action: { cutAfterBytes: 20 },
    code: 'UPSTREAM_UNAVAILABLE',
  },
  {
    title: 'limits requests (429) for longer than a request waits',
    name: 'limited',
    of: () => manifest,
    action: { answer: { status: 429, headers: { 'retry-after': '1' } } },
    code: 'UPSTREAM_RATE_LIMITED',
  },
  {
    title: 'has lost a layer',
    name: 'lost',
    of: () => layer,
    action: { answer: { status: 404, body: '{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}' } },
    code: 'UPSTREAM_NOT_FOUND',
  },
]
for (const { title, name, of, action, code } of faults) {
  test(`an upstream that ${title}: its tags are held, the others come, and the next run brings the rest`, async () => {
    let isFaulty = true
    const fault = ({ method, reference }: SeenRequest) =>
      isFaulty && method === 'GET' && reference === of() ? action : undefined
    const { proxy, answer, repository, target } = await mirrorThrough(name, fault)
    expect([answer.exitCode, answer.run.outcome, answer.mirror.state]).toEqual([1, 'partial', 'degraded'])
    const said = answer.run.failures.map((failure) => [failure.tag, failure.code, failure.digest])
    expect(said.sort()).toEqual(tagsOfLayer.map((tag) => [tag, code, of()]).sort())
    expect(answer.mirror.reason).toContain(of().slice(0, 19))
    const { tags, faults: seen } = await walkVisible(layout, target)
    expect(seen).toEqual([])
    expect([...tags].sort()).toEqual([...layout.tags.keys()].filter((tag) => !tagsOfLayer.includes(tag)).sort())
    isFaulty = false
    await expectConverges(proxy, repository)
  })
}

test('an upstream that cuts every body once: downloads go on where they ended, and the run is done', async () => {
  const cut = new Set<string>()
  const { proxy, answer, target } = await mirrorThrough('stumbling', ({ kind, reference }) => {
    if (!['blob-get', 'manifest-get'].includes(kind) || cut.has(reference)) return undefined
    cut.add(reference)
    // In pieces of 100 bytes, so that the first has arrived before the cut.
    return { bytesPerSecond: 2000, cutAfterBytes: 150 }
  })
  expectDone(answer)
  expect(await compareMirror(layout, target)).toEqual([])
  const resumed = proxy.requests.filter(({ kind, headers }) => kind === 'blob-get' && headers.get('range') !== null)
  expect(resumed.length).toBeGreaterThan(0)
  await proxy.stop()
})

test('an upstream that limits requests (429) for a moment: the run waits as long as it is told, and is done', async () => {
  let limited = 3
  const { proxy, answer, target } = await mirrorThrough('busy', ({ kind }) =>
    kind === 'blob-get' && limited-- > 0 ? { answer: { status: 429, headers: { 'retry-after': '1' } } } : undefined,
  )
  expectDone(answer)
  expect(await compareMirror(layout, target)).toEqual([])
  await proxy.stop()
})

test('an upstream that vanishes in the middle: the run fails and says where it was; back again, the next run brings the rest', async () => {
  const proxy = await countingProxy(kagami.sampleUrl, { delayMs: 5 })
  await addUpstream(operator, 'vanishing', `${proxy.url}/dhi`)
  const mirroring = operator.wait(['mirror', 'start', 'vanishing/python', '--as', 'vanishing'])
  let left = 60
  await proxy.seen(({ kind }) => kind === 'blob-get' && --left === 0)
  await proxy.stop()
  const { exitCode, run, mirror } = await mirroring
  expect(exitCode).toBe(1)
  expect(['failed', 'partial']).toContain(run.outcome)
  expect(new Set(run.failures.map(({ code }) => code))).toEqual(new Set(['UPSTREAM_UNAVAILABLE']))
  expect(mirror.reason).toContain(new URL(proxy.url).host)
  const { tags, faults: seen } = await walkVisible(layout, await operator.target('acme/vanishing'))
  expect([seen, tags.length < layout.tags.size]).toEqual([[], true])

  // Nothing is begun with a dead upstream either.
  const refused = await kagami.cli(['mirror', 'start', 'vanishing/node', '--wait'])
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('UPSTREAM_UNAVAILABLE')])

  const back = await countingProxy(kagami.sampleUrl, { port: Number(new URL(proxy.url).port) })
  await expectConverges(back, 'acme/vanishing')
  // What had come before the end was not fetched again.
  expect(back.count('blob-get')).toBeLessThan(layout.blobs.size)
})
