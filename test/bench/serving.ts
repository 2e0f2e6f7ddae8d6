// Pulls: the same content from each program, one load after the other, in rounds.
import { digestOf } from '../support/fixtures.ts'
import { pushLayout } from '../support/push-layout.ts'
import { type Load, type LoadResult, putLoad } from './load.ts'
import { groupPeakMiB } from './peak-memory.ts'
import {
  type KagamiPeer,
  type Peer,
  startDockerRegistryPeer,
  startKagamiPeer,
  startNginxPeer,
  startTokenRegistry,
  startZotPeer,
} from './peers.ts'
import { measurePushes, type PushSize } from './pushing.ts'
import { median, ratioText, short, table } from './ratios.ts'
import { artifact, type Made, newShelf, noise, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './workload.ts'

export interface ServingSize extends PushSize {
  readonly rounds: number
  readonly seconds: number
  readonly say: (line: string) => void
}

const MIB = 1024 * 1024
const REFERRERS = 16

interface Route {
  readonly title: string
  /** Below `/v2/<repository>/`; `undefined`: this program has no such thing. */
  path(peer: string): string | undefined
  readonly connections: number
  /** Large answers need longer to be counted. */
  readonly longer?: number
}

/** An index of two platforms with referrers, and blobs of three sizes as its layers. */
function makeContent() {
  const shelf = newShelf()
  const blobs = [10 * 1024, MIB, 100 * MIB].map((size) => shelf.blob(OCI_LAYER, noise(`serving ${size}`, size)))
  const manifests = ['amd64', 'arm64'].map((architecture) => {
    const config = shelf.blob(OCI_CONFIG, new TextEncoder().encode(JSON.stringify({ architecture, os: 'linux' })))
    return { ...shelf.manifest(OCI_MANIFEST, { config, layers: blobs }), platform: { architecture, os: 'linux' } }
  })
  const index = shelf.manifest(OCI_INDEX, { manifests })
  for (let n = 0; n < REFERRERS; n++) artifact(shelf, 'application/vnd.in-toto+json', `referrer ${n}`, index)
  shelf.tag('1.0', index)
  return { layout: shelf.layout('serving'), index, blobs }
}

function makeRoutes(index: Made, [small, middle, large]: readonly Made[]): Route[] {
  const manifest = (reference: string) => (peer: string) => (peer === 'nginx' ? undefined : `manifests/${reference}`)
  const blob = (of: Made | undefined) => () => `blobs/${of?.digest}`
  return [
    { title: 'index by tag, c=16', path: manifest('1.0'), connections: 16 },
    { title: 'index by digest, c=16', path: manifest(index.digest), connections: 16 },
    {
      title: `${REFERRERS} referrers, c=16`,
      // docker-registry has no referrers API: clients read the list from the fallback tag.
      path: (peer) =>
        peer === 'nginx'
          ? undefined
          : peer === 'docker-registry'
            ? `manifests/${index.digest.replace(':', '-')}`
            : `referrers/${index.digest}`,
      connections: 16,
    },
    { title: 'blob of 10 KiB, c=16', path: blob(small), connections: 16 },
    { title: 'blob of 1 MiB, c=16', path: blob(middle), connections: 16 },
    { title: 'blob of 100 MiB, c=4', path: blob(large), connections: 4, longer: 2 },
  ]
}

async function verify(peer: Peer, blobs: readonly Made[]): Promise<void> {
  for (const { digest } of blobs) {
    const response = await fetch(`${peer.url}/v2/${peer.repository}/blobs/${digest}`)
    const got = digestOf(new Uint8Array(await response.arrayBuffer()))
    if (got !== digest) throw new Error(`${peer.name}: want ${digest}, got ${got}`)
  }
}

/** Measurements of one route: round by round for each program. */
type Measured = Map<string, LoadResult[]>

async function measure(
  loads: ReadonlyMap<string, () => Promise<Load> | Load>,
  rounds: number,
  say: (line: string) => void,
): Promise<Measured> {
  const results: Measured = new Map([...loads.keys()].map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, load] of loads) {
      const result = await putLoad(await load())
      results.get(name)?.push(result)
      say(`  ${name}: ${short(result.requestsPerSecond)} requests/s, p99 ${short(result.p99Ms)} ms`)
    }
  }
  return results
}

function rowOf(title: string, measured: Measured, others: readonly string[]): string[] {
  const rates = (name: string) => (measured.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond)
  const tails = (name: string) => (measured.get(name) ?? []).map(({ p99Ms }) => p99Ms)
  const ours = [rates('Kagami'), tails('Kagami')] as const
  const against = others.flatMap((name) => [ratioText(ours[0], rates(name)), ratioText(ours[1], tails(name))])
  return [title, `${short(median(ours[0]))} / ${short(median(ours[1]))}`, ...against]
}

const headers = { accept: `${OCI_INDEX}, ${OCI_MANIFEST}` }

/** Routes as anybody, the two that bear the most requests with a bearer token, pushes and peaks of memory, as Markdown. */
export async function measureServing(size: ServingSize): Promise<string> {
  const { layout, index, blobs } = makeContent()
  const registry = await startDockerRegistryPeer()
  const tokens = await startTokenRegistry(registry)
  const kagami: KagamiPeer = await startKagamiPeer()
  const registries: Peer[] = [kagami, registry]
  if (Bun.which('zot') !== null) registries.push(await startZotPeer())
  const files = new Map(blobs.map(({ digest }) => [digest, layout.blobs.get(digest) ?? new Uint8Array()]))
  const peers = [...registries]
  if (Bun.which('nginx') !== null) peers.push(await startNginxPeer(files))
  try {
    for (const peer of registries) await pushLayout(layout, peer.url, peer.repository, peer)
    for (const peer of peers) await verify(peer, blobs)
    const others = peers.slice(1).map(({ name }) => name)
    const rows: string[][] = []
    for (const { title, path, connections, longer = 1 } of makeRoutes(index, blobs)) {
      size.say(title)
      const seconds = size.seconds * longer
      const loads = new Map<string, () => Promise<Load> | Load>()
      for (const { name, url, repository } of peers) {
        const of = path(name)
        if (of !== undefined) {
          loads.set(name, () => ({ url: `${url}/v2/${repository}/${of}`, headers, connections, seconds }))
        }
      }
      rows.push(rowOf(title, await measure(loads, size.rounds, size.say), others))
    }
    for (const [title, path] of [
      ['index by tag, bearer token, c=16', 'manifests/1.0'],
      ['blob of 10 KiB, bearer token, c=16', `blobs/${blobs[0]?.digest}`],
    ] as const) {
      size.say(title)
      const load = async (url: string, repository: string, authorization: string): Promise<Load> => ({
        url: `${url}/v2/${repository}/${path}`,
        headers: { ...headers, authorization },
        connections: 16,
        seconds: size.seconds,
      })
      const loads = new Map<string, () => Promise<Load>>([
        ['Kagami', async () => load(kagami.url, kagami.repository, await kagami.authorization())],
        ['docker-registry', async () => load(tokens.url, registry.repository, await tokens.authorization())],
      ])
      rows.push(rowOf(title, await measure(loads, size.rounds, size.say), others))
    }
    const head = ['Pull', 'Kagami: requests/s / p99 ms', ...others.flatMap((name) => [`÷ ${name}`, 'p99'])]
    const afterReads = peers.map(({ group }) => groupPeakMiB(group))
    const pushes = await measurePushes(registries, size)
    const afterPushes = registries.map(({ group }) => groupPeakMiB(group))
    const memory = peers.map(({ name }, n) => [
      name,
      short(afterReads[n] ?? 0),
      n < registries.length ? short(afterPushes[n] ?? 0) : '–',
    ])
    return [table(head, rows), pushes, table(['Peak memory, MiB', 'after the pulls', 'after the pushes'], memory)].join(
      '\n\n',
    )
  } finally {
    await tokens.stop()
    for (const peer of peers) await peer.stop()
  }
}
