/** One instance over SQLite and files, with a clock that actors move, and what must hold of it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BlobStore, Stage } from '../../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../../src/blobs/fs.ts'
import { foldUsage } from '../../../src/db/content/usage.ts'
import { type Database, openDatabase } from '../../../src/db/engine/engine.ts'
import { createMirror } from '../../../src/db/mirrors/mirrors.ts'
import { createUpstream } from '../../../src/db/mirrors/upstreams.ts'
import { createOrganization } from '../../../src/db/people/organizations.ts'
import { createRepository } from '../../../src/db/repositories/repositories.ts'
import type { OrganizationRow, RepositoryRow } from '../../../src/db/schema.ts'
import { isoTime } from '../../../src/lib/clock.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { startCollection } from '../../../src/registry/collection/collector.ts'
import { DEFAULT_KEEP } from '../../../src/registry/collection/waits.ts'
import { createUploads } from '../../../src/registry/uploads.ts'
import { forgetHistory } from '../../../src/server/housekeeping.ts'
import { upstreamRow } from '../../support/upstream-row.ts'
import { actorsOf } from './actors.ts'
import { findLeft, findLost } from './checks.ts'
import { createTurns, type Turns } from './turns.ts'

const HOUR_MS = 60 * 60 * 1000

export interface World {
  readonly db: Database
  readonly blobs: BlobStore
  readonly clock: { now(): Date }
  readonly turns: Turns
  readonly organization: OrganizationRow
  readonly mirrorId: string
  readonly upstreamId: string
  /** Pushed: a and b; mirrored: m. */
  readonly repositories: readonly RepositoryRow[]
  /** What clients pushed by digest, as `repository digest`, and nothing held or deleted since. */
  readonly byDigest: Set<string>
  /** How often something came to hold these, or deleted them. */
  readonly told: Map<string, number>
  /** How often people deleted a blob, as `repository digest`. */
  readonly deletions: Map<string, number>
  random(): number
  below(most: number): number
  pass(ms: number): void
  collect(holder: string): Promise<void>
}

export async function openWorld(path: string, seed: number) {
  mkdirSync(path, { recursive: true })
  const random = mulberry(seed)
  const turns = createTurns(random)
  let time = Date.now()
  const clock = { now: () => new Date(time) }
  const real = await openDatabase(join(path, 'kagami.sqlite'))
  const store = await openFileBlobStore(join(path, 'blobs'))
  const db = yieldingDatabase(real, turns)
  const blobs = yieldingStore(store, turns, clock)
  const at = isoTime(clock.now())
  const { row: organization } = await real.write((tx) => createOrganization(tx, { name: 'acme', at }))
  const repositories: RepositoryRow[] = []
  for (const name of ['acme/a', 'acme/b', 'acme/m']) {
    const of = { organizationId: organization.id, name: parseRepositoryName(name), actor: 'user:u', at }
    repositories.push((await real.write((tx) => createRepository(tx, of))).row)
  }
  const { mirrorId, upstreamId } = await real.write(async (tx) => {
    const upstream = await createUpstream(tx, upstreamRow({ organization_id: organization.id }))
    const of = { organization_id: organization.id, repository_id: repositories[2]?.id ?? '', upstream_id: upstream.id }
    const mirror = await createMirror(tx, { ...of, source_repository: 'app', at })
    return { mirrorId: mirror.id, upstreamId: upstream.id }
  })
  const collector = { db, blobs, clock, settings: DEFAULT_KEEP }
  const world: World = {
    db,
    blobs,
    clock,
    turns,
    organization,
    repositories,
    mirrorId,
    upstreamId,
    byDigest: new Set(),
    told: new Map(),
    deletions: new Map(),
    random,
    below: (most) => Math.floor(random() * most),
    pass(ms) {
      time += ms
    },
    async collect(holder) {
      await forgetHistory(db, isoTime(new Date(time - 48 * HOUR_MS)))
      const started = await startCollection({ ...collector, holder }, { requestedBy: null, isNow: false })
      await started.done
    },
  }
  return {
    async play() {
      await turns.play(actorsOf(world))
    },
    findLost: () => findLost(world),
    findLeft: () => findLeft(world),
    /** What nobody wants goes: long after, by several collections. */
    async wait() {
      await db.write((tx) => tx.updateTable('sync_runs').set({ outcome: 'failed' }).execute())
      await createUploads({ db, blobs, clock }).expire(new Date(time + HOUR_MS))
      for (let round = 0; round < 12; round++) {
        time += (round < 3 ? 200 : 2) * 24 * HOUR_MS
        await world.collect('the last')
      }
      await db.write((tx) => foldUsage(tx, 100_000))
    },
    async close() {
      store.close()
      await real.close()
    },
  }
}

function yieldingDatabase(db: Database, turns: Turns): Database {
  const yielding =
    <Work, T>(write: (work: Work) => Promise<T>) =>
    async (work: Work) => {
      await turns.yield()
      const result = await write(work)
      await turns.yield()
      return result
    }
  return {
    ...db,
    write: yielding(db.write as never) as Database['write'],
    stage: yielding(db.stage as never) as Database['stage'],
    writeSmall: yielding(db.writeSmall as never) as Database['writeSmall'],
  }
}

/** Objects and stages are as old as the clock of the world says. */
function yieldingStore(store: BlobStore, turns: Turns, clock: { now(): Date }): BlobStore {
  const born = new Map<string, Date>()
  const sealing = (stage: Stage): Stage =>
    new Proxy(stage, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name !== 'seal' && name !== 'sealKeeping') return typeof value === 'function' ? value.bind(target) : value
        return async (key: string) => {
          await turns.yield()
          born.set(key, clock.now())
          await value.call(target, key)
          await turns.yield()
        }
      },
    })
  const opening = (open: (id: string) => Promise<Stage>) => async (id: string) => {
    born.set(id, clock.now())
    return sealing(await open(id))
  }
  return {
    ...store,
    openStage: opening(store.openStage),
    openOwnStage: opening(store.openOwnStage),
    async *listKeys() {
      for await (const { key } of store.listKeys()) {
        await turns.yield()
        yield { key, modifiedAt: born.get(key) ?? clock.now() }
      }
    },
    async *listStages() {
      for await (const { id } of store.listStages()) yield { id, modifiedAt: born.get(id) ?? clock.now() }
    },
    async remove(key) {
      await turns.yield()
      await store.remove(key)
    },
  }
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
