// What a pass without news costs upstream and us, counted at a proxy before the upstream and in the database.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fallbackTagOf, fixtureLayout, type Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

const layoutNames = ['dhi-python/release-1', 'cosign-tags', 'cosign-bundle', 'oras-tree'] as const

/** Tables and columns that tell that a pass was made, and when: everything else is content. */
const bookkeeping: Readonly<Record<string, readonly string[] | 'whole'>> = {
  sync_runs: 'whole',
  // Garbage collection looks at what passes have left.
  collections: 'whole',
  superseded_manifests: 'whole',
  // Together they say what an organization has: changes are added up behind the passes. See `usage`.
  organization_usage: 'whole',
  organization_usage_changes: 'whole',
  leases: 'whole',
  mirror_counters: 'whole',
  // How far webhooks have read, and that somebody asked for the pass.
  event_cursors: 'whole',
  audit_entries: 'whole',
  // How many requests at once the registry was seen to bear.
  learned_budgets: 'whole',
  // What images hold is read behind the passes.
  images: 'whole',
  image_packages: 'whole',
  image_findings: 'whole',
  image_reads: 'whole',
  image_statements: 'whole',
  sqlite_sequence: 'whole',
  tokens: ['last_used_at'],
  mirrors: ['since', 'next_run_at', 'looked_at', 'look_due_at', 'succeeded_at'],
  mirror_tags: ['checked_at'],
}

const USAGE = `select organization_id, sum(bytes) as bytes from (
  select organization_id, linked_bytes as bytes from organization_usage
  union all select organization_id, bytes from organization_usage_changes) group by organization_id`

/** Every row of every table but the bookkeeping, what organizations use, and the names of all stored files. */
function contentOf(kagami: Kagami): Map<string, readonly string[]> {
  const database = new Database(join(kagami.dataDirectory, 'kagami.sqlite'), { readonly: true })
  try {
    const tables = database.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    const content = new Map<string, readonly string[]>()
    for (const { name } of tables) {
      const ignored = bookkeeping[name] ?? []
      if (ignored === 'whole') continue
      const rows = database.query<Record<string, unknown>, []>(`SELECT * FROM "${name}"`).all()
      const lines = rows.map((row) =>
        JSON.stringify(Object.entries(row).filter(([column]) => !ignored.includes(column))),
      )
      content.set(name, lines.sort())
    }
    const usage = database.query<Record<string, unknown>, []>(USAGE).all()
    content.set('usage', usage.map((row) => JSON.stringify(row)).sort())
    const files = readdirSync(join(kagami.dataDirectory, 'blobs'), { recursive: true })
    return content.set('files', files.map(String).sort())
  } finally {
    database.close()
  }
}

/** Distinct manifests that tags lead to, through indexes: what a referrers list is asked for at level 1. */
function imagesOf(layout: Layout, tags: Iterable<string>): string[] {
  const images = new Set<string>()
  const waiting = [...tags].map((tag) => layout.tags.get(tag))
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const manifest = layout.manifests.get(digest)
    if (manifest === undefined || images.has(digest)) continue
    images.add(digest)
    waiting.push(...manifest.children)
  }
  return [...images].sort()
}

const isDigestTag = (tag: string) => /^sha256-[0-9a-f]{64}/.test(tag)

describeWithFixtures('a pass without news', () => {
  let kagami: Kagami
  let operator: Operator
  beforeAll(async () => {
    kagami = await startKagami()
    operator = await signIn(kagami)
  })
  afterAll(() => kagami?.stop())

  /** Mirrors through the proxy, then once more: the second pass's requests are left in the proxy. */
  async function passTwice(proxy: CountingProxy, source: string, as: string): Promise<void> {
    expectDone(await operator.wait(['mirror', 'start', source, '--as', as]))
    const before = contentOf(kagami)
    proxy.reset()
    const { run } = await operator.wait(['mirror', 'sync', `acme/${as}`])
    expect([run.outcome, run.counts.tagsMoved, run.counts.blobs]).toEqual(['done', 0, 0])
    expect(run.counts.requests).toBe(proxy.count())
    const after = contentOf(kagami)
    expect(after.get('repository_manifests')?.length).toBeGreaterThan(0)
    expect(after.get('files')?.length).toBeGreaterThan(0)
    for (const [table, rows] of after) expect([table, rows]).toEqual([table, before.get(table) ?? []])
  }

  const referencesOf = (proxy: CountingProxy, kind: string) =>
    proxy.requests
      .filter((request) => request.kind === kind)
      .map(({ reference }) => reference)
      .sort()
  const othersOf = (proxy: CountingProxy, ...expected: string[]) =>
    proxy.requests.filter(({ kind }) => !expected.includes(kind)).map(({ method, path }) => `${method} ${path}`)

  describe('of a Kagami: one tag list, one HEAD a tag, one referrers list per distinct index and platform manifest', () => {
    let vendor: Kagami
    let proxy: CountingProxy
    beforeAll(async () => {
      vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
      proxy = await countingProxy(vendor.url)
      await addUpstream(operator, 'vendor', `${proxy.url}/vendor`, await (await signIn(vendor)).createToken())
    })
    afterAll(async () => {
      await proxy?.stop()
      await vendor?.stop()
    })

    for (const name of layoutNames) {
      test(name, async () => {
        const layout = fixtureLayout(name)
        const repository = name.replace('/', '-')
        await pushLayout(layout, vendor.url, `vendor/${repository}`, { credentials: vendor.owner })
        await passTwice(proxy, `vendor/${repository}`, `api-${repository}`)
        const tags = [...layout.tags.keys()]
        expect(proxy.count('tags')).toBe(1)
        expect(referencesOf(proxy, 'manifest-head')).toEqual(tags.sort())
        expect(referencesOf(proxy, 'referrers')).toEqual(
          imagesOf(
            layout,
            tags.filter((tag) => !isDigestTag(tag)),
          ),
        )
        expect(othersOf(proxy, 'tags', 'manifest-head', 'referrers', 'token')).toEqual([])
        expect(proxy.count('token')).toBeLessThanOrEqual(1)
      })
    }
  })

  describe('of docker-registry: one tag list, one HEAD a tag, one HEAD of each fallback tag that exists', () => {
    let registry: Awaited<ReturnType<typeof startDockerRegistry>>
    let proxy: CountingProxy
    const credentials = { username: 'reader', password: 'of the tests' }
    beforeAll(async () => {
      registry = await startDockerRegistry({ credentials })
      proxy = await countingProxy(registry.url)
      await addUpstream(operator, 'registry', proxy.url, credentials)
    })
    afterAll(async () => {
      await proxy?.stop()
      await registry?.stop()
    })

    for (const name of layoutNames) {
      test(name, async () => {
        const layout = fixtureLayout(name)
        const repository = name.replace('/', '-')
        await pushLayout(layout, registry.url, repository, { credentials })
        await passTwice(proxy, `registry/${repository}`, `fallback-${repository}`)
        const pushed = (await registryClient(registry.url, repository, { credentials }).listTags()) ?? []
        // Fallback tags are there for every subject that has referrers, at all levels, and for nothing else.
        const fallback = [...layout.referrers.keys()].map(fallbackTagOf)
        expect(pushed.sort()).toEqual([...layout.tags.keys(), ...fallback].sort())
        expect(proxy.count('tags')).toBe(1)
        expect(referencesOf(proxy, 'manifest-head')).toEqual(pushed)
        expect(othersOf(proxy, 'tags', 'manifest-head')).toEqual([])
      })
    }
  })
})
