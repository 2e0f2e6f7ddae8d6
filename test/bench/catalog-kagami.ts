// Kagami with a subscription to the generated catalog: passes of all its mirrors at once, and their data looked at from outside.
import { Database } from 'bun:sqlite'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { eachLimited } from '../support/limit.ts'
import { type ApiClient, openApi } from './api-client.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const EVERY_MS = 15 * 60 * 1000

export interface CatalogKagami {
  readonly kagami: Kagami
  readonly api: ApiClient
}

/** @param before one that has stopped, to go on with its data at its address */
export async function startCatalogKagami(program: string | undefined, before?: Kagami): Promise<CatalogKagami> {
  const kept = before === undefined ? {} : { dataDirectory: before.dataDirectory, port: before.port }
  const kagami = await startKagami({ ...kept, ...(program === undefined ? {} : { binary: program }) })
  return { kagami, api: await openApi(kagami) }
}

export const fileOf = (kagami: Kagami) => join(kagami.dataDirectory, 'kagami.sqlite')

/** With its log, which is part of what the disk has to bear. */
export function databaseMiB({ dataDirectory }: Kagami): number {
  const files = readdirSync(dataDirectory).filter((name) => name.startsWith('kagami.sqlite'))
  return files.reduce((bytes, name) => bytes + statSync(join(dataDirectory, name)).size, 0) / 1024 / 1024
}

/** Asks its database beside it, so that waiting costs the process under measurement nothing. */
function look<T>(kagami: Kagami, query: string): T[] {
  const database = new Database(fileOf(kagami), { readonly: true })
  try {
    return database.query(query).all() as T[]
  } finally {
    database.close()
  }
}

/** Waits until a query says so. @throws Error after `withinMs`, or when the server is gone */
async function until(kagami: Kagami, query: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  while (look<{ done: number }>(kagami, query)[0]?.done !== 1) {
    if (!kagami.running()) throw new Error(`Kagami has ended: ${kagami.stderr().slice(-2000)}`)
    if (performance.now() > deadline) throw new Error(`not done in ${withinMs / 1000} s: ${query}`)
    await Bun.sleep(50)
  }
}

interface RunRow {
  readonly outcome: string
  readonly failures: string
}

/** @throws Error unless all runs since `since` went well */
function expectDone(kagami: Kagami, since: string): void {
  const runs = look<RunRow>(kagami, `SELECT outcome, failures FROM sync_runs WHERE started_at >= '${since}'`)
  const bad = runs.filter(({ outcome }) => outcome !== 'done')
  if (bad.length > 0) throw new Error(`${bad.length} of ${runs.length} runs went wrong: ${JSON.stringify(bad[0])}`)
}

/** Subscribes to all of the upstream, and waits for the first run of each of its `repositories`. */
export async function firstPass(
  { kagami, api }: CatalogKagami,
  upstreamUrl: string,
  o: { readonly repositories: number; readonly withinMs: number },
): Promise<void> {
  const since = new Date().toISOString()
  await api.call('POST', '/upstreams', { name: 'origin', url: upstreamUrl, organization: 'acme', plainHttp: true })
  // Nothing comes in between the passes that are asked for.
  const settings = { schedule: { every: '30d' } }
  await api.call('POST', '/subscriptions', { organization: 'acme', upstream: 'origin', settings })
  const ended = `SELECT count(DISTINCT mirror_id) = ${o.repositories} AS done FROM sync_runs WHERE outcome <> 'running'`
  await until(kagami, ended, o.withinMs)
  await until(kagami, `SELECT count(*) = 0 AS done FROM sync_runs WHERE outcome = 'running'`, o.withinMs)
  expectDone(kagami, since)
}

/** One run of every mirror, as if their owner had asked for it. */
export async function syncAll({ kagami, api }: CatalogKagami, repositories: readonly string[], withinMs: number) {
  const since = new Date().toISOString()
  await eachLimited(repositories, 4, async (one) => void (await api.call('POST', `/mirrors/acme/${one}/sync`, {})))
  await until(kagami, `SELECT count(*) = 0 AS done FROM sync_runs WHERE outcome = 'running'`, withinMs)
  expectDone(kagami, since)
}

/** Changes all mirrors by their subscription. */
export async function setAll({ kagami, api }: CatalogKagami, settings: object): Promise<void> {
  const { subscriptions } = await api.call<{ subscriptions: { id: string }[] }>('GET', '/subscriptions')
  await api.call('PATCH', `/subscriptions/acme/${subscriptions[0]?.id}`, { settings })
  await until(
    kagami,
    'SELECT count(*) = 0 AS done FROM subscriptions WHERE pending IS NOT NULL OR work_due = 1',
    120_000,
  )
}

/**
 * Makes the lists of referrers as old as passes every 15 minutes leave them days after the last change: those of images 15 to 60
 * minutes, a quarter each, those of attestations up to the day within which they are asked for again. The server is stopped.
 */
export function ageLists(kagami: Kagami): void {
  const database = new Database(fileOf(kagami))
  const now = Date.now()
  const isoAgo = (ms: number) => new Date(now - ms).toISOString()
  type Row = { readonly mirror_id: string; readonly subject_digest: string; readonly attached: number }
  const rows = database
    .query(
      `SELECT s.mirror_id, s.subject_digest, m.subject_digest IS NOT NULL AS attached
        FROM mirror_subjects s JOIN manifests m ON m.digest = s.subject_digest ORDER BY s.mirror_id, s.subject_digest`,
    )
    .all() as Row[]
  const age = database.query(
    'UPDATE mirror_subjects SET listed_at = ?, changed_at = ? WHERE mirror_id = ? AND subject_digest = ?',
  )
  let image = 0
  database.transaction(() => {
    for (const { mirror_id, subject_digest, attached } of rows) {
      // The time within which an attestation's list is asked for again lies between half a day and a day, by its digest.
      const shareOf = (from: number) => Number.parseInt(subject_digest.slice(from, from + 8), 16) / 0x1_0000_0000
      const period = (DAY_MS / 2) * (1 + shareOf('sha256:'.length))
      const ageMs = attached === 1 ? shareOf(20) * (period + EVERY_MS) : EVERY_MS * (1 + (image++ % 4))
      age.run(isoAgo(ageMs), isoAgo(3 * DAY_MS), mirror_id, subject_digest)
    }
  })()
  database.close()
}

export interface StoredCounts {
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
}

/** What is served, over all repositories. */
export function storedCounts(kagami: Kagami): StoredCounts {
  const [row] = look<StoredCounts>(
    kagami,
    `SELECT (SELECT count(*) FROM tags) AS tags,
      (SELECT count(*) FROM repository_manifests WHERE published_at IS NOT NULL) AS manifests,
      (SELECT count(*) FROM repository_blobs WHERE published_at IS NOT NULL) AS blobs`,
  )
  if (row === undefined) throw new Error('want a row of counts')
  return row
}
