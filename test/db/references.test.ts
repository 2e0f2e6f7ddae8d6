// References are a fact of a manifest's bytes (decision record 21): who brought them, and as what, does not matter; old rows are read again.
import { expect, test } from 'bun:test'
import { insertManifest, linkManifest } from '../../src/db/content/manifests.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { references } from '../../src/db/migrations/0005-references.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest, referencesOf } from '../../src/oci/manifest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-01-01T00:00:00.000Z'
const config = { mediaType: MediaType.ociConfig, digest: digestOf('{}'), size: 2 }
const image = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, config, layers: [config] }))

const stored = async (db: Database) => ({
  references: await db.read.selectFrom('manifest_references').select(['kind', 'digest']).orderBy('position').execute(),
  artifactType: (await db.read.selectFrom('manifests').select('artifact_type').executeTakeFirst())?.artifact_type,
})
const RIGHT = {
  references: [
    { kind: 'config' as const, digest: config.digest },
    { kind: 'layer' as const, digest: config.digest },
  ],
  artifactType: MediaType.ociConfig,
}

describeOnEachEngine('references of a manifest', (openFresh) => {
  test('rows that another type emptied are read again from the bytes', async () => {
    const db = await openFresh()
    await db.write(async (tx) => {
      await insertManifest(tx, parseManifest(image), image, at)
      await tx.deleteFrom('manifest_references').execute()
      await tx.updateTable('manifests').set({ artifact_type: null }).execute()
    })
    expect(await stored(db)).toEqual({ references: [], artifactType: null })
    await db.write(async (tx) => references.convert?.(tx))
    expect(await stored(db)).toEqual(RIGHT)
    await db.write(async (tx) => references.convert?.(tx))
    expect(await stored(db)).toEqual(RIGHT)
  })

  test('what is no manifest by today’s rules keeps its rows', async () => {
    const db = await openFresh()
    const bytes = new TextEncoder().encode('{"schemaVersion":2,"layers":7}')
    await db.write(async (tx) => {
      await insertManifest(
        tx,
        { ...parseManifest(image), descriptor: { ...config, digest: digestOf(bytes) } },
        bytes,
        at,
      )
      await references.convert?.(tx)
    })
    expect(await stored(db)).toEqual(RIGHT)
  })

  test('a push does not change the type of what a mirror brought; a mirror and a later push of pushed content do', async () => {
    const db = await openFresh()
    const types: string[] = []
    await db.write(async (tx) => {
      const name = parseRepositoryName('acme/app')
      const { row } = await createRepository(tx, { organizationId: 'o', name, actor: 'user:x', at })
      await insertManifest(tx, parseManifest(image), image, at)
      const digest = digestOf(image)
      const link = async (mediaType: string, o: { pushedAt?: string; mirroredAt?: string }) => {
        await linkManifest(tx, row.id, { digest, mediaType, subjectDigest: undefined, attested: 0, ...o })
        types.push(
          (await tx.selectFrom('repository_manifests').select('media_type').executeTakeFirstOrThrow()).media_type,
        )
      }
      await link('a', { pushedAt: at })
      await link('b', { pushedAt: at })
      await link('c', { mirroredAt: at })
      await link('d', { pushedAt: at })
      await link('e', { mirroredAt: at })
    })
    expect(types).toEqual(['a', 'b', 'c', 'c', 'e'])
  })

  test('`referencesOf` reads what `parseManifest` reads', () => {
    const { descriptor: _, ...parsed } = parseManifest(image, MediaType.dockerManifest)
    expect(referencesOf(image)).toEqual(parsed)
  })
})
