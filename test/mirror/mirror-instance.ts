// A real storage (database and files) with a mirror engine on it, whose upstreams are repositories in memory.
import { join } from 'node:path'
import type { Run } from '../../src/api/runs.ts'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createUpstream } from '../../src/db/mirrors/upstreams.ts'
import type { UpstreamRow } from '../../src/db/schema.ts'
import { AppError } from '../../src/errors.ts'
import { newId } from '../../src/lib/ids.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createMirrorEngine } from '../../src/mirror/create-engine.ts'
import type { MirrorEngine, MirrorEngineOptions } from '../../src/mirror/engine.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'
import type { RepositoryReader } from '../../src/oci/repository.ts'
import { openLocalReader } from '../../src/registry/local-reader.ts'
import { createLocalWriters } from '../../src/registry/local-writer.ts'
import type { MemoryRepository } from '../support/memory-repository.ts'
import { openNewSqlite } from '../support/migrated.ts'
import { temporaryDirectory } from '../support/process.ts'
import { upstreamRow } from '../support/upstream-row.ts'

export interface MirrorInstance {
  readonly db: Database
  readonly blobs: BlobStore
  readonly engine: MirrorEngine
  /** `<upstream>/<repository>` → what it holds. */
  readonly repositories: Map<string, MemoryRepository>
  addOrganization(name: string): Promise<void>
  addUpstream(name: string, o?: Partial<UpstreamRow>): Promise<UpstreamRow>
  /** The served side of `acme/…`. */
  reader(name: string): Promise<RepositoryReader>
  repositoryId(name: string): Promise<string>
  /** A second engine on the same storage, as after a restart or in another process. */
  anotherEngine(o?: Partial<MirrorEngineOptions>): MirrorEngine
  /** Starts a mirror and waits for its first run. */
  mirror(source: string, as?: string): Promise<{ mirrorId: string; run: Run }>
  sync(mirrorId: string, o?: { full?: boolean }): Promise<Run>
  close(): Promise<void>
}

/** @param o.db an empty database, closed by its opener; SQLite in a temporary directory when absent */
export async function openMirrorInstance(o: Partial<MirrorEngineOptions> = {}): Promise<MirrorInstance> {
  const directory = temporaryDirectory('mirror')
  const db = o.db ?? (await openNewSqlite(join(directory.path, 'kagami.sqlite')))
  const blobs = await openFileBlobStore(join(directory.path, 'blobs'))
  const repositories = new Map<string, MemoryRepository>()
  const logger = createLogger('silent')
  const engines: MirrorEngine[] = []

  function makeEngine(more: Partial<MirrorEngineOptions>): MirrorEngine {
    const made = createMirrorEngine({
      db,
      logger,
      openSource(upstream, repository) {
        const found = repositories.get(`${upstream.name}/${repository}`)
        const before = found?.calls.length ?? 0
        const reader = found?.reader() ?? absentReader(`${upstream.name}/${repository}`)
        return { reader, usage: () => ({ requests: (found?.calls.length ?? 0) - before, readBytes: 0 }) }
      },
      openWriter: createLocalWriters({ db, blobs }),
      ...o,
      ...more,
    })
    engines.push(made)
    return made
  }

  const engine = makeEngine({})
  const instance: MirrorInstance = {
    db,
    blobs,
    engine,
    repositories,
    async addOrganization(name) {
      await db.write(async (tx) => {
        const row = { id: newId(), name, quota_bytes: null, created_at: new Date().toISOString() }
        await tx.insertInto('organizations').values(row).execute()
      })
    },
    addUpstream: (name, more = {}) =>
      db.write((tx) =>
        createUpstream(tx, upstreamRow({ name, url: `https://${name}.example/dhi`, prefix: 'dhi-', ...more })),
      ),
    async repositoryId(name) {
      const row = await db.read
        .selectFrom('repositories')
        .select('id')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      return row.id
    },
    reader: async (name) => openLocalReader({ db, blobs }, await instance.repositoryId(name)),
    anotherEngine: (more = {}) => makeEngine(more),
    async mirror(source, as) {
      const [upstream = '', ...rest] = source.split('/')
      const request = { organization: 'acme', upstream, repository: rest.join('/'), by: 'user:test', as }
      const { mirror, run } = await engine.start(request)
      return { mirrorId: mirror.id, run: await engine.wait(run.id) }
    },
    async sync(mirrorId, more = {}) {
      const { run } = await engine.sync(mirrorId, more)
      return engine.wait(run.id)
    },
    async close() {
      for (const one of engines) await one.close()
      if (o.db === undefined) await db.close()
      directory.remove()
    },
  }
  await instance.addOrganization('acme')
  await instance.addUpstream('hub')
  return instance
}

function absentReader(name: string): RepositoryReader {
  const fail = (): never => {
    throw new AppError('UPSTREAM_NOT_FOUND', `there is no repository ${name as RepositoryName}`)
  }
  return {
    // biome-ignore lint/correctness/useYield: it has nothing to yield.
    async *listTags() {
      fail()
    },
    resolve: async () => fail(),
    readManifest: async () => fail(),
    openBlob: async () => fail(),
    listReferrers: async () => fail(),
  }
}
