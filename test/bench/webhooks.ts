// 10,000 tag moves to a healthy receiver, one that is not there, and one that takes its time: how many attempts a second; then moves at a
// steady rate: how long after its move the healthy one hears of it. Real server, real connections.
import { join } from 'node:path'
import { moveTags } from '../../src/db/content/tags.ts'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { appendEvents } from '../../src/db/platform/events.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { signIn } from '../e2e/operator.ts'
import { startKagami } from '../support/kagami.ts'
import { freePort } from '../support/process.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { groupPeakMiB } from './peak-memory.ts'
import { forgetPeak } from './process-usage.ts'

export interface WebhookBenchOptions {
  readonly moves: number
  readonly ratePerSecond: number
  readonly seconds: number
  readonly slowMs: number
  /** A PostgreSQL database; undefined: SQLite. */
  readonly database?: string | undefined
  readonly say: (line: string) => void
}

const REPOSITORIES = 4
/** Tags of one transaction: about those that one image has, in each repository. */
const BATCH = 28
const TICK_MS = 50

export async function measureWebhooks(o: WebhookBenchOptions): Promise<string> {
  const env = {
    KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8',
    KAGAMI_LOG: 'error',
    ...(o.database === undefined ? {} : { KAGAMI_DATABASE: o.database }),
  }
  const kagami = await startKagami({ env })
  const healthy = await startReceiver()
  const slow = await startReceiver((_, response) => void setTimeout(() => response.end(), o.slowMs))
  const db = await openDatabase(o.database ?? join(kagami.dataDirectory, 'kagami.sqlite'))
  try {
    const token = (await (await signIn(kagami)).createToken('admin')).password
    const cli = async (...args: string[]) => {
      const ended = await kagami.cli(args, { token })
      if (ended.exitCode !== 0) throw new Error(`kagami ${args.join(' ')}: ${ended.stderr}`)
    }
    for (let i = 0; i < REPOSITORIES; i++) await cli('repository', 'create', `acme/bench${i}`)
    const receivers = { healthy: healthy.url, dead: `http://127.0.0.1:${await freePort()}`, slow: slow.url }
    for (const [name, url] of Object.entries(receivers))
      await cli('webhook', 'create', 'acme', url, '--name', name, '--plain-http')
    const repositories = await db.read.selectFrom('repositories').selectAll().orderBy('name').execute()

    forgetPeak(kagami.pid)
    const before = groupPeakMiB(kagami.pid)
    o.say(`${o.moves} moves at once`)
    const begun = performance.now()
    for (let from = 0; from < o.moves; from += BATCH)
      await move(db, repositories, from, Math.min(BATCH, o.moves - from))
    const moved = performance.now()
    await healthy.until((all) => all.length >= o.moves)
    const healthyMs = performance.now() - begun
    while ((await failures(kagami.url, token)) < o.moves) await Bun.sleep(TICK_MS)
    const allMs = performance.now() - begun
    const attempts = healthy.received.length + (await failures(kagami.url, token)) + slow.received.length
    const burst = { healthyMs, allMs, perSecond: (attempts / allMs) * 1000, movedMs: moved - begun }
    const afterBurst = groupPeakMiB(kagami.pid)
    const doubled = healthy.received.length - new Set(healthy.received.map(({ json }) => json.kagami.eventId)).size

    o.say(`${o.ratePerSecond} moves a second for ${o.seconds} s`)
    forgetPeak(kagami.pid)
    const first = healthy.received.length
    const steady = o.ratePerSecond * o.seconds
    await offer(db, repositories, o)
    await healthy.until((all) => all.length >= first + steady)
    const delays = delaysOf(healthy, first)
    const at = (part: number) =>
      `${Math.round(delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? 0)} ms`
    const lost = o.moves + steady - new Set(healthy.received.map(({ json }) => json.kagami.seq)).size
    return [
      `### Webhooks (${o.database === undefined ? 'SQLite' : 'PostgreSQL'})`,
      '',
      '| | |',
      '|---|---|',
      `| ${o.moves} moves to three receivers: written in | ${Math.round(burst.movedMs)} ms |`,
      `| the healthy one has all of them after | ${Math.round(burst.healthyMs)} ms |`,
      `| each was tried at the healthy and the dead one after | ${Math.round(burst.allMs)} ms |`,
      `| attempts a second until then | ${Math.round(burst.perSecond)} |`,
      `| at ${o.ratePerSecond} moves a second, p50 / p99 / most, from move to receipt | ${at(0.5)} / ${at(0.99)} / ${at(1)} |`,
      `| lost / doubled at the healthy one | ${lost} / ${doubled} |`,
      `| memory before / peak of the burst / peak of the steady rate | ${[before, afterBurst, groupPeakMiB(kagami.pid)].map(Math.round).join(' / ')} MiB |`,
    ].join('\n')
  } finally {
    await db.close()
    await kagami.stop()
    healthy.stop()
    slow.stop()
  }
}

/** Tags moved as a push or a mirror moves them: rows, history and events in one transaction. */
async function move(db: Database, repositories: readonly RepositoryRow[], from: number, count: number): Promise<void> {
  await db.write(async (tx) => {
    const events = []
    for (const [index, repository] of repositories.entries()) {
      const moves = new Map<Tag, Digest | undefined>()
      for (let i = from; i < from + count; i++) {
        if (i % repositories.length === index)
          moves.set(`t${i}` as Tag, `sha256:${i.toString(16).padStart(64, '0')}` as Digest)
      }
      const { id: repositoryId, name: repositoryName, organization_id: organizationId } = repository
      const at = new Date().toISOString()
      const change = { repositoryId, repositoryName, organizationId, actor: 'user:owner', at, reason: 'pushed' }
      events.push(...(await moveTags(tx, change, moves)))
    }
    await appendEvents(tx, events)
  })
}

async function offer(db: Database, repositories: readonly RepositoryRow[], o: WebhookBenchOptions): Promise<void> {
  const begun = performance.now()
  const all = o.ratePerSecond * o.seconds
  for (let done = 0; done < all; ) {
    const due = Math.min(all, Math.floor(((performance.now() - begun) / 1000) * o.ratePerSecond))
    if (due > done) await move(db, repositories, 1_000_000 + done, due - done)
    done = Math.max(done, due)
    await Bun.sleep(TICK_MS)
  }
}

/** Milliseconds from event to receipt, ascending. */
function delaysOf({ received }: Receiver, from: number): number[] {
  return received
    .slice(from)
    .map(({ at, body }) => at - Date.parse((JSON.parse(body) as { kagami: { at: string } }).kagami.at))
    .sort((a, b) => a - b)
}

/** Attempts that failed so far, at any receiver. */
async function failures(url: string, token: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  const text = await answer.text()
  return [...text.matchAll(/^kagami_webhook_failures_total\{.*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
}
