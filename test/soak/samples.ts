// What a server takes, looked at from outside while it works, and whether that stays level.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { membersOf, memoryMiB } from '../bench/process-usage.ts'

export interface Sample {
  /** Since the beginning. */
  readonly seconds: number
  /** Of the whole process group, what its processes share counted once. */
  readonly memoryMiB: number
  readonly descriptors: number
  /** With its log. */
  readonly databaseMiB: number
  readonly storeMiB: number
  /** Things done so far. */
  readonly done: number
}

const MIB = 1024 * 1024

export function takeSample(
  of: { readonly pid: number; readonly dataDirectory: string },
  begunAt: number,
  done: number,
): Sample {
  const database = ['kagami.sqlite', 'kagami.sqlite-wal'].map((name) => sizeOf(join(of.dataDirectory, name)))
  return {
    seconds: Math.round((performance.now() - begunAt) / 100) / 10,
    memoryMiB: memoryMiB(of.pid),
    descriptors: membersOf(of.pid).reduce((sum, pid) => sum + countNames(`/proc/${pid}/fd`), 0),
    databaseMiB: database.reduce((sum, one) => sum + one, 0) / MIB,
    storeMiB: sizeBelow(join(of.dataDirectory, 'blobs')) / MIB,
    done,
  }
}

type Measure = 'memoryMiB' | 'descriptors' | 'databaseMiB' | 'storeMiB'

/** By how much a measure rises from the middle to the end, by the straight line that fits the samples of the last half best. */
export function riseOf(samples: readonly Sample[], measure: Measure): number {
  const half = samples.slice(Math.floor(samples.length / 2))
  const mean = (of: (sample: Sample) => number) => half.reduce((sum, one) => sum + of(one), 0) / half.length
  const [time, value] = [mean(({ seconds }) => seconds), mean((one) => one[measure])]
  const spread = half.reduce((sum, { seconds }) => sum + (seconds - time) ** 2, 0)
  const slope =
    half.reduce((sum, one) => sum + (one.seconds - time) * (one[measure] - value), 0) / Math.max(spread, 1e-9)
  return slope * ((half.at(-1)?.seconds ?? 0) - (half[0]?.seconds ?? 0))
}

export interface Verdict {
  readonly what: string
  readonly rise: string
  readonly most: string
  readonly isFlat: boolean
}

/** What the log of a change may take: its events, its history and its audit entry are kept. */
const DATABASE_KIB_A_THING = 4

/** @param isCollected whether what nobody refers to is taken away meanwhile */
export function judge(samples: readonly Sample[], isCollected: boolean): Verdict[] {
  const half = samples.slice(Math.floor(samples.length / 2))
  const done = (half.at(-1)?.done ?? 0) - (half[0]?.done ?? 0)
  const mean = (measure: Measure) => half.reduce((sum, one) => sum + one[measure], 0) / half.length
  const verdict = (what: string, measure: Measure, most: number, unit: string): Verdict => {
    const rise = riseOf(samples, measure)
    return { what, rise: `${rise.toFixed(1)}${unit}`, most: `${most.toFixed(1)}${unit}`, isFlat: rise <= most }
  }
  return [
    verdict('memory', 'memoryMiB', Math.max(24, 0.1 * mean('memoryMiB')), ' MiB'),
    verdict('descriptors', 'descriptors', Math.max(16, 0.1 * mean('descriptors')), ''),
    verdict('database', 'databaseMiB', 4 + (done * DATABASE_KIB_A_THING) / 1024, ' MiB'),
    ...(isCollected ? [verdict('store', 'storeMiB', Math.max(16, 0.2 * mean('storeMiB')), ' MiB')] : []),
  ]
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function sizeBelow(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += sizeOf(join(entry.parentPath, entry.name))
  }
  return bytes
}

function countNames(path: string): number {
  try {
    return readdirSync(path).length
  } catch {
    return 0
  }
}
