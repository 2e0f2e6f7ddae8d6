// kill -9 of the whole server at random points of replications: at the target each tag is whole or not there, and one more pass converges.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { loadOrCreateSampleKey } from '../../src/sample/keys.ts'
import { sampleRepository } from '../sample/reading.ts'
import { sampleLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { isFallbackTag, type Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy, type SeenRequest } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { randomNumbers } from './random-numbers.ts'
import { type Replicating, replicating } from './replicating.ts'

/** A long campaign is run by KAGAMI_TEST_KILLS=100. */
const KILLS = Number(process.env.KAGAMI_TEST_KILLS ?? 4)
setDefaultTimeout(120_000 + KILLS * 15_000)

const KILLS_OF_ONE = 4
const DELAY_MS = 3
const credentials = { username: 'writer', password: 'correct horse' }

/** Where a kill falls: behind a random request of these, of so many. */
const PHASES: readonly { readonly name: string; readonly most: number; isOf(request: SeenRequest): boolean }[] = [
  { name: 'any', most: 200, isOf: () => true },
  { name: 'uploads', most: 60, isOf: ({ kind }) => kind === 'upload' },
  { name: 'manifests', most: 60, isOf: ({ kind }) => kind === 'manifest-put' },
  {
    name: 'referrers',
    most: 15,
    isOf: ({ kind, reference }) => kind === 'manifest-put' && isFallbackTag(reference),
  },
  {
    name: 'tags',
    most: 5,
    isOf: ({ kind, reference }) => kind === 'manifest-put' && !reference.includes(':') && !isFallbackTag(reference),
  },
]

const directory = temporaryDirectory('replication-kill')
let docker: DockerRegistry
let proxy: CountingProxy
let kagami: Kagami
let owner: Replicating
let layout: Layout
beforeAll(async () => {
  if (!haveDockerRegistry) throw new Error('docker-registry is not installed: run scripts/install-test-packages')
  const key = await loadOrCreateSampleKey(join(directory.path, 'key'))
  layout = sampleLayout(sampleRepository('nginx', 1, key))
  docker = await startDockerRegistry({ credentials })
  proxy = await countingProxy(docker.url, { delayMs: DELAY_MS })
  kagami = await startKagami()
  owner = replicating(() => kagami)
  await owner.call('POST', '/organizations', { name: 'acme' }).catch(() => {})
  await pushLayout(layout, kagami.url, 'acme/nginx', { credentials: kagami.owner })
  const body = { name: 'hub', url: proxy.url, organization: 'acme', plainHttp: true, ...credentials }
  await owner.call('POST', '/targets', body)
})
afterAll(async () => {
  await kagami?.stop()
  await proxy?.stop()
  await docker?.stop()
  directory.remove()
})

const targetOf = (repository: string) => ({ url: docker.url, repository, credentials })

/** What is wrong with the tags that are there; those of images. */
async function look(
  repository: string,
): Promise<{ readonly tags: readonly string[]; readonly faults: readonly unknown[] }> {
  const target = targetOf(repository)
  const tags = ((await registryClient(target.url, repository, target).listTags()) ?? []).filter(
    (tag) => !isFallbackTag(tag),
  )
  const hidden = [...layout.tags.keys()].filter((tag) => !tags.includes(tag))
  if (tags.length === 0) return { tags, faults: [] }
  // What the registry was asked for by the one that is dead may still come.
  const faults = await compareMirror(layout, target, { skipTags: hidden, otherTags: hidden, referrers: 'either' })
  return { tags, faults: faults.filter(({ kind, of }) => kind !== 'extra' || of.startsWith('tag')) }
}

/** What was under way at the registry is over when it looks whole; docker-registry lists a tag a moment before it serves it. */
async function lookSettled(repository: string): ReturnType<typeof look> {
  for (let tries = 1; ; tries++) {
    const seen = await look(repository)
    if (seen.faults.length === 0 || tries === 20) return seen
    await Bun.sleep(100)
  }
}

test(`a server killed ${KILLS} times while it replicates leaves each tag whole or untouched, and one more pass converges`, async () => {
  const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`replication kill test: KAGAMI_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  const seen = new Map<string, number>()
  const tagsSeen = new Set<number>()
  let kills = 0
  for (let round = 0; kills < KILLS; round++) {
    const repository = `round-${round}`
    proxy.reset()
    const { id } = await owner.start('acme/nginx', `hub/${repository}`)
    for (let killed = 0; killed < KILLS_OF_ONE && kills < KILLS; killed++) {
      const phase = PHASES[(random(PHASES.length) + kills) % PHASES.length] ?? (PHASES[0] as (typeof PHASES)[0])
      let left = random(phase.most)
      const over = new AbortController()
      const ended = (async () => {
        while (!over.signal.aborted) {
          const { lastRun, state } = await owner.show(id)
          if (lastRun !== null && lastRun.outcome !== 'running' && state === 'active') return 'ended' as const
          await Bun.sleep(10)
        }
        return 'ended' as const
      })()
      const which = await Promise.race([ended, proxy.seen((one) => phase.isOf(one) && --left <= 0)])
      over.abort()
      await ended.catch(() => {})
      if (which === 'ended') break
      await kagami.kill()
      kills++
      seen.set(phase.name, (seen.get(phase.name) ?? 0) + 1)
      const { tags, faults } = await lookSettled(repository)
      expect([seed, round, phase.name, faults]).toEqual([seed, round, phase.name, []])
      tagsSeen.add(tags.length)
      proxy.reset()
      kagami = await startKagami({ dataDirectory: kagami.dataDirectory, port: kagami.port })
    }
    await owner.settled(id)
    const run = await owner.sync(id)
    expect([seed, round, run.outcome, run.failures, run.counts.tagsDiverged]).toEqual([seed, round, 'done', [], 0])
    expect(await compareMirror(layout, targetOf(repository), { referrers: 'either' })).toEqual([])
    const shown = await owner.show(id)
    expect([shown.state, shown.tags.published, shown.drift.drifted]).toEqual(['active', layout.tags.size, 0])
    if (KILLS > 20) console.info(`${kills} kills: ${JSON.stringify(Object.fromEntries(seen))}`)
  }
  console.info(`kills: ${JSON.stringify(Object.fromEntries(seen))}; tags seen: ${[...tagsSeen].sort().join(' ')}`)
  expect(kills).toBe(KILLS)
})
