// Mirror passes: first, without news, and after an update, from docker-registry behind a proxy that counts.
import { cpSync } from 'node:fs'
import { compareMirror } from '../support/compare.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { isFallbackTag, type Layout } from '../support/fixtures.ts'
import { countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { type CopierKind, presentCopiers } from './copiers.ts'
import { median, ratioText, short, table } from './ratios.ts'
import { makeWorkload, type WorkloadSize } from './workload.ts'

export interface MirroringSize {
  readonly workload: WorkloadSize
  readonly rounds: number
  /** Added to each request to upstream. */
  readonly delayMs: number
  readonly say: (line: string) => void
}

const PASSES = ['first', 'no news', 'update'] as const
type Pass = (typeof PASSES)[number]

interface PassResult {
  readonly seconds: number
  readonly requests: number
  readonly readMiB: number
}

interface CopierResult {
  readonly passes: Record<Pass, PassResult[]>
  readonly peaks: number[]
  /** What the target lacks at the end of the last round. */
  missing: string
}

/** What a target lacks, by kind: `complete`, or `192 referrers`. */
async function missingAt(layouts: ReadonlyMap<string, Layout[]>, copier: Awaited<ReturnType<CopierKind['start']>>) {
  const lacking = new Map<string, number>()
  for (const [repository, generations] of layouts) {
    const differences = await compareMirror(generations, copier.target(repository), copier.compare)
    for (const { kind, of } of differences) {
      // Tags of digests are how a registry without the API keeps referrers; they are compared as such.
      if (kind === 'extra' && isFallbackTag(of.replace(/^tag /, ''))) continue
      const what = `${of.split(' ')[0]}s${kind === 'missing' ? '' : ` ${kind}`}`
      lacking.set(what, (lacking.get(what) ?? 0) + 1)
    }
  }
  return lacking.size === 0 ? 'complete' : `lacks ${[...lacking].map(([what, count]) => `${count} ${what}`).join(', ')}`
}

/** One program through all three passes, on an upstream of its own with the same content. */
async function measureCopier(
  kind: CopierKind,
  filled: string,
  generations: readonly Map<string, Layout>[],
  size: MirroringSize,
  result: CopierResult,
  isLast: boolean,
): Promise<void> {
  const [before, after] = generations
  if (before === undefined || after === undefined) throw new Error('want two generations')
  const upstream = await startDockerRegistry()
  // The registry keeps nothing in memory, so what is copied under it is what it serves.
  cpSync(filled, upstream.dataDirectory, { recursive: true })
  const proxy = await countingProxy(upstream.url, { delayMs: size.delayMs })
  const repositories = [...before.keys()]
  const tags = [...new Set([...before.values()].flatMap((layout) => [...layout.tags.keys()]))]
  const copier = await kind.start(proxy.url, repositories, tags)
  try {
    for (const pass of PASSES) {
      if (pass === 'update') {
        for (const [name, layout] of [...after].slice(0, 2)) await pushLayout(layout, upstream.url, name)
      }
      proxy.reset()
      const begun = performance.now()
      await copier.pass()
      const seconds = (performance.now() - begun) / 1000
      const read = proxy.requests.reduce((bytes, request) => bytes + request.bodyBytes, 0) / 1024 / 1024
      result.passes[pass].push({ seconds, requests: proxy.count(), readMiB: read })
      size.say(`  ${kind.name}, ${pass}: ${short(seconds)} s, ${proxy.count()} requests, ${short(read)} MiB`)
    }
    result.peaks.push(copier.peakMiB())
    if (!isLast) return
    const both = new Map(repositories.map((name) => [name, generations.flatMap((one) => one.get(name) ?? [])]))
    result.missing = await missingAt(both, copier)
    size.say(`  ${kind.name}: ${result.missing}`)
  } finally {
    await copier.stop()
    await proxy.stop()
    await upstream.stop()
  }
}

/**
 * Passes of each program in alternating rounds, as Markdown. Requests and bytes are those at the source.
 * @param kinds the first is the one that the others are compared with
 */
export async function measureMirroring(
  size: MirroringSize,
  kinds: readonly CopierKind[] = presentCopiers(),
): Promise<string> {
  const generations = [makeWorkload(size.workload, 1), makeWorkload(size.workload, 2)]
  const [first] = generations
  const filled = await startDockerRegistry()
  const results = new Map(
    kinds.map(({ name }): [string, CopierResult] => [
      name,
      { passes: { first: [], 'no news': [], update: [] }, peaks: [], missing: '' },
    ]),
  )
  try {
    size.say('filling the upstream')
    for (const [name, layout] of first ?? []) await pushLayout(layout, filled.url, name)
    for (let round = 1; round <= size.rounds; round++) {
      for (const kind of kinds) {
        const result = results.get(kind.name)
        if (result !== undefined) {
          await measureCopier(kind, filled.dataDirectory, generations, size, result, round === size.rounds)
        }
      }
    }
  } finally {
    await filled.stop()
  }
  return report(results, kinds[0]?.name ?? '')
}

function report(results: ReadonlyMap<string, CopierResult>, own: string): string {
  const ours = results.get(own)
  const head = [
    'Program',
    ...PASSES.flatMap((pass) => [`${pass}: Kagami's time ÷`, 'requests', 'MiB']),
    'peak MiB',
    'at the end',
  ]
  const rows = [...results].map(([name, { passes, peaks, missing }]) => [
    name,
    ...PASSES.flatMap((pass) => {
      const of = passes[pass]
      const ratio =
        name === own
          ? `${short(median(of.map(({ seconds }) => seconds)))} s`
          : ratioText(
              ours?.passes[pass].map(({ seconds }) => seconds) ?? [],
              of.map(({ seconds }) => seconds),
            )
      return [ratio, short(median(of.map(({ requests }) => requests))), short(median(of.map(({ readMiB }) => readMiB)))]
    }),
    short(median(peaks)),
    missing,
  ])
  return table(head, rows)
}
