// Upstreams that cut, refuse and forget as real ones do, in front of a whole server: the run is done, or says what it could not have.
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
  layout = await servedLayout(kagami, 'python')
})
afterAll(() => kagami?.stop())

async function mirrorThrough(name: string, fault: (request: SeenRequest) => ProxyAction | undefined) {
  const proxy = await countingProxy(kagami.sampleUrl, { onRequest: fault })
  await addUpstream(operator, name, `${proxy.url}/dhi`)
  const answer = await operator.wait(['mirror', 'start', `${name}/python`, '--as', name])
  return { proxy, answer, repository: `acme/${name}`, target: await operator.target(`acme/${name}`) }
}

/** Cuts each fifth body of a kind after `bytes`. */
function cutEachFifth(kind: SeenRequest['kind'], bytes: number) {
  let seen = 0
  return (request: SeenRequest): ProxyAction | undefined =>
    request.kind === kind && ++seen % 5 === 0 ? { cutAfterBytes: bytes } : undefined
}

test('each fifth blob and each fifth manifest is cut: one run brings all', async () => {
  const [blobs, manifests] = [cutEachFifth('blob-get', 200), cutEachFifth('manifest-get', 100)]
  const { proxy, answer, target } = await mirrorThrough('fifth', (request) => blobs(request) ?? manifests(request))
  expectDone(answer)
  expect(await compareMirror(layout, target)).toEqual([])
  const resumed = proxy.requests.filter(({ kind, headers }) => kind === 'blob-get' && headers.get('range') !== null)
  expect(resumed.length).toBeGreaterThan(0)
  await proxy.stop()
})

test('429 on each tenth request and a cut in each fifth blob: complete, or what is missing is named; never silently less', async () => {
  let requests = 0
  const blobs = cutEachFifth('blob-get', 1000)
  const refusals = new Map<string, number>()
  const { proxy, answer, repository, target } = await mirrorThrough('tenth', (request) => {
    const times = refusals.get(request.path) ?? 0
    // A request is tried four times: none has the bad luck to be the tenth each time.
    if (++requests % 10 !== 0 || times === 3) return blobs(request)
    refusals.set(request.path, times + 1)
    return { answer: { status: 429, headers: { 'retry-after': '0' } } }
  })
  const { tags, faults } = await walkVisible(layout, target)
  const named = new Set(answer.run.failures.map(({ tag }) => tag))
  const missing = [...layout.tags.keys()].filter((tag) => !tags.includes(tag))
  expect([faults, missing.filter((tag) => !named.has(tag))]).toEqual([[], []])
  expect([answer.exitCode, answer.run.outcome]).toEqual(missing.length === 0 ? [0, 'done'] : [1, 'partial'])
  // It asks again for what was refused, and goes on where it was cut: as it is, one run is enough.
  expect([missing, answer.run.failures]).toEqual([[], []])
  expect(proxy.requests.filter(({ status }) => status === 429).length).toBeGreaterThan(20)
  expectDone(await operator.wait(['mirror', 'sync', repository]))
  expect(await compareMirror(layout, target)).toEqual([])
  await proxy.stop()
})

test('upstream flaps: down for 40 requests, up for 40: what a run could not have is named, and comes', async () => {
  let requests = 0
  let isFlapping = true
  const { proxy, answer, repository, target } = await mirrorThrough('flapping', () =>
    isFlapping && Math.floor(requests++ / 40) % 2 === 1
      ? { answer: { status: 502, headers: { 'retry-after': '0' } } }
      : undefined,
  )
  for (let last = answer, sync = 0; sync < 3; sync++) {
    const { tags, faults } = await walkVisible(layout, target)
    const named = new Set(last.run.failures.map(({ tag }) => tag))
    const silent = [...layout.tags.keys()].filter((tag) => !tags.includes(tag) && !named.has(tag))
    expect([faults, named.has(null) ? [] : silent]).toEqual([[], []])
    expect(last.exitCode).toBe(last.run.outcome === 'done' ? 0 : 1)
    last = await operator.wait(['mirror', 'sync', repository])
  }
  isFlapping = false
  expectDone(await operator.wait(['mirror', 'sync', repository]))
  expect(await compareMirror(layout, target)).toEqual([])
  await proxy.stop()
})

test('the list of yesterday, from a stale cache: nothing that came since goes away, and nothing is said to be wrong', async () => {
  const since = ['3.12', '3.12-debian13']
  let isStale = false
  const { proxy, answer, repository, target } = await mirrorThrough('stale', ({ kind }) => {
    if (!isStale || kind !== 'tags') return undefined
    return {
      change({ body }) {
        const list = JSON.parse(new TextDecoder().decode(body))
        const tags = list.tags.filter((tag: string) => !since.includes(tag))
        expect(tags.length).toBeLessThan(list.tags.length)
        return { body: new TextEncoder().encode(JSON.stringify({ ...list, tags })) }
      },
    }
  })
  expectDone(answer)
  for (let day = 0; day < 4; day++) {
    isStale = day % 2 === 0
    const { exitCode, run } = await operator.wait(['mirror', 'sync', repository])
    expect([exitCode, run.outcome, run.counts.tagsMoved]).toEqual([0, 'done', 0])
    expect(await compareMirror(layout, target)).toEqual([])
  }
  await proxy.stop()
})

test('a HEAD is 404, a range is refused and each fifth blob is cut: one run brings all', async () => {
  const cut = cutEachFifth('blob-get', 1000)
  const { proxy, answer, target } = await mirrorThrough('nexus', (request) => {
    const { kind, headers } = request
    if (kind === 'manifest-head') return { answer: { status: 404 } }
    if (kind === 'blob-get' && headers.get('range') !== null) return { answer: { status: 416 } }
    return cut(request)
  })
  expectDone(answer)
  expect(await compareMirror(layout, target)).toEqual([])
  await proxy.stop()
})

test('a listed tag without a manifest is named and fails the run, the others come, and back it is mirrored', async () => {
  let isGone = true
  const { proxy, answer, repository, target } = await mirrorThrough('forgetful', ({ reference }) =>
    isGone && reference === '3.12' ? { answer: { status: 404 } } : undefined,
  )
  expect([answer.exitCode, answer.run.outcome, answer.mirror.tags.failed]).toEqual([1, 'partial', 1])
  expect(answer.run.failures.map(({ tag, code }) => [tag, code])).toEqual([['3.12', 'MANIFEST_UNKNOWN']])
  const { tags, faults } = await walkVisible(layout, target)
  expect([faults, [...tags].sort()]).toEqual([[], [...layout.tags.keys()].filter((tag) => tag !== '3.12').sort()])
  isGone = false
  expectDone(await operator.wait(['mirror', 'sync', repository]))
  expect(await compareMirror(layout, target)).toEqual([])
  await proxy.stop()
})
