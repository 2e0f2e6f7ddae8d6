// One repository to four registries: mirrored once and sent on to all at once by Kagami, against four runs of skopeo from the upstream.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Replication } from '../../src/api/replications.ts'
import { imagesLayout } from '../e2e/small-layout.ts'
import { isolatedHome, runCommand } from '../support/command.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import type { Layout } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { groupPeakMiB } from './peak-memory.ts'
import { type KagamiPeer, startKagamiPeer } from './peers.ts'
import { short, table } from './ratios.ts'

export interface ReplicatingSize {
  readonly tags: number
  readonly targets: number
  readonly layerBytes: number
  /** Added to each request, to the upstream and to the targets. */
  readonly delayMs: number
  readonly say: (line: string) => void
}

const credentials = { username: 'writer', password: 'correct horse' }
const MIB = 1024 * 1024

interface Place {
  readonly registry: DockerRegistry
  readonly proxy: CountingProxy
}

interface Measured {
  readonly name: string
  readonly seconds: number
  readonly upstreamMiB: number
  readonly upstreamRequests: number
  readonly targetRequests: number
  readonly atTheEnd: string
  readonly noOpPerTagAndTarget: number | undefined
  readonly peakMiB: number | undefined
  readonly growthMiB: number | undefined
}

async function startPlaces({ targets, delayMs }: ReplicatingSize): Promise<Place[]> {
  return Promise.all(
    Array.from({ length: targets }, async () => {
      const registry = await startDockerRegistry({ credentials, cache: true })
      return { registry, proxy: await countingProxy(registry.url, { delayMs }) }
    }),
  )
}

async function stopPlaces(places: readonly Place[]): Promise<void> {
  for (const { registry, proxy } of places) {
    await proxy.stop()
    await registry.stop()
  }
}

const requestsTo = (places: readonly Place[]) => places.reduce((sum, { proxy }) => sum + proxy.count(), 0)
const bytesFrom = (proxy: CountingProxy) => proxy.requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)

async function missingAt(layout: Layout, { registry }: Place): Promise<number> {
  const target = { url: registry.url, repository: 'app', credentials }
  return (await compareMirror(layout, target, { referrers: 'either' })).length
}

async function measureKagami(layout: Layout, upstream: CountingProxy, size: ReplicatingSize): Promise<Measured> {
  const places = await startPlaces(size)
  const kagami = await startKagamiPeer()
  try {
    upstream.reset()
    await kagami.call('POST', '/upstreams', {
      name: 'origin',
      url: upstream.url,
      organization: 'acme',
      plainHttp: true,
    })
    for (const [index, { proxy }] of places.entries()) {
      const body = { name: `target-${index}`, url: proxy.url, organization: 'acme', plainHttp: true, ...credentials }
      await kagami.call('POST', '/targets', body)
    }
    const begun = performance.now()
    const mirror = { organization: 'acme', upstream: 'origin', repository: 'app' }
    const { run } = await kagami.call<{ run: { id: string } }>('POST', '/mirrors', mirror)
    await kagami.follow(`/mirrors/acme/app/progress?run=${run.id}`)
    size.say(`  mirrored after ${short((performance.now() - begun) / 1000)} s`)
    const ids = await Promise.all(places.map((_, index) => sendOn(kagami, `target-${index}`)))
    const seconds = (performance.now() - begun) / 1000
    const upstreamMiB = bytesFrom(upstream) / MIB
    const targetRequests = requestsTo(places)
    const missing = await Promise.all(places.map((place) => missingAt(layout, place)))
    const peakBefore = groupPeakMiB(kagami.group)
    for (const { proxy } of places) proxy.reset()
    await Promise.all(ids.map((id) => syncAgain(kagami, id)))
    const noOp = requestsTo(places) / (layout.tags.size * places.length)
    for (let round = 0; round < 4; round++) await Promise.all(ids.map((id) => syncAgain(kagami, id)))
    const peakMiB = groupPeakMiB(kagami.group)
    const lacking = missing.reduce((sum, one) => sum + one, 0)
    return {
      name: 'Kagami, mirrored and sent on',
      ...{ seconds, upstreamMiB, upstreamRequests: upstream.count(), targetRequests, noOpPerTagAndTarget: noOp },
      ...{ atTheEnd: lacking === 0 ? 'complete' : `${lacking} differences`, peakMiB, growthMiB: peakMiB - peakBefore },
    }
  } finally {
    await kagami.stop()
    await stopPlaces(places)
  }
}

type Answer = { readonly replication: Replication; readonly run: { readonly id: string } }

async function sendOn(kagami: KagamiPeer, target: string): Promise<string> {
  const body = { repository: 'acme/app', target: { target, repository: 'app' } }
  return ended(kagami, await kagami.call<Answer>('POST', '/replications', body))
}

async function syncAgain(kagami: KagamiPeer, id: string): Promise<string> {
  return ended(kagami, await kagami.call<Answer>('POST', `/replications/acme/${id}/sync`, {}))
}

async function ended(kagami: KagamiPeer, { replication: { id }, run }: Answer): Promise<string> {
  await kagami.follow(`/replications/acme/${id}/progress?run=${run.id}`)
  const { run: done } = await kagami.call<{ run: { outcome: string; failures: unknown[] } }>(
    'GET',
    `/replications/acme/${id}/runs/${run.id}`,
  )
  if (done.outcome !== 'done') throw new Error(`a replication ended with ${JSON.stringify(done)}`)
  return id
}

/** One after the other, as a script has it. The images alone: it stops at the first fallback tag. */
async function measureSkopeo(layout: Layout, upstream: CountingProxy, size: ReplicatingSize): Promise<Measured> {
  const places = await startPlaces(size)
  const directory = temporaryDirectory('bench-skopeo')
  try {
    upstream.reset()
    const source = join(directory.path, 'source.yaml')
    const images = { 'tls-verify': false, 'images-by-tag-regex': { app: '^image-' } }
    writeFileSync(source, JSON.stringify({ [new URL(upstream.url).host]: images }))
    const begun = performance.now()
    for (const { proxy } of places) {
      const login = `${credentials.username}:${credentials.password}`
      const shape = ['--all', '--preserve-digests', '--src', 'yaml', '--dest', 'docker', '--dest-tls-verify=false']
      const command = ['skopeo', 'sync', ...shape, '--dest-creds', login, source, new URL(proxy.url).host]
      const { exitCode, stderr } = await runCommand(command, { env: isolatedHome(directory.path) })
      if (exitCode !== 0) throw new Error(`skopeo ended with ${exitCode}: ${stderr.slice(-2000)}`)
      size.say(`  skopeo: one run more after ${short((performance.now() - begun) / 1000)} s`)
    }
    const seconds = (performance.now() - begun) / 1000
    const missing = await Promise.all(places.map((place) => missingAt(layout, place)))
    const lacking = missing.reduce((sum, one) => sum + one, 0)
    return {
      name: `skopeo sync --all, ${places.length} times, images only`,
      ...{ seconds, upstreamMiB: bytesFrom(upstream) / MIB, upstreamRequests: upstream.count() },
      ...{ targetRequests: requestsTo(places), noOpPerTagAndTarget: undefined, peakMiB: undefined },
      ...{ atTheEnd: lacking === 0 ? 'complete' : `${lacking} differences`, growthMiB: undefined },
    }
  } finally {
    directory.remove()
    await stopPlaces(places)
  }
}

/** @returns Markdown */
export async function measureReplicating(size: ReplicatingSize): Promise<string> {
  const layout = imagesLayout({
    images: size.tags,
    layers: 2,
    layerBytes: size.layerBytes,
    signed: true,
    seed: 'bench',
  })
  const registry = await startDockerRegistry({ cache: true })
  const upstream = await countingProxy(registry.url, { delayMs: size.delayMs })
  try {
    size.say('filling the upstream')
    await pushLayout(layout, registry.url, 'app')
    const ours = await measureKagami(layout, upstream, size)
    const rows = [ours]
    if (Bun.which('skopeo') !== null) rows.push(await measureSkopeo(layout, upstream, size))
    const copyMiB =
      [...layout.blobs.values(), ...[...layout.manifests.values()].map(({ bytes }) => bytes)].reduce(
        (sum, { length }) => sum + length,
        0,
      ) / MIB
    const text = (value: number | undefined) => (value === undefined ? '' : short(value))
    const head = ['Program', "Kagami's time ÷", 'from upstream, MiB', 'requests to it', 'requests to the targets']
    const more = [
      'a pass without news: requests a tag and target',
      'peak MiB',
      'more in five such passes',
      'at the end',
    ]
    return [
      `${layout.tags.size} tags, ${short(copyMiB)} MiB, to ${size.targets} registries.`,
      table(
        [...head, ...more],
        rows.map((row) => [
          row.name,
          row === ours ? `${short(row.seconds)} s` : short(ours.seconds / row.seconds),
          ...[row.upstreamMiB, row.upstreamRequests, row.targetRequests].map(short),
          ...[row.noOpPerTagAndTarget, row.peakMiB, row.growthMiB].map(text),
          row.atTheEnd,
        ]),
      ),
    ].join('\n\n')
  } finally {
    await upstream.stop()
    await registry.stop()
  }
}
