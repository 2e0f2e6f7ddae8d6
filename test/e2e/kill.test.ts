// kill -9 of the whole server at random points of mirror runs: nothing is half-visible, and the next run converges.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { walkVisible } from './half-visible.ts'
import { expectDone, type Operator, signIn } from './operator.ts'
import { randomNumbers } from './random-numbers.ts'

/** Kills of each of the four phases; a long campaign is run by KAGAMI_TEST_KILLS=200. */
const ROUNDS = Math.ceil(Number(process.env.KAGAMI_TEST_KILLS ?? 4) / 4)
setDefaultTimeout(120_000 + ROUNDS * 24_000)

const UPSTREAM_DELAY_MS = 4

/** Each phase comes at least this often in one run: a random request of it is always reached. */
const phases = {
  listing: { kinds: ['tags', 'manifest-head'], requests: 20 },
  manifests: { kinds: ['manifest-get'], requests: 100 },
  blobs: { kinds: ['blob-get'], requests: 150 },
} as const

/** Holds what comes to it while it is closed. */
function newGate() {
  let opened = Promise.withResolvers<void>()
  opened.resolve()
  return {
    passed: () => opened.promise,
    close: () => {
      opened = Promise.withResolvers<void>()
    },
    open: () => opened.resolve(),
  }
}

/** A blob that one tag's image alone needs: held back, it keeps that tag from being published while others are. */
function blobOfOneTag(layout: Layout, tag: string): string {
  const digest = layout.tags.get(tag)
  const aliases = [...layout.tags].filter(([, other]) => other === digest).map(([alias]) => alias)
  const others = withoutTags(layout, aliases)
  const own = [...layout.blobs.keys()].find((blob) => !others.blobs.has(blob))
  if (own === undefined) throw new Error(`${tag} has no blob of its own`)
  return own
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5)
}

let vendor: Kagami
let registry: DockerRegistry | undefined
let layout: Layout
let kagami: Kagami
let operator: Operator
beforeAll(async () => {
  vendor = await startKagami({ withSample: true })
  layout = await servedLayout(vendor, 'python')
  if (haveDockerRegistry) {
    registry = await startDockerRegistry()
    await pushLayout(layout, registry.url, 'dhi/python')
  }
  kagami = await startKagami()
  operator = await signIn(kagami)
})
afterAll(async () => {
  await kagami?.stop()
  await vendor?.stop()
  await registry?.stop()
})

test(`a server killed ${4 * ROUNDS} times in mirror runs shows nothing half, and each mirror is whole in the end`, async () => {
  const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`kill test: KAGAMI_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  const kills = { listing: 0, manifests: 0, blobs: 0, publish: 0 }
  const tagsSeen = new Set<number>()

  for (let round = 0; round < ROUNDS; round++) {
    const name = `round-${round}`
    const repository = `acme/${name}`
    const held = blobOfOneTag(layout, [...layout.tags.keys()][random(layout.tags.size) - 1] ?? '')
    const gate = newGate()
    const released = Promise.withResolvers<void>()
    // A new address each round: nothing that an earlier round fetched may be used without asking upstream (invariant 2).
    const behind = round % 2 === 1 && registry !== undefined ? registry.url : vendor.sampleUrl
    const proxy: CountingProxy = await countingProxy(behind, {
      delayMs: UPSTREAM_DELAY_MS,
      onRequest: ({ reference, kind }) => ({
        until: kind === 'blob-get' && reference === held ? released.promise : gate.passed(),
      }),
    })
    const target = await operator.target(repository)
    const countTags = async () => ((await registryClient(kagami.url, repository, target).listTags()) ?? []).length

    const killAndComeBack = async () => {
      await kagami.kill()
      // Until everything is looked at, the run that the new server begins by itself gets no answer.
      gate.close()
      proxy.reset()
      const { dataDirectory, port } = kagami
      kagami = await startKagami({ dataDirectory, port })
      const visible = await walkVisible(layout, target)
      expect([seed, round, visible.faults]).toEqual([seed, round, []])
      tagsSeen.add(visible.tags.length)
      gate.open()
    }

    await addUpstream(operator, name, `${proxy.url}/dhi`)
    await operator.run(['mirror', 'start', `${name}/python`, '--as', name])
    for (const phase of ['listing', 'manifests', 'blobs'] as const) {
      const { kinds, requests } = phases[phase]
      let left = random(requests)
      await proxy.seen(({ kind }) => kinds.some((one) => one === kind) && --left === 0)
      await killAndComeBack()
      kills[phase]++
    }
    await until(async () => (await countTags()) > 0)
    expect(await countTags()).toBeLessThan(layout.tags.size)
    await killAndComeBack()
    kills.publish++

    released.resolve()
    operator = await signIn(kagami)
    expectDone(await operator.wait(['mirror', 'sync', repository]))
    expect(await compareMirror(layout, target)).toEqual([])
    await proxy.stop()
    if (ROUNDS > 10) console.info(`${4 * (round + 1)} kills`)
  }

  expect(kills).toEqual({ listing: ROUNDS, manifests: ROUNDS, blobs: ROUNDS, publish: ROUNDS })
  // Both were seen after a restart: nothing at all, and some of the tags.
  expect(tagsSeen.has(0)).toBe(true)
  expect([...tagsSeen].some((count) => count > 0 && count < layout.tags.size)).toBe(true)
})
