// Starts the registries and the limits with the same content, and has them measured part by part.
import { availableParallelism } from 'node:os'
import { digestOf } from '../support/fixtures.ts'
import { pushLayout } from '../support/push-layout.ts'
import { type Contended, measureSlowReaders, measureUnderPushes } from './contention.ts'
import type { Findings } from './goals.ts'
import { groupPeakMiB } from './peak-memory.ts'
import {
  BARE,
  haveWorkers,
  type Peer,
  startBarePeer,
  startDockerRegistryPeer,
  startKagamiPeer,
  startNginxPeer,
  startTokenRegistry,
  startZotPeer,
} from './peers.ts'
import { memoryMiB } from './process-usage.ts'
import { BY_TAG, LARGE_BLOB, MIDDLE_BLOB, makeContent, makeRoutes, SMALL_BLOB } from './pull-content.ts'
import { type Measured, measureRoutes, pullTables, rates, worth } from './pulls.ts'
import { measurePushes, type PushSize } from './pushing.ts'
import { medianRatio, short, table } from './ratios.ts'
import type { Made } from './workload.ts'

/** In the order in which they are measured. */
export const SERVING_PARTS = ['pulls', 'slow', 'together', 'pushes'] as const
export type ServingPart = (typeof SERVING_PARTS)[number]

export interface ServingSize extends PushSize {
  readonly parts: ReadonlySet<ServingPart>
  readonly rounds: number
  readonly seconds: number
}

async function verify(peer: Peer, blobs: readonly Made[]): Promise<void> {
  const authorization = await peer.authorization?.()
  for (const { digest } of blobs) {
    const headers = authorization === undefined ? {} : { authorization }
    const response = await fetch(`${peer.url}/v2/${peer.repository}/blobs/${digest}`, { headers })
    const got = digestOf(new Uint8Array(await response.arrayBuffer()))
    if (got !== digest) throw new Error(`${peer.name}: want ${digest}, got ${got}`)
  }
}

/** Memory of each program after a part, in columns that are added as the parts end. */
function memoryColumns(peers: readonly Peer[]) {
  const columns: (readonly [title: string, cells: readonly string[]])[] = []
  return {
    add: (title: string, of: (peer: Peer) => number | undefined) => {
      const cell = (value: number | undefined) => (value === undefined ? '–' : short(value))
      columns.push([title, peers.map((peer) => cell(of(peer)))])
    },
    text: () =>
      table(
        ['Memory, MiB', ...columns.map(([title]) => title)],
        peers.map(({ name }, n) => [name, ...columns.map(([, cells]) => cells[n] ?? '–')]),
      ),
  }
}

function pullFindings(all: ReadonlyMap<string, Measured>, single: string): Findings {
  const against = (title: string, other: string) =>
    medianRatio(rates(all.get(title), 'Kagami'), rates(all.get(title), other))
  return {
    index: against(BY_TAG, 'docker-registry'),
    small: against(SMALL_BLOB, 'docker-registry'),
    middle: against(MIDDLE_BLOB, 'docker-registry'),
    large: against(LARGE_BLOB, 'docker-registry'),
    largeOfNginx: against(LARGE_BLOB, 'nginx'),
    perCore: medianRatio(worth(all.get(BY_TAG), single), worth(all.get(BY_TAG), BARE)),
  }
}

/** Pulls with a bearer token from a private repository, pulls beside others' work, pushes, memory, CPU: as Markdown, and for the goals. */
export async function measureServing(size: ServingSize): Promise<{ text: string; findings: Findings }> {
  const { layout, index, blobs } = makeContent()
  const stops: (() => Promise<unknown>)[] = []
  const started = <P extends Peer>(peer: P) => {
    stops.push(peer.stop)
    return peer
  }
  try {
    const open = started(await startDockerRegistryPeer())
    const registry = started(await startTokenRegistry(open))
    const kagami = started(await startKagamiPeer())
    const single = haveWorkers ? started(await startKagamiPeer(1)) : kagami
    const zot = Bun.which('zot') === null ? [] : [started(await startZotPeer())]
    for (const peer of new Set([kagami, single, open, ...zot]))
      await pushLayout(layout, peer.url, peer.repository, peer)
    const files = new Map(blobs.map(({ digest }) => [digest, layout.blobs.get(digest) ?? new Uint8Array()]))
    const nginx = Bun.which('nginx') === null ? [] : [started(await startNginxPeer(files))]
    const bare = [started(await startBarePeer(kagami, 1)), started(await startBarePeer(kagami, availableParallelism()))]
    const peers = [...new Set<Peer>([kagami, single, registry, ...zot, ...nginx, ...bare])]
    for (const peer of peers) await verify(peer, blobs)
    const memory = memoryColumns([...peers, { ...open, name: 'docker-registry, pushes' }])
    const has = (part: ServingPart) => size.parts.has(part)
    const texts: string[] = []
    let findings: Findings = {}
    memory.add('before', ({ group }) => memoryMiB(group))
    if (has('pulls')) {
      const highest = new Map<string, number>()
      const all = await measureRoutes(peers, makeRoutes(index, blobs), size, highest)
      findings = { ...findings, ...pullFindings(all, single.name), memoryMiB: memoryMiB(kagami.group) }
      memory.add('after the pulls', ({ group }) => memoryMiB(group))
      memory.add('most after a load', ({ name }) => highest.get(name))
      texts.push(pullTables(all, peers, single.name))
    }
    const [, middle, large] = blobs
    if (has('slow')) {
      const paths = { fast: `blobs/${middle?.digest}`, slow: `blobs/${large?.digest}` }
      texts.push(await measureSlowReaders([kagami, registry, ...zot, ...nginx], paths, size))
    }
    if (has('together')) {
      const same = (peer: Peer): Contended => ({ pulls: peer, pushes: peer })
      const contended = [same(kagami), { pulls: registry, pushes: open }, ...zot.map(same)]
      const { text, ratio } = await measureUnderPushes(contended, 'manifests/1.0', size)
      texts.push(text)
      findings = { ...findings, underPushes: ratio }
    }
    if (has('pushes')) {
      const { text, whole, small } = await measurePushes([kagami, open, ...zot], size)
      texts.push(text)
      findings = { ...findings, pushWhole: whole, pushSmall: small }
      memory.add('after the pushes', ({ group }) => memoryMiB(group))
    }
    memory.add('peaks of its processes, added', ({ group }) => groupPeakMiB(group))
    return { text: [...texts, memory.text()].join('\n\n'), findings }
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}
