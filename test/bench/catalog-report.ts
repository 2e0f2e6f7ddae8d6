// What the passes over a catalog were, as Markdown, and held against what is to be reached.
import type { CatalogShape } from './catalog-content.ts'
import { MOST_MS, type PageTime } from './catalog-lists.ts'
import type { PlanningCost } from './catalog-planning.ts'
import type { UpstreamCounts } from './catalog-upstream.ts'
import { short, table } from './ratios.ts'

export interface PassResult {
  readonly name: string
  readonly seconds: number
  readonly counts: UpstreamCounts
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly writtenMiB: number
  readonly databaseMiB: readonly [before: number, after: number]
}

export const totalOf = (counts: UpstreamCounts | undefined) =>
  Object.values(counts?.requests ?? {}).reduce((a, b) => a + b, 0)

export function passTable(passes: readonly PassResult[], { tags }: CatalogShape): string {
  const head = ['Pass', 'seconds', 'requests', 'a tag', 'content read ÷ new', 'lists MiB', 'CPU s', 'CPU ms a request']
  const rest = ['peak MiB', 'written MiB', 'database MiB before', 'after']
  const rows = passes.map(
    ({ name, seconds, counts, cpuSeconds, peakMiB, writtenMiB, databaseMiB: [before, after] }) => {
      const requests = totalOf(counts)
      const ratio =
        counts.newBytes === 0
          ? `${counts.contentBytes} B ÷ 0`
          : `${(counts.contentBytes / counts.newBytes).toFixed(3)}×`
      const cells = [seconds, requests, requests / tags].map(short)
      const cpu = [counts.listBytes / 1024 / 1024, cpuSeconds, (cpuSeconds * 1000) / Math.max(1, requests)].map(short)
      return [name, ...cells, ratio, ...cpu, ...[peakMiB, writtenMiB, before, after].map(short)]
    },
  )
  return table([...head, ...rest], rows)
}

const KINDS = ['catalog', 'tags', 'manifest-head', 'manifest-get', 'referrers', 'blob-get', 'ping'] as const

export function kindTable(passes: readonly PassResult[]): string {
  const rows = passes.map(({ name, counts }) => [
    name,
    ...KINDS.map((kind) => (counts.requests[kind] ?? 0).toLocaleString('en')),
    String(counts.refused),
  ])
  return table(['Pass', ...KINDS, 'answered 4xx'], rows)
}

interface Other {
  readonly name: string
  readonly seconds: number
}

/** Each target with what was measured. Numbers of the whole catalog are scaled with it. */
export function targetTable(
  passes: readonly PassResult[],
  o: {
    readonly shape: CatalogShape
    readonly scale: number | undefined
    readonly lists: readonly PageTime[]
    readonly planning: PlanningCost
    readonly firstOf: Other | undefined
  },
): string {
  const { shape, scale, lists, planning, firstOf: other } = o
  const of = (name: string) => passes.find((pass) => pass.name.startsWith(name))
  const [first, strict, relaxed] = [of('first'), of('no news, `--recheck 0`'), of('no news, defaults')]
  const rows: string[][] = []
  const most = (what: string, limit: number, got: number | undefined, show = short) => {
    if (got !== undefined) rows.push([what, `≤ ${show(limit)}`, show(got), got <= limit ? 'yes' : '**no**'])
  }
  const perTag = (pass: PassResult | undefined) => pass && totalOf(pass.counts) / shape.tags
  const exact = (value: number) => value.toFixed(3)
  const content = passes.reduce((sum, { counts }) => sum + counts.contentBytes, 0)
  const fresh = passes.reduce((sum, { counts }) => sum + counts.newBytes, 0)
  most('content read ÷ distinct content, all passes', 1, content / fresh, exact)
  most('no news with `--recheck 0`: requests a tag', 1.5, perTag(strict), exact)
  most('no news with the defaults, days later: requests a tag', 1.1, perTag(relaxed), exact)
  most('first pass: CPU ms a request', 0.365, first && (first.cpuSeconds * 1000) / totalOf(first.counts), exact)
  const noNews = passes.filter(({ name }) => name.startsWith('no news'))
  most('passes without news: peak memory, MiB', 300, Math.max(...noNews.map(({ peakMiB }) => peakMiB)))
  most('slowest page of a list, p50 ms', MOST_MS, Math.max(...lists.map(({ middleMs }) => middleMs)))
  if (scale !== undefined) {
    most('no news with `--recheck 0`: requests', 27_000 * scale, strict && totalOf(strict.counts))
    most('planning passes without news: CPU s', 2 * scale, planning.cpuSeconds)
    most('database, MiB', 1024 * scale, passes.at(-1)?.databaseMiB[1])
  }
  if (other !== undefined) most(`first pass, seconds: 0.3 × ${other.name}`, 0.3 * other.seconds, first?.seconds)
  return table(['Target', 'want', 'got', 'met'], rows)
}
