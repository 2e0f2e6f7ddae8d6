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
  kagami = await startKagami({ args: ['--sample'] })
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
  const [blobs, manifests] = [cutEachFifth('blob-get', 1000), cutEachFifth('manifest-get', 100)]
  const { proxy, answer, target } = await mirrorThrough('fifth', (request) => blobs(request) ?? manifests(request))
  expectDone(answer)
  expect(await compareMirror(layout, target)).toEqual([])
  const resumed = proxy.requests.filter(({ kind, headers }) => kind === 'blob-get' && headers.get('range') !== null)
  expect(resumed.length).toBeGreaterThan(0)
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
