// A real storage with a mirror engine that fills it and replications that send it on, whose targets are registries in memory.

import type { ReplicationChange } from '../../src/api/replications.ts'
import type { Run } from '../../src/api/runs.ts'
import { createTarget } from '../../src/db/replication/targets.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/reference.ts'
import { openLocalReader } from '../../src/registry/local-reader.ts'
import { createReplications } from '../../src/replication/create-replications.ts'
import type { Replications, ReplicationsOptions } from '../../src/replication/engine.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror/mirror-instance.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MemoryTarget, memoryTarget } from '../support/memory-target.ts'

export interface ReplicationInstance {
  readonly mirrors: MirrorInstance
  readonly replications: Replications
  /** By name. */
  readonly targets: Map<string, MemoryTarget>
  addTarget(name: string): Promise<MemoryTarget>
  /** The upstream of `acme/NAME`. */
  upstream(name: string): MemoryRepository
  /** Brings what the upstream has to `acme/NAME`. */
  fill(name: string): Promise<void>
  start(name: string, target: string, settings?: ReplicationChange): Promise<{ readonly id: string; readonly run: Run }>
  sync(id: string, o?: { full?: boolean }): Promise<Run>
  another(o?: Partial<ReplicationsOptions>): Replications
  close(): Promise<void>
}

export async function openReplicationInstance(o: Partial<ReplicationsOptions> = {}): Promise<ReplicationInstance> {
  const mirrors = await openMirrorInstance({ ...(o.db === undefined ? {} : { db: o.db }), intervalMs: 3_600_000 })
  const { db, blobs } = mirrors
  const targets = new Map<string, MemoryTarget>()
  const mirrored = new Map<string, string>()
  const made: Replications[] = []
  const another = (more: Partial<ReplicationsOptions> = {}) => {
    const one = createReplications({
      logger: createLogger('silent'),
      openLocal: (repositoryId) => openLocalReader({ db, blobs }, repositoryId),
      openTarget(target, repository, { memory }) {
        const found = targets.get(target.name)
        if (found === undefined) throw new Error(`no target ${target.name}`)
        return found.open(repository, memory)
      },
      mountsCommittedOnly: () => false,
      ...o,
      db,
      ...more,
    })
    made.push(one)
    return one
  }
  const replications = another()
  return {
    mirrors,
    replications,
    targets,
    another,
    async addTarget(name) {
      const target = memoryTarget()
      targets.set(name, target)
      await db.write((tx) =>
        createTarget(tx, {
          ...{ organization_id: null, name, url: `https://${name}.example`, kind: null, sign_in: 'password' },
          ...{ sign_in_settings: '{}', username: null, sealed_password: null, ca: null, plain_http: 0 },
          ...{ max_rate: '[]', created_at: new Date().toISOString() },
        }),
      )
      return target
    },
    upstream(name) {
      const found = mirrors.repositories.get(`hub/${name}`) ?? memoryRepository()
      mirrors.repositories.set(`hub/${name}`, found)
      return found
    },
    async fill(name) {
      const id = mirrored.get(name)
      if (id !== undefined) return void (await mirrors.sync(id))
      mirrored.set(name, (await mirrors.mirror(`hub/${name}`, name)).mirrorId)
    },
    async start(name, target, settings) {
      const { replication, run } = await replications.start({
        repository: parseRepositoryName(`acme/${name}`),
        ...splitTarget(target),
        ...{ settings, by: 'user:test' },
      })
      return { id: replication.id, run: await replications.wait(run.id) }
    },
    async sync(id, more = {}) {
      const { run } = await replications.sync(id, more)
      return replications.wait(run.id)
    },
    async close() {
      for (const one of made) await one.close()
      await mirrors.close()
    },
  }
}

function splitTarget(text: string): { target: string; targetRepository: RepositoryName } {
  const [target = '', ...rest] = text.split('/')
  return { target, targetRepository: parseRepositoryName(rest.join('/')) }
}
