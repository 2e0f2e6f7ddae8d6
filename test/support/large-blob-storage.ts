// Storage into which one large blob is fetched; also the program of a process that is killed while it fetches.
import { join } from 'node:path'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import type { Sleep } from '../../src/lib/retry.ts'
import { fetchBlob } from '../../src/mirror/pass/fetch-blob.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { createRequestBudgets } from '../../src/net/request-budgets.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { createLocalWriters } from '../../src/registry/local-writer.ts'
import { createRegistryNetwork } from '../../src/remote/network.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'

export const MIB = 1024 * 1024

export interface LargeBlobStorage {
  /** @returns bytes that came over the network */
  fetch(url: string, blob: Descriptor, o?: { readonly sleep?: Sleep }): Promise<number>
  read(blob: Descriptor): Promise<Uint8Array>
  close(): Promise<void>
}

/** The same organization and source each time it is opened, so that what an earlier process left is gone on with. */
export async function openLargeBlobStorage(directory: string): Promise<LargeBlobStorage> {
  const db = await openDatabase(join(directory, 'kagami.sqlite'))
  const blobs = await openFileBlobStore(join(directory, 'blobs'))
  const at = new Date().toISOString()
  const repositoryId = await db.write(async (tx) => {
    await tx
      .insertInto('organizations')
      .values({ id: 'acme', name: 'acme', quota_bytes: null, created_at: at })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const name = parseRepositoryName('acme/app')
    return (await createRepository(tx, { organizationId: 'acme', name, actor: 'user:test', at })).row.id
  })
  const writer = createLocalWriters({ db, blobs, largeBytes: MIB })({
    organizationId: 'acme',
    organization: 'acme',
    repositoryId,
    mirrorId: 'mirror',
    runId: 'run',
    leaseKey: 'mirror:mirror',
    generation: 1,
    actor: 'mirror:mirror',
    sourceKey: 'source',
    isAbsentUpstream: () => false,
  })
  const network = createRegistryNetwork({
    http: createHttpClient({ policy: { allowLoopback: true, allowNetworks: [] }, idleTimeoutMs: 2000 }),
    // Waits between tries take no time.
    budgets: createRequestBudgets({ sleep: async () => {} }),
  })
  return {
    async fetch(url, blob, more = {}) {
      const reader = openRemoteRepository(network, { url }, parseRepositoryName('app'))
      let bytes = 0
      const onBytes = (count: number) => {
        bytes += count
      }
      await fetchBlob(blob, { reader, writer, onBytes, pieceBytes: MIB, ...more })
      return bytes
    },
    async read({ digest }) {
      const row = await db.read.selectFrom('blobs').selectAll().where('digest', '=', digest).executeTakeFirstOrThrow()
      return new Uint8Array(await new Response(await blobs.open(row.storage_key)).arrayBuffer())
    },
    close: () => db.close(),
  }
}

if (import.meta.main) {
  const [directory = '', url = '', blob = ''] = process.argv.slice(2)
  await (await openLargeBlobStorage(directory)).fetch(url, JSON.parse(blob) as Descriptor)
}
