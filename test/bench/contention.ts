// What pulls are worth while others take their part of the program: clients that push, and readers that take their time.
import { connect, type Socket } from 'node:net'
import { eachLimited } from '../support/limit.ts'
import type { Peer } from './peers.ts'
import { memoryMiB } from './process-usage.ts'
import { loadOf, putCountedLoad } from './pulls.ts'
import { imagePusher, type SmallImage, smallImage } from './push-clients.ts'
import { median, medianRatio, ratioText, short, table } from './ratios.ts'

const PUSHERS = 16
/** Made before the clock runs; nobody pushes as many meanwhile. */
const IMAGES = 4000
const SLOW_READERS = 64
const SLOW_PAUSE_MS = 1000

export interface ContentionSize {
  readonly rounds: number
  readonly seconds: number
  readonly say: (line: string) => void
}

/** One program as who pulls from it and who pushes to it see it: docker-registry has one door for each. */
export interface Contended {
  readonly pulls: Peer
  readonly pushes: Peer
}

const noMore = (): never => {
  throw new Error(`want fewer than ${IMAGES} pushes in one load`)
}

/** Pulls of one path alone, then while 16 clients push small images. @returns Markdown, and Kagami's median ratio */
export async function measureUnderPushes(all: readonly Contended[], path: string, size: ContentionSize) {
  const rows: string[][] = []
  const ratios = new Map<string, number | undefined>()
  for (const { pulls, pushes } of all) {
    const [alone, beside, tails, rates] = [[], [], [], []] as [number[], number[], number[], number[]]
    for (let round = 0; round < size.rounds; round++) {
      const load = await loadOf(pulls, path, { connections: 16, seconds: size.seconds })
      const quiet = await putCountedLoad(pulls, load)
      const images = Array.from({ length: IMAGES }, (_, n) => smallImage(`under ${round}`, n))
      const { result, perSecond } = await whilePushing(pushes, `acme/under-${round}`, images, () =>
        putCountedLoad(pulls, load),
      )
      alone.push(quiet.requestsPerSecond)
      beside.push(result.requestsPerSecond)
      tails.push(result.p99Ms / quiet.p99Ms)
      rates.push(perSecond)
      size.say(`  ${pulls.name}: ${short(result.requestsPerSecond)} of ${short(quiet.requestsPerSecond)} requests/s`)
    }
    ratios.set(pulls.name, medianRatio(beside, alone))
    rows.push([pulls.name, ratioText(beside, alone), `${short(median(tails))}×`, short(median(rates))])
  }
  const head = [`Index by tag while ${PUSHERS} clients push`, '÷ alone', 'p99 ÷ alone', 'images/s pushed']
  return { text: table(head, rows), ratio: ratios.get('Kagami') }
}

async function whilePushing<T>(peer: Peer, repository: string, images: readonly SmallImage[], work: () => Promise<T>) {
  const push = imagePusher(peer, repository)
  const next = images.values()
  let [isOver, pushed] = [false, 0]
  const begun = performance.now()
  const lanes = eachLimited(Array(PUSHERS).keys(), PUSHERS, async () => {
    while (!isOver) {
      await push(next.next().value ?? noMore())
      pushed++
    }
  })
  try {
    return { result: await work(), perSecond: (1000 * pushed) / (performance.now() - begun) }
  } finally {
    isOver = true
    await lanes
  }
}

/** Pulls of one path alone, then beside 64 readers of a large blob that take about 64 KiB a second, and what memory these cost. */
export async function measureSlowReaders(
  peers: readonly Peer[],
  paths: { fast: string; slow: string },
  size: ContentionSize,
) {
  const rows: string[][] = []
  for (const peer of peers) {
    const load = await loadOf(peer, paths.fast, { connections: 16, seconds: size.seconds })
    const alone = await putCountedLoad(peer, load)
    const before = memoryMiB(peer.group)
    const { url, headers } = await loadOf(peer, paths.slow, { connections: 1, seconds: 0 })
    const readers = await Promise.all(Array.from({ length: SLOW_READERS }, () => readSlowly(new URL(url), headers)))
    const beside = await putCountedLoad(peer, load)
    const after = memoryMiB(peer.group)
    const cut = readers.filter((socket) => socket.destroyed).length
    if (cut > 0) throw new Error(`${peer.name}: cut ${cut} of ${SLOW_READERS} slow readers`)
    for (const socket of readers) socket.destroy()
    size.say(`  ${peer.name}: ${short(beside.requestsPerSecond)} of ${short(alone.requestsPerSecond)} requests/s`)
    rows.push([
      peer.name,
      ratioText([beside.requestsPerSecond], [alone.requestsPerSecond]),
      ratioText([beside.p99Ms], [alone.p99Ms]),
      `${short(before)} → ${short(after)}`,
    ])
  }
  return table([`Blob of 1 MiB beside ${SLOW_READERS} slow readers of 100 MiB`, '÷ alone', 'p99 ÷ alone', 'MiB'], rows)
}

/** Takes what has come, then nothing for a second. Resolves with the first bytes of the answer. */
function readSlowly({ hostname, port, pathname }: URL, headers: Readonly<Record<string, string>>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', reject)
    socket.once('data', (bytes) => {
      const status = bytes.toString('latin1', 0, 12)
      if (status === 'HTTP/1.1 200') resolve(socket)
      else reject(new Error(`GET ${pathname}: ${status}`))
    })
    socket.on('data', () => {
      socket.pause()
      setTimeout(() => socket.resume(), SLOW_PAUSE_MS).unref()
    })
    const lines = Object.entries({ host: hostname, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`)
  })
}
