import { describe, expect, test } from 'bun:test'
import { findRepositoryBlob, insertBlob, linkBlobs } from '../../src/db/content/blobs.ts'
import {
  findManifest,
  insertManifest,
  linkManifest,
  listParents,
  listReferrers,
} from '../../src/db/content/manifests.ts'
import { listRepositories } from '../../src/db/content/repository-lists.ts'
import { findTag, listTags, moveTag } from '../../src/db/content/tags.ts'
import { measureLinked } from '../../src/db/content/usage.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { appendEvents, listEvents } from '../../src/db/platform/events.ts'
import { createRepository, findRepository } from '../../src/db/repositories/repositories.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-11-24T00:00:00.000Z'
const actor = 'user:test'

async function repository(db: Database, name: string, organizationId = 'o1') {
  const made = await db.write((tx) =>
    createRepository(tx, { organizationId, name: parseRepositoryName(name), actor, at }),
  )
  return made.row
}

function artifact(subject?: { digest: string; size: number }, artifactType = 'application/vnd.test') {
  const body = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType,
    config: { mediaType: MediaType.ociEmpty, digest: digestOf('{}'), size: 2 },
    layers: [],
    annotations: { artifactType },
    ...(subject === undefined ? {} : { subject: { mediaType: MediaType.ociManifest, ...subject } }),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  return { bytes, parsed: parseManifest(bytes) }
}

describeOnEachEngine('the content tables', (openFresh) => {
  test('a repository is made once, private, with one event', async () => {
    const db = await openFresh()
    const first = await repository(db, 'acme/app')
    const second = await repository(db, 'acme/app')
    expect(second.id).toBe(first.id)
    expect(first.visibility).toBe('private')
    expect((await listEvents(db.read, 0, 10)).map((row) => row.kind)).toEqual(['repository.created'])
    expect(await findRepository(db.read, parseRepositoryName('acme/other'))).toBeUndefined()
  })

  test('lists page by name, of the given organizations only', async () => {
    const db = await openFresh()
    for (const name of ['acme/b', 'acme/a', 'acme/c']) await repository(db, name)
    await repository(db, 'beta/a', 'o2')
    const page = await listRepositories(db.read, { organizationIds: ['o1'], after: 'acme/a', limit: 10 })
    expect(page.map((row) => row.name)).toEqual(['acme/b', 'acme/c'])
    expect(await listRepositories(db.read, { organizationIds: [], limit: 10 })).toEqual([])
  })

  test('a staged blob is absent until it is published, and stays published', async () => {
    const db = await openFresh()
    const { id } = await repository(db, 'acme/app')
    const digest = digestOf('x')
    await db.write(async (tx) => {
      await insertBlob(tx, { digest, sizeBytes: 1, storageKey: 'k1', at })
      await linkBlobs(tx, id, [digest], { publishedAt: null, at })
    })
    expect(await findRepositoryBlob(db.read, id, digest)).toBeUndefined()
    expect((await findRepositoryBlob(db.read, id, digest, { staged: true }))?.storage_key).toBe('k1')
    await db.write((tx) => linkBlobs(tx, id, [digest], { publishedAt: at, at }))
    await db.write((tx) => linkBlobs(tx, id, [digest], { publishedAt: null, at }))
    expect((await findRepositoryBlob(db.read, id, digest))?.size_bytes).toBe(1)
  })

  test('the second object of one digest loses, and its writer learns of it', async () => {
    const db = await openFresh()
    const insert = (storageKey: string) =>
      db.write((tx) => insertBlob(tx, { digest: digestOf('x'), sizeBytes: 1, storageKey, at }))
    expect((await insert('k1')).isNew).toBe(true)
    const second = await insert('k2')
    expect(second.isNew).toBe(false)
    expect(second.row.storage_key).toBe('k1')
  })

  test('an organization is charged once for a blob that two of its repositories link', async () => {
    const db = await openFresh()
    const ids = [await repository(db, 'acme/a'), await repository(db, 'acme/b')].map((row) => row.id)
    const digest = digestOf('shared')
    await db.write(async (tx) => {
      await insertBlob(tx, { digest, sizeBytes: 1000, storageKey: 'k', at })
      for (const id of ids) await linkBlobs(tx, id, [digest], { publishedAt: at, at })
    })
    expect(await measureLinked(db.read, 'o1')).toBe(1000)
    expect(await measureLinked(db.read, 'o2')).toBe(0)
  })

  test('referrers are listed by type, page by digest, and only when published', async () => {
    const db = await openFresh()
    const { id } = await repository(db, 'acme/app')
    const subject = artifact()
    const of = { digest: subject.parsed.descriptor.digest, size: subject.bytes.byteLength }
    const made = ['a', 'b', 'c'].map((kind) => artifact(of, `application/vnd.${kind}`))
    await db.write(async (tx) => {
      for (const [i, { bytes, parsed }] of made.entries()) {
        await insertManifest(tx, parsed, bytes, at)
        await insertManifest(tx, parsed, bytes, at)
        await linkManifest(tx, id, {
          digest: parsed.descriptor.digest,
          mediaType: MediaType.ociManifest,
          subjectDigest: parsed.subject?.digest,
          attested: 0,
          ...(i === 2 ? {} : { publishedAt: at }),
        })
      }
    })
    const all = await listReferrers(db.read, id, of.digest, { limit: 10 })
    expect(all).toHaveLength(2)
    expect(all.map((item) => item.digest)).toEqual(all.map((item) => item.digest).toSorted())
    const one = await listReferrers(db.read, id, of.digest, { artifactType: 'application/vnd.a', limit: 10 })
    expect(one).toEqual([made[0]?.parsed.descriptor as never])
    const rest = await listReferrers(db.read, id, of.digest, { after: all[0]?.digest, limit: 10 })
    expect(rest).toEqual(all.slice(1))
  })

  test('a manifest is found with its bytes, and a subject is no parent', async () => {
    const db = await openFresh()
    const { id } = await repository(db, 'acme/app')
    const subject = artifact()
    const referrer = artifact({ digest: subject.parsed.descriptor.digest, size: subject.bytes.byteLength })
    await db.write(async (tx) => {
      for (const { bytes, parsed } of [subject, referrer]) {
        await insertManifest(tx, parsed, bytes, at)
        const { digest, mediaType } = parsed.descriptor
        await linkManifest(tx, id, {
          digest,
          mediaType,
          subjectDigest: parsed.subject?.digest,
          attested: 0,
          publishedAt: at,
        })
      }
    })
    const found = await findManifest(db.read, id, subject.parsed.descriptor.digest)
    expect(new Uint8Array(found?.bytes ?? [])).toEqual(subject.bytes)
    expect(await listParents(db.read, id, subject.parsed.descriptor.digest)).toEqual([])
    expect(await listParents(db.read, id, digestOf('{}'))).toHaveLength(2)
  })

  describe('tags', () => {
    test('move with history and one event a move; no move leaves no trace', async () => {
      const db = await openFresh()
      const row = await repository(db, 'acme/app')
      const move = (to: string | undefined) =>
        db.write(async (tx) => {
          const event = await moveTag(tx, {
            organizationId: 'o1',
            repositoryId: row.id,
            repositoryName: row.name,
            tag: parseTag('v1'),
            to: to === undefined ? undefined : digestOf(to),
            actor,
            reason: 'pushed',
            at,
          })
          await appendEvents(tx, event === undefined ? [] : [event])
        })
      await move('one')
      await move('one')
      await move('two')
      expect((await findTag(db.read, row.id, parseTag('v1')))?.digest).toBe(digestOf('two'))
      await move(undefined)
      expect(await listTags(db.read, row.id, { limit: 10 })).toEqual([])
      const kinds = (await listEvents(db.read, 0, 10)).map((event) => event.kind)
      expect(kinds).toEqual(['repository.created', 'tag.moved', 'tag.moved', 'tag.removed'])
      expect(await db.read.selectFrom('tag_history').selectAll().execute()).toHaveLength(3)
    })
  })
})
