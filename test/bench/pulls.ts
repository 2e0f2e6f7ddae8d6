// Pulls: the same content from each program, one load after the other, in rounds. CPU is what the kernel counted of the program meanwhile.
import { type Load, type LoadResult, putLoad } from './load.ts'
import { BARE, BARE_ALL, type Peer } from './peers.ts'
import { memoryMiB, usageOf } from './process-usage.ts'
import type { Route } from './pull-content.ts'
import { median, ratioText, short, table } from './ratios.ts'
import { OCI_INDEX, OCI_MANIFEST } from './workload.ts'

export interface PullResult extends LoadResult {
  readonly cpuSeconds: number
}

/** Measurements of one route: round by round for each program. */
export type Measured = ReadonlyMap<string, readonly PullResult[]>

/** How one program is asked for one path of its repository. */
export async function loadOf(
  peer: Peer,
  path: string,
  shape: { readonly connections: number; readonly seconds: number },
): Promise<Load> {
  const authorization = await peer.authorization?.()
  const headers = { accept: `${OCI_INDEX}, ${OCI_MANIFEST}`, ...(authorization && { authorization }) }
  return { url: `${peer.url}/v2/${peer.repository}/${path}`, headers, ...shape }
}

/** A load, and the CPU that the program took for it. */
export async function putCountedLoad(peer: Peer, load: Load): Promise<PullResult> {
  const before = usageOf(peer.group).cpuSeconds
  const result = await putLoad(load)
  return { ...result, cpuSeconds: usageOf(peer.group).cpuSeconds - before }
}

export interface PullsSize {
  readonly rounds: number
  readonly seconds: number
  readonly say: (line: string) => void
}

/**
 * Every route, from every program that has it.
 * @param highest of each program, by name: the most memory (MiB) that was seen right after a load; written to
 */
export async function measureRoutes(
  peers: readonly Peer[],
  routes: readonly Route[],
  size: PullsSize,
  highest: Map<string, number>,
): Promise<Map<string, Measured>> {
  const all = new Map<string, Measured>()
  for (const { title, path, connections, longer = 1 } of routes) {
    size.say(title)
    const measured = new Map<string, PullResult[]>()
    for (let round = 0; round < size.rounds; round++) {
      for (const peer of peers) {
        const of = path(peer.name)
        if (of === undefined) continue
        const load = await loadOf(peer, of, { connections, seconds: size.seconds * longer })
        const result = await putCountedLoad(peer, load)
        measured.set(peer.name, [...(measured.get(peer.name) ?? []), result])
        highest.set(peer.name, Math.max(highest.get(peer.name) ?? 0, memoryMiB(peer.group)))
        const { requestsPerSecond, p99Ms } = result
        size.say(`  ${peer.name}: ${short(requestsPerSecond)} requests/s, p99 ${short(p99Ms)} ms`)
      }
    }
    all.set(title, measured)
  }
  return all
}

export const rates = (measured: Measured | undefined, name: string): number[] =>
  (measured?.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond)

const tails = (measured: Measured, name: string) => (measured.get(name) ?? []).map(({ p99Ms }) => p99Ms)

/** CPU milliseconds for each of `units` that `count` finds in a round. */
function cpu(measured: Measured, name: string, count: (result: PullResult) => number): number[] {
  return (measured.get(name) ?? []).map((result) => (1000 * result.cpuSeconds) / count(result))
}

/** Bytes sent for each second of CPU, round by round: what a core is worth, whether or not the load keeps it busy. */
export function worth(measured: Measured | undefined, name: string): number[] {
  return (measured?.get(name) ?? []).map(({ readBytes, cpuSeconds }) => readBytes / cpuSeconds)
}

/** @param single name of the Kagami with one worker: it is held against the bare server in one process */
export function pullTables(all: ReadonlyMap<string, Measured>, peers: readonly Peer[], single: string): string {
  const isOther = ({ name }: Peer) => !name.startsWith('Kagami') && !name.startsWith('bare')
  const others = peers.filter(isOther).map(({ name }) => name)
  const rows = [...all].map(([title, measured]) => {
    const [ours, tail] = [rates(measured, 'Kagami'), tails(measured, 'Kagami')]
    return [
      title,
      `${short(median(ours))} / ${short(median(tail))}`,
      ...others.flatMap((name) => [ratioText(ours, rates(measured, name)), ratioText(tail, tails(measured, name))]),
      ratioText(ours, rates(measured, BARE_ALL)),
      ratioText(rates(measured, single), rates(measured, BARE)),
      ratioText(worth(measured, single), worth(measured, BARE)),
    ]
  })
  const head = [
    'Pull',
    'Kagami: requests/s / p99 ms',
    ...others.flatMap((name) => [`÷ ${name}`, 'p99']),
    '÷ bare, all cores',
    '÷ bare, 1 process',
    'the same, a CPU second',
  ]
  const names = peers.map(({ name }) => name)
  const costs = [...all].flatMap(([title, measured]) => {
    const row = (text: string, count: (result: PullResult) => number) => [
      text,
      ...names.map((name) => {
        const values = cpu(measured, name, count)
        return values.length === 0 ? '–' : short(median(values))
      }),
    ]
    const perRequest = row(title, ({ requests }) => requests)
    const bytes = row(`${title}: a GiB`, ({ readBytes }) => readBytes / 1024 ** 3)
    // The answers that the end of a load cuts off are work too, and of large ones they are many.
    return title.includes('MiB') ? [bytes] : [perRequest]
  })
  return `${table(head, rows)}\n\n${table(['CPU ms a request', ...names], costs)}`
}
