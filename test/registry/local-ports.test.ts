import { expect, test } from 'bun:test'
import { join } from 'node:path'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createMirror } from '../../src/db/mirrors/mirrors.ts'
import { createUpstream } from '../../src/db/mirrors/upstreams.ts'
import { claimLease } from '../../src/db/platform/leases.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { newId } from '../../src/lib/ids.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { openLocalReader } from '../../src/registry/local-reader.ts'
import { createLocalWriters } from '../../src/registry/local-writer.ts'
import {
  describeRepositoryReader,
  describeStagingWriter,
  type OpenedPorts,
  putContent,
  SUITE_CONTENT,
} from '../suites/repository-ports.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { temporaryDirectory } from '../support/process.ts'
import { upstreamRow } from '../support/upstream-row.ts'

/** An empty repository that a run of its mirror writes, with a lease that does not end. */
async function openLocal(db: Database): Promise<OpenedPorts & { readonly blobs: BlobStore }> {
  const directory = temporaryDirectory('local-ports')
  const blobs = await openFileBlobStore(join(directory.path, 'blobs'))
  const at = new Date().toISOString()
  const binding = await db.write(async (tx) => {
    const organizationId = newId()
    await tx
      .insertInto('organizations')
      .values({ id: organizationId, name: `acme-${organizationId}`, quota_bytes: null, created_at: at })
      .execute()
    const upstream = await createUpstream(tx, upstreamRow({ organization_id: organizationId }))
    const { row } = await createRepository(tx, {
      organizationId,
      name: parseRepositoryName(`acme-${organizationId}/app`),
      actor: 'user:test',
      at,
    })
    const mirror = await createMirror(tx, {
      organization_id: organizationId,
      repository_id: row.id,
      upstream_id: upstream.id,
      source_repository: 'app',
      at,
    })
    const leaseKey = `mirror:${mirror.id}`
    const lease = { key: leaseKey, holder: 'test', now: at, expiresAt: '2999-01-01T00:00:00.000Z' }
    const generation = (await claimLease(tx, lease)) ?? 0
    return { organizationId, repositoryId: row.id, mirrorId: mirror.id, leaseKey, generation }
  })
  const openWriter = createLocalWriters({ db, blobs })
  return {
    blobs,
    reader: () => openLocalReader({ db, blobs }, binding.repositoryId),
    writer: () =>
      openWriter({
        ...binding,
        organization: 'acme',
        runId: newId(),
        actor: `mirror:${binding.mirrorId}`,
        sourceKey: 'hub',
        isAbsentUpstream: () => false,
      }),
    close: async () => directory.remove(),
  }
}

describeOnEachEngine('our own storage', (openFresh) => {
  describeStagingWriter('our own storage', async () => openLocal(await openFresh()))
  describeRepositoryReader('our own storage', async () => {
    const opened = await openLocal(await openFresh())
    await putContent(opened.writer(), SUITE_CONTENT)
    return opened
  })

  test('a manifest that is wrong about a size is refused at each step: its blobs are not linked, and it is not published', async () => {
    const opened = await openLocal(await openFresh())
    try {
      const writer = opened.writer()
      const [config, layer] = SUITE_CONTENT.blobs
      const [image] = SUITE_CONTENT.manifests
      if (config === undefined || layer === undefined || image === undefined) throw new Error('the suite has no image')
      await putContent(writer, SUITE_CONTENT)
      const mediaType = MediaType.ociManifest
      const put = async (body: object) => {
        const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...body }))
        const type = 'manifests' in body ? MediaType.ociIndex : mediaType
        const descriptor = { mediaType: type, digest: digestOf(bytes), size: bytes.byteLength }
        await writer.writeManifest({ descriptor, bytes })
        return writer.publish({ roots: [descriptor], tags: [] }, async () => bytes)
      }
      const wrongLayer = { ...layer.descriptor, size: layer.descriptor.size + 1 }
      await expect(writer.stageBlob(wrongLayer)).rejects.toMatchObject({ code: 'SIZE_INVALID' })
      await expect(put({ config: config.descriptor, layers: [layer.descriptor, wrongLayer] })).rejects.toMatchObject({
        code: 'SIZE_INVALID',
        message: expect.stringContaining(
          `says that ${layer.descriptor.digest} has ${wrongLayer.size} bytes, it has ${layer.descriptor.size}`,
        ),
      })
      const wrongChild = { ...image.descriptor, size: 1 }
      await expect(put({ manifests: [image.descriptor, wrongChild] })).rejects.toMatchObject({ code: 'SIZE_INVALID' })
      expect(await put({ manifests: [image.descriptor] })).toEqual([])
    } finally {
      await opened.close()
    }
  })

  test('two downloads that fit into the quota one by one: the second is refused, and leaves nothing behind', async () => {
    const db = await openFresh()
    const opened = await openLocal(db)
    try {
      await db.write((tx) => tx.updateTable('organizations').set({ quota_bytes: 1500 }).execute())
      const writer = opened.writer()
      const open = async (text: string) => {
        const blob = { mediaType: 'application/octet-stream', digest: digestOf(text), size: text.length }
        const sink = await writer.stageBlob(blob)
        if (sink === 'present') throw new Error('want a sink for a blob that is not here')
        await sink.write(0, new Blob([text]).stream())
        return sink
      }
      const first = await open('a'.repeat(1000))
      // Room is set aside for the first as long as it is under way.
      await expect(open('b'.repeat(1000))).rejects.toMatchObject({ code: 'DENIED' })
      await first.commit()
      await first.close()
      await expect(open('b'.repeat(1000))).rejects.toMatchObject({ code: 'DENIED' })
      const keys = (await Array.fromAsync(opened.blobs.listKeys())).map(({ key }) => key)
      expect(keys).toHaveLength(1)
      expect(keys[0]).toStartWith(digestOf('a'.repeat(1000)).replace(':', '-'))
      expect(await Array.fromAsync(opened.blobs.listStages())).toEqual([])
    } finally {
      await opened.close()
    }
  })
})
