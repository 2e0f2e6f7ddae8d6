// Kagami mirrors a whole generated catalog: what each pass costs it and its upstream, what is there at the end, what lists take.
import { join } from 'node:path'
import { runCommand } from '../support/command.ts'
import { compareMirror } from '../support/compare.ts'
import { answersHttp, freePort, startDaemon } from '../support/process.ts'
import { type Catalog, type CatalogShape, everyHundredth, makeCatalog } from './catalog-content.ts'
import {
  ageLists,
  type CatalogKagami,
  databaseMiB,
  fileOf,
  firstPass,
  setAll,
  startCatalogKagami,
  storedCounts,
  syncAll,
} from './catalog-kagami.ts'
import { listTable, measureLists } from './catalog-lists.ts'
import type { PlanningCost, PlanningState } from './catalog-planning.ts'
import { kindTable, type PassResult, passTable, targetTable, totalOf } from './catalog-report.ts'
import type { UpstreamChange, UpstreamCounts } from './catalog-upstream.ts'
import type { CopierKind } from './copiers.ts'
import { groupPeakMiB } from './peak-memory.ts'
import { forgetPeak, usageOf } from './process-usage.ts'
import { short } from './ratios.ts'

export interface CatalogOptions {
  readonly title: string
  readonly shape: CatalogShape
  /** Part of the whole catalog, to which targets by number are scaled; undefined: another shape, which has none. */
  readonly scale: number | undefined
  /** A program whose first pass is measured too. */
  readonly other?: CopierKind | undefined
  readonly delayMs: number
  /** Repositories that are compared digest by digest, with all their blobs. */
  readonly sample: number
  readonly withinMs: number
  /** Kagami; undefined: that of the clone. */
  readonly program: string | undefined
  readonly say: (line: string) => void
}

async function startUpstream(shape: CatalogShape, delayMs: number) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const daemon = await startDaemon({
    command: process.execPath,
    args: [join(import.meta.dir, 'catalog-upstream.ts'), String(port), JSON.stringify(shape), String(delayMs)],
    ready: () => answersHttp(`${url}/v2/`),
  })
  return {
    url,
    pid: daemon.pid,
    /** @returns what was counted until now */
    async change(what: UpstreamChange): Promise<UpstreamCounts> {
      const response = await fetch(`${url}/bench/${what}`, { method: 'POST' })
      return ((await response.json()) as { counts: UpstreamCounts }).counts
    },
    stop: () => daemon.stop(),
  }
}

/** All passes of one shape at one delay, as Markdown. */
export async function measureCatalog(o: CatalogOptions): Promise<string> {
  const { shape, say } = o
  const catalog = makeCatalog(shape)
  const upstream = await startUpstream(shape, o.delayMs)
  let present: CatalogKagami = await startCatalogKagami(o.program)
  const passes: PassResult[] = []
  const pass = async (name: string, work: () => Promise<void>) => {
    const { kagami } = present
    forgetPeak(kagami.pid)
    await upstream.change('reset')
    const [size, before, begun] = [databaseMiB(kagami), usageOf(kagami.pid), performance.now()]
    await work()
    const seconds = (performance.now() - begun) / 1000
    const after = usageOf(kagami.pid)
    passes.push({
      name,
      seconds,
      counts: await upstream.change('reset'),
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      peakMiB: groupPeakMiB(kagami.pid),
      writtenMiB: after.writtenMiB - before.writtenMiB,
      databaseMiB: [size, databaseMiB(kagami)],
    })
    say(`  ${o.title}, ${name}: ${short(seconds)} s, ${totalOf(passes.at(-1)?.counts)} requests`)
  }
  const sync = () => syncAll(present, catalog.repositories, o.withinMs)
  try {
    await pass('first', () => firstPass(present, upstream.url, { repositories: shape.repositories, ...o }))
    await setAll(present, { recheck: '0' })
    await pass('no news, `--recheck 0`', sync)
    await upstream.change('move')
    await pass('1 % moved', sync)
    await upstream.change('attest')
    await pass('attestations added', sync)
    const lists = await measureLists(present, catalog)
    say('  comparing')
    const found = await completeness(present, o)
    await setAll(present, { recheck: null, schedule: null })
    await present.kagami.stop()
    ageLists(present.kagami)
    const planning = await measurePlanning(present, shape)
    present = await startCatalogKagami(o.program, present.kagami)
    await pass('no news, defaults, days later', sync)
    const other = o.other === undefined ? undefined : await firstOf(o.other, upstream.url, catalog)
    const upstreamMiB = groupPeakMiB(upstream.pid)
    const { repositories, images, tags, attestations } = shape
    return [
      `### ${o.title}, ${o.delayMs} ms a request`,
      `${repositories} repositories, ${images.toLocaleString('en')} images, ${tags.toLocaleString('en')} tags, two platforms, ${attestations} attestations each, a signature each. The upstream's process took ${short(upstreamMiB)} MiB. At the end: ${found}.`,
      targetTable(passes, { shape, scale: o.scale, lists, planning, firstOf: other }),
      passTable(passes, shape),
      'Requests by kind:',
      kindTable(passes),
      listTable(lists),
    ].join('\n\n')
  } finally {
    await present.kagami.stop()
    await upstream.stop()
  }
}

/** Beside the server, which has stopped. */
async function measurePlanning({ kagami }: CatalogKagami, shape: CatalogShape): Promise<PlanningCost> {
  const state: PlanningState = { moved: everyHundredth(shape.images, 7), attested: everyHundredth(shape.images, 57) }
  const program = join(import.meta.dir, 'catalog-planning.ts')
  const args = [fileOf(kagami), JSON.stringify(shape), JSON.stringify(state)]
  const { stdout, stderr, exitCode } = await runCommand([process.execPath, program, ...args])
  if (exitCode !== 0) throw new Error(`planning: exit status ${exitCode}: ${stderr}`)
  const cost = JSON.parse(stdout) as PlanningCost
  if (cost.changed > 0) throw new Error(`${cost.changed} tags have news where there are none`)
  return cost
}

/** How long another program takes for its first pass. */
async function firstOf(kind: CopierKind, upstreamUrl: string, catalog: Catalog) {
  const tags = new Set(catalog.repositories.flatMap((_, n) => [...catalog.tagsOf(n).keys()]))
  const copier = await kind.start(upstreamUrl, catalog.repositories, [...tags])
  try {
    const begun = performance.now()
    await copier.pass()
    return { name: kind.name, seconds: (performance.now() - begun) / 1000 }
  } finally {
    await copier.stop()
  }
}

/** All tags, manifests and blobs by number, and some repositories digest by digest at all levels. */
async function completeness({ kagami, api }: CatalogKagami, o: CatalogOptions): Promise<string> {
  const { shape } = o
  const catalog = makeCatalog(shape)
  const state = { moved: new Set(everyHundredth(shape.images, 7)), attested: new Set(everyHundredth(shape.images, 57)) }
  const stored = storedCounts(kagami)
  const wanted = wantedManifests(shape, state.moved.size, state.attested.size)
  const problems: string[] = []
  if (stored.tags !== shape.tags) problems.push(`${stored.tags} tags, want ${shape.tags}`)
  if (stored.manifests !== wanted) problems.push(`${stored.manifests} manifests, want ${wanted}`)
  // Those that have changed, and the others evenly.
  const changed = catalog.repositories.flatMap((_, n) =>
    catalog.imagesOf(n).some((image) => state.moved.has(image) || state.attested.has(image)) ? [n] : [],
  )
  const step = Math.max(1, Math.floor(shape.repositories / o.sample))
  const even = catalog.repositories.map((_, n) => n).filter((n) => n % step === 0)
  const sample = [...new Set([...changed.slice(0, Math.ceil(o.sample / 2)), ...even])].slice(0, o.sample)
  for (const number of sample) {
    const repository = catalog.repositories[number] ?? ''
    const target = { url: kagami.url, repository: `acme/${repository}`, credentials: api.credentials }
    const differences = await compareMirror(catalog.layoutOf(number, state), target)
    if (differences.length > 0) problems.push(`${repository}: ${differences.length}, ${JSON.stringify(differences[0])}`)
  }
  const looked = `${stored.tags.toLocaleString('en')} tags, ${stored.manifests.toLocaleString('en')} manifests, ${stored.blobs.toLocaleString('en')} blobs, ${sample.length} repositories compared digest by digest at both levels of referrers`
  return problems.length === 0 ? `complete (${looked})` : `**incomplete**: ${problems.join('; ')} (${looked})`
}

/** Indexes, platforms, attestations with their signatures; what was moved from is kept. */
function wantedManifests({ images, attestations }: CatalogShape, moved: number, attested: number): number {
  return (images + moved) * (1 + 2 * (1 + 2 * attestations)) + attested * 2 * 2
}
