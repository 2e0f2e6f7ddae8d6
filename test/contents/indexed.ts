// An instance whose images are read as the server reads them, step by step.

import { followLog, LEASE, readNext, sweepHidden } from '../../src/contents/indexer.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror/mirror-instance.ts'
import type { Layout } from '../support/fixtures.ts'
import { memoryRepository } from '../support/memory-repository.ts'

export interface IndexedInstance extends MirrorInstance {
  /** Reads all that is in line. @returns how many were read */
  index(o?: { readonly maxBytes?: number }): Promise<number>
  /** As another server would: whoever read before is refused. */
  takeOver(): Promise<void>
  put(name: string, layout: Layout): Promise<RepositoryRow>
  repository(name: string): Promise<RepositoryRow>
}

export async function openIndexed(db?: Database): Promise<IndexedInstance> {
  const instance = await openMirrorInstance(db === undefined ? {} : { db })
  const clock = { now: () => new Date() }
  let generation = 0
  const mirrors = new Map<string, string>()
  const deps = (o: { readonly maxBytes?: number } = {}) => ({
    db: instance.db,
    blobs: instance.blobs,
    clock,
    logger: createLogger('silent'),
    fence: { key: LEASE, generation },
    ...o,
  })
  const indexed: IndexedInstance = {
    ...instance,
    async takeOver() {
      const now = '9999-01-01T00:00:00.000Z'
      const taken = await instance.db.write((tx) => claimLease(tx, { key: LEASE, holder: 'test', now, expiresAt: now }))
      if (taken === undefined) throw new Error('the lease was not taken')
      generation = taken
    },
    async index(o) {
      while (await followLog(deps())) {}
      let count = 0
      for (let turn = ''; ; count++) {
        const next = await readNext(deps(o), turn, AbortSignal.timeout(60_000))
        if (next === undefined) break
        turn = next.organizationId
      }
      while (await sweepHidden(deps(o))) {}
      return count
    },
    async put(name, layout) {
      instance.repositories.set(`hub/${name}`, memoryRepository(layout))
      const known = mirrors.get(name)
      if (known === undefined) mirrors.set(name, (await instance.mirror(`hub/${name}`)).mirrorId)
      else await instance.sync(known, { full: true })
      return indexed.repository(`acme/dhi-${name}`)
    },
    repository: (name) =>
      instance.db.read.selectFrom('repositories').selectAll().where('name', '=', name).executeTakeFirstOrThrow(),
  }
  await indexed.takeOver()
  return indexed
}
