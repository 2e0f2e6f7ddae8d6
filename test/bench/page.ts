// The web page on a slow machine: how soon the largest thing is painted with the processor slowed down, what is sent until then, how
// 10,000 tags scroll, and how soon the lists behind the pages are answered at 1,000 mirrors.
import { join } from 'node:path'
import type { CDPSession, Page } from 'playwright-core'
import { moveTags } from '../../src/db/content/tags.ts'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { signIn } from '../e2e/operator.ts'
import { startKagami } from '../support/kagami.ts'
import { openBrowserPage } from '../support/page-browser.ts'

export interface PageBenchOptions {
  readonly mirrors: number
  readonly tags: number
  readonly rounds: number
  /** The processor is so many times slower than it is. */
  readonly slowDown: number
  readonly say: (line: string) => void
}

const SAMPLE = 'acme/dhi-python'
const PAGES = {
  'sign-in': '/',
  home: '/o/acme',
  catalog: '/o/acme/catalog',
  mirrors: '/o/acme/mirrors',
  repositories: '/o/acme/repositories',
  tags: '/o/acme/repository/dhi-python?tab=tags',
} as const
const LISTS = ['/mirrors?organization=acme&limit=1000', '/repositories?organization=acme&limit=1000'] as const
const CHUNK = 250

export async function measurePage(o: PageBenchOptions): Promise<string> {
  const kagami = await startKagami({ args: ['--sample'], env: { KAGAMI_LOG: 'error' } })
  const db = await openDatabase(join(kagami.dataDirectory, 'kagami.sqlite'))
  try {
    o.say(`${o.mirrors} mirrors, ${o.tags} tags`)
    await addMirrors(db, o.mirrors)
    await addTags(db, o.tags)
    const token = (await (await signIn(kagami)).createToken('admin')).password
    const lists: string[] = []
    for (const path of LISTS) {
      const times: number[] = []
      let size = 0
      for (let round = 0; round < o.rounds * 4; round++) {
        const begun = performance.now()
        const answer = await fetch(`${kagami.url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
        size = (await answer.arrayBuffer()).byteLength
        if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
        times.push(performance.now() - begun)
      }
      lists.push(`| \`GET ${path}\` | ${ms(median(times))} | ${ms(Math.max(...times))} | ${kib(size)} |`)
    }
    const paints: string[] = []
    for (const [name, path] of Object.entries(PAGES)) {
      o.say(name)
      const seen: Loaded[] = []
      for (let round = 0; round < o.rounds; round++)
        seen.push(await load(kagami.url, path, name === 'sign-in' ? undefined : kagami.owner, o.slowDown))
      const largest = median(seen.map(({ largestMs }) => largestMs))
      paints.push(`| ${name} | ${ms(largest)} | ${kib(median(seen.map(({ bytes }) => bytes)))} |`)
    }
    o.say('scrolling')
    const scrolled = await scroll(kagami.url, kagami.owner)
    return [
      `### The page (${o.mirrors} mirrors, ${o.tags} tags, processor ${o.slowDown} times slower)`,
      '',
      '| page, nothing kept by the browser | largest contentful paint, median | sent, compressed |',
      '|---|---|---|',
      ...paints,
      '',
      `Scrolling through ${o.tags} tags, at full speed of the processor: ${scrolled}.`,
      '',
      '| list | median | most | size |',
      '|---|---|---|---|',
      ...lists,
    ].join('\n')
  } finally {
    await db.close()
    await kagami.stop()
  }
}

/** Copies of the sample's mirror. */
async function addMirrors(db: Database, count: number): Promise<void> {
  const repository = await db.read
    .selectFrom('repositories')
    .selectAll()
    .where('name', '=', SAMPLE)
    .executeTakeFirstOrThrow()
  const mirror = await db.read
    .selectFrom('mirrors')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .executeTakeFirstOrThrow()
  const later = new Date(Date.now() + 86_400_000).toISOString()
  for (let from = 0; from < count; from += CHUNK) {
    const ids = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => ({
      id: crypto.randomUUID(),
      number: from + i,
    }))
    await db.write(async (tx) => {
      const repositories = ids.map(({ id, number }) => ({
        ...repository,
        id,
        name: `acme/dhi-bench-${number}` as const,
      }))
      await tx.insertInto('repositories').values(repositories).execute()
      const mirrors = ids.map(({ id, number }) => ({
        ...mirror,
        id,
        repository_id: id,
        source_repository: `bench-${number}`,
        next_run_at: later,
      }))
      await tx.insertInto('mirrors').values(mirrors).execute()
    })
  }
}

async function addTags(db: Database, count: number): Promise<void> {
  const repository = await db.read
    .selectFrom('repositories')
    .selectAll()
    .where('name', '=', SAMPLE)
    .executeTakeFirstOrThrow()
  const [tag] = await db.read.selectFrom('tags').selectAll().where('repository_id', '=', repository.id).execute()
  const digest = tag?.digest as Digest
  const { id: repositoryId, name: repositoryName, organization_id: organizationId } = repository
  for (let from = 0; from < count; from += CHUNK) {
    const moves = new Map<Tag, Digest>()
    for (let i = from; i < Math.min(count, from + CHUNK); i++) moves.set(`b${i}` as Tag, digest)
    const at = new Date().toISOString()
    const change = { repositoryId, repositoryName, organizationId, actor: 'user:owner', at, reason: 'pushed' } as const
    await db.write((tx) => moveTags(tx, change, moves))
  }
}

interface Loaded {
  readonly largestMs: number
  readonly bytes: number
}

type Login = { readonly username: string; readonly password: string }

async function load(url: string, path: string, login: Login | undefined, slowDown: number): Promise<Loaded> {
  const { page, close } = await openBrowserPage()
  try {
    if (login !== undefined) await enter(page, url, login)
    const session: CDPSession = await page.context().newCDPSession(page)
    await session.send('Emulation.setCPUThrottlingRate', { rate: slowDown })
    await session.send('Network.enable')
    let bytes = 0
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength
    })
    await page.addInitScript(() => {
      const kept = globalThis as unknown as { largest: number }
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) kept.largest = entry.startTime
      }).observe({ type: 'largest-contentful-paint', buffered: true })
    })
    await page.goto(`${url}${path}`, { waitUntil: 'networkidle' })
    // What was painted is told a little later.
    await page.waitForFunction(() => (globalThis as unknown as { largest?: number }).largest !== undefined)
    await page.waitForTimeout(300)
    const largestMs = await page.evaluate(() => (globalThis as unknown as { largest: number }).largest)
    return { largestMs, bytes }
  } finally {
    await close()
  }
}

async function enter(page: Page, url: string, { username, password }: Login): Promise<void> {
  const answer = await page.request.post(`${url}/api/v1/user/sessions/browser`, {
    data: { username, password },
    headers: { origin: url },
  })
  if (!answer.ok()) throw new Error(`nobody is signed in: ${answer.status()}`)
}

/** Frames while the wheel turns without a rest. */
async function scroll(url: string, login: Login): Promise<string> {
  const { page, close } = await openBrowserPage()
  try {
    await enter(page, url, login)
    await page.goto(`${url}${PAGES.tags}`, { waitUntil: 'networkidle' })
    await page.locator('tbody tr').nth(5).waitFor()
    const frames = await page.evaluate(async () => {
      const times: number[] = []
      const height = document.documentElement.scrollHeight
      const begun = performance.now()
      let last = begun
      while (performance.now() - begun < 5000) {
        window.scrollTo(0, (((performance.now() - begun) / 5000) * height) % height)
        await new Promise(requestAnimationFrame)
        const now = performance.now()
        times.push(now - last)
        last = now
      }
      return times
    })
    const slow = frames.filter((time) => time > 50).length
    return `${frames.length} frames in 5 s, median ${ms(median(frames))}, ${slow} of more than 50 ms, longest ${ms(Math.max(...frames))}`
  } finally {
    await close()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
const kib = (value: number) => `${Math.round(value / 1024)} KiB`
