// The default run: every part, or those that were chosen, and the goals by what they found.
import { oneShotCopiers } from './copiers.ts'
import { type Findings, goalTable } from './goals.ts'
import { measureMirroring } from './mirroring.ts'
import { measureReplicating } from './replicating.ts'
import { measureServing, SERVING_PARTS, type ServingPart } from './serving.ts'
import type { WorkloadSize } from './workload.ts'

export interface AllOptions {
  /** Names of parts; undefined: all of them. */
  readonly only: readonly string[] | undefined
  readonly rounds: number
  readonly seconds: number
  readonly pushMiB: number
  readonly smallBlobs: number
  readonly smallImages: number
  readonly delayMs: number
  readonly workload: WorkloadSize
  readonly say: (line: string) => void
}

const MIRRORING = 'mirroring'
const COPY = 'copy'
const REPLICATION = 'replication'

/** @throws Error for a part that is not there */
function partsOf(only: AllOptions['only']): ReadonlySet<string> {
  const all: readonly string[] = [...SERVING_PARTS, MIRRORING, COPY, REPLICATION]
  const chosen = new Set(only?.flatMap((name) => (name === 'serving' ? SERVING_PARTS : [name])) ?? all)
  for (const name of chosen) {
    if (!all.includes(name)) throw new Error(`--only: want serving or ${all.join(', ')}, got ${name}`)
  }
  return chosen
}

/** @returns Markdown */
export async function measureAll(o: AllOptions): Promise<string> {
  const chosen = partsOf(o.only)
  const parts = new Set<ServingPart>(SERVING_PARTS.filter((part) => chosen.has(part)))
  const { seconds, pushMiB, smallBlobs, smallImages, say } = o
  // Two rounds of what takes long.
  const pushRounds = Math.min(o.rounds, 2)
  const texts: string[] = []
  let findings: Findings = {}
  if (parts.size > 0) {
    const sizes = { rounds: o.rounds, seconds, pushMiB, smallBlobs, images: smallImages, pushRounds }
    const serving = await measureServing({ parts, ...sizes, say })
    texts.push('### Serving', serving.text)
    findings = serving.findings
  }
  const mirroring = { workload: o.workload, rounds: Math.min(o.rounds, 2), delayMs: o.delayMs, say }
  if (chosen.has(MIRRORING)) texts.push('### Mirroring', await measureMirroring(mirroring))
  if (chosen.has(COPY)) texts.push('### One-shot copies', await measureMirroring(mirroring, oneShotCopiers()))
  if (chosen.has(REPLICATION)) {
    texts.push(
      '### Replication',
      await measureReplicating({ tags: 200, targets: 4, layerBytes: 100_000, delayMs: o.delayMs, say }),
    )
  }
  if (parts.size > 0) texts.unshift('### Goals', goalTable(findings))
  return texts.join('\n\n')
}
