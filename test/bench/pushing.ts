// Pushes, timed, with the CPU that the kernel counted of the program meanwhile.
import { join } from 'node:path'
import { temporaryDirectory } from '../support/process.ts'
import type { Peer } from './peers.ts'
import { usageOf } from './process-usage.ts'
import {
  pushChunked,
  pushImages,
  pushSmall,
  pushWhole,
  smallBlobs,
  smallImage,
  writeLargeFile,
} from './push-clients.ts'
import { median, medianRatio, ratioText, short, table } from './ratios.ts'

export interface PushSize {
  readonly pushMiB: number
  readonly smallBlobs: number
  readonly images: number
  readonly pushRounds: number
  readonly say: (line: string) => void
}

interface Kind {
  readonly title: string
  /** What its CPU is told for. */
  readonly unit: string
  readonly units: number
  /** Of so many rounds; absent: of all. */
  readonly rounds?: number
  /** Makes content of that round alone: a registry may be fast with what it has already. @returns what pushes it, in seconds */
  prepare(round: number): (peer: Peer) => Promise<number>
}

interface Pushed {
  readonly seconds: number[]
  /** Milliseconds of CPU for each unit. */
  readonly cpu: number[]
}

/** By name of the program. */
type PushedBy = ReadonlyMap<string, Pushed>

function kindsOf({ pushMiB, smallBlobs: blobs, images }: PushSize, path: string): Kind[] {
  const gib = { unit: 'a GiB', units: pushMiB / 1024 }
  const file = (seed: string) => writeLargeFile(path, pushMiB * 1024 * 1024, seed)
  return [
    {
      title: `${pushMiB} MiB as one PUT`,
      ...gib,
      prepare(round) {
        const whole = file(`whole ${round}`)
        return (peer) => pushWhole(peer, `acme/whole-${round}`, whole)
      },
    },
    {
      title: `${pushMiB} MiB in PATCHes of 16 MiB`,
      ...gib,
      prepare(round) {
        const chunked = file(`chunked ${round}`)
        return (peer) => pushChunked(peer, `acme/chunked-${round}`, chunked)
      },
    },
    {
      title: `${blobs} blobs of 10 KiB, 8 at a time`,
      unit: 'a blob',
      units: blobs,
      prepare(round) {
        const small = smallBlobs(blobs, `small ${round}`)
        return (peer) => pushSmall(peer, `acme/small-${round}`, small)
      },
    },
    {
      title: `${images} images (config, layer, manifest), 8 clients`,
      unit: 'an image',
      units: images,
      rounds: 1,
      prepare(round) {
        const all = Array.from({ length: images }, (_, n) => smallImage(`image ${round}`, n))
        return (peer) => pushImages(peer, `acme/images-${round}`, all)
      },
    },
  ]
}

export interface PushFigures {
  /** Markdown. */
  readonly text: string
  /** Kagami's seconds ÷ docker-registry's, medians. */
  readonly whole: number | undefined
  readonly small: number | undefined
}

/** Each kind of push to each program, in rounds. @param peers Kagami first */
export async function measurePushes(peers: readonly Peer[], size: PushSize): Promise<PushFigures> {
  using directory = temporaryDirectory('bench-push')
  const kinds = kindsOf(size, join(directory.path, 'large'))
  const all = kinds.map((): PushedBy => new Map(peers.map(({ name }) => [name, { seconds: [], cpu: [] }])))
  for (let round = 0; round < size.pushRounds; round++) {
    for (const [n, { title, unit, units, prepare, rounds = size.pushRounds }] of kinds.entries()) {
      if (round >= rounds) continue
      const push = prepare(round)
      for (const peer of peers) {
        const before = usageOf(peer.group).cpuSeconds
        const seconds = await push(peer)
        const cpu = (1000 * (usageOf(peer.group).cpuSeconds - before)) / units
        all[n]?.get(peer.name)?.seconds.push(seconds)
        all[n]?.get(peer.name)?.cpu.push(cpu)
        size.say(`  ${peer.name}: ${title} in ${short(seconds)} s, CPU ${short(cpu)} ms ${unit}`)
      }
    }
  }
  return report(kinds, all, peers)
}

function report(kinds: readonly Kind[], all: readonly PushedBy[], peers: readonly Peer[]): PushFigures {
  const names = peers.map(({ name }) => name)
  const others = names.slice(1)
  const seconds = (n: number, name: string) => all[n]?.get(name)?.seconds ?? []
  const times = kinds.map(({ title }, n) => [
    title,
    `${short(median(seconds(n, 'Kagami')))} s`,
    ...others.map((name) => ratioText(seconds(n, 'Kagami'), seconds(n, name))),
  ])
  const costs = kinds.map(({ title, unit }, n) => [
    `${title}: ${unit}`,
    ...names.map((name) => short(median(all[n]?.get(name)?.cpu ?? []))),
  ])
  const against = (n: number) => medianRatio(seconds(n, 'Kagami'), seconds(n, 'docker-registry'))
  return {
    text: [
      table(['Push, time', 'Kagami', ...others.map((name) => `÷ ${name}`)], times),
      table(['CPU ms', ...names], costs),
    ].join('\n\n'),
    whole: against(0),
    small: against(2),
  }
}
