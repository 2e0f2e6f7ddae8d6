// Any mix of faults at once, from a seeded generator: whatever upstream does, nothing half shows and nothing is missing without a word; and once it
// behaves, one more sync converges.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { walkVisible } from './half-visible.ts'
import { expectDone, type Operator, signIn } from './operator.ts'
import { randomNumbers } from './random-numbers.ts'

/** A long campaign is run by KAGAMI_TEST_FAULTS=100; KAGAMI_TEST_SEED brings one back. */
const ROUNDS = Number(process.env.KAGAMI_TEST_FAULTS ?? 3)
setDefaultTimeout(60_000 + ROUNDS * 60_000)

let kagami: Kagami
let operator: Operator
let layout: Layout
beforeAll(async () => {
  kagami = await startKagami({ withSample: true })
  operator = await signIn(kagami)
  layout = await servedLayout(kagami, 'nginx')
})
afterAll(() => kagami?.stop())

const refusal = (status: number, headers: Record<string, string> = {}, body = ''): ProxyAction => ({
  answer: { status, headers, body },
})
const AT_ONCE = { 'retry-after': '0' }

/** Of any request. */
const FAULTS: readonly ((request: SeenRequest, random: (most: number) => number) => ProxyAction)[] = [
  () => refusal(429, AT_ONCE),
  () => refusal(500, AT_ONCE),
  () => refusal(503, AT_ONCE, '<html>down</html>'),
  () => refusal(502, AT_ONCE),
  () => refusal(403),
  () => refusal(401, { 'www-authenticate': 'Basic realm="x"' }),
  () => refusal(302, { location: 'http://10.0.0.1/' }),
  ({ path }) => refusal(307, { location: path }),
  (_request, random) => ({ cutAfterBytes: random(400) }),
  (_request, random) => ({ cutAfterBytes: random(60), bytesPerSecond: 1000 }),
  (_request, random) => ({ delayMs: random(50) }),
]
/** Lies that a digest or a grammar reveals; about what a list leaves out nobody can tell. */
const OF_CONTENT: typeof FAULTS = [
  () => refusal(404),
  () => refusal(200),
  () => refusal(200, { 'content-type': 'text/html' }, '<html>sign in</html>'),
  () => ({ endless: true }),
  (_request, random) => ({ flipByteAt: random(100) }),
  (_request, random) => ({ truncateToBytes: random(100) }),
  () => ({ change: ({ body }) => ({ body: new Uint8Array([...body, ...body]) }) }),
  () => ({ change: () => ({ headers: { 'content-type': 'application/octet-stream' } }) }),
]

test(`${ROUNDS} mixes of faults: nothing half, nothing missing without a word, and whole in the end`, async () => {
  const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`faults test: KAGAMI_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  for (let round = 0; round < ROUNDS; round++) {
    /** One request in so many is answered wrongly; a few faults of all, so that each mix is another one. */
    const oneIn = [3, 10, 40][random(3) - 1] ?? 10
    const mix = [...FAULTS, ...OF_CONTENT].filter(() => random(2) === 1)
    let isFaulty = false
    let faults = 0
    const proxy = await countingProxy(kagami.sampleUrl, {
      onRequest(request) {
        const isContent = request.kind === 'blob-get' || request.kind === 'manifest-get'
        const fault = mix[random(mix.length) - 1]
        if (!isFaulty || fault === undefined || random(oneIn) > 1) return undefined
        if (OF_CONTENT.includes(fault) && !isContent) return undefined
        faults++
        return fault(request, random)
      },
    })
    const name = `mix-${round}`
    await addUpstream(operator, name, `${proxy.url}/dhi`)
    // Begun with a source that can be reached; faults begin with the list.
    void proxy
      .seen(({ kind }) => kind === 'tags')
      .then(() => {
        isFaulty = true
      })
    const target = await operator.target(`acme/${name}`)
    for (const verb of [
      ['start', `${name}/nginx`, '--as', name],
      ['sync', `acme/${name}`],
    ]) {
      const { run, exitCode } = await operator.wait(['mirror', ...verb])
      const about = [seed, round, verb[0]]
      const visible = await walkVisible(layout, target)
      expect([...about, visible.faults]).toEqual([...about, []])
      const named = new Set(run.failures.map(({ tag }) => tag))
      const silent = [...layout.tags.keys()].filter((tag) => !visible.tags.includes(tag) && !named.has(tag))
      expect([...about, named.has(null) ? [] : silent]).toEqual([...about, []])
      expect([...about, exitCode]).toEqual([...about, run.outcome === 'done' ? 0 : 1])
    }
    if (ROUNDS > 10) console.info(`round ${round}: one in ${oneIn}, ${faults} faults`)
    isFaulty = false
    const last = await operator.wait(['mirror', 'sync', `acme/${name}`])
    expect([seed, round, last.run.failures]).toEqual([seed, round, []])
    expectDone(last)
    expect([seed, round, await compareMirror(layout, target)]).toEqual([seed, round, []])
    await proxy.stop()
  }
})
