// A quota holds for everything that an organization stores, on its way in too, and however many come at once (issue 7, row 10).
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { linkBlobs } from '../../src/db/content/blobs.ts'
import type { UploadKey } from '../../src/db/content/upload-sessions.ts'
import { measureLinked, measureStaged } from '../../src/db/content/usage.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import type { MirrorBinding } from '../../src/db/mirrors/mirror-binding.ts'
import { deleteRepository } from '../../src/db/mirrors/repository-settings.ts'
import { createOrganization, findOrganization, setOrganizationQuota } from '../../src/db/people/organizations.ts'
import { findRepository } from '../../src/db/repositories/repositories.ts'
import { isAppError } from '../../src/errors.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { deleteBlob } from '../../src/registry/blobs.ts'
import { createLocalWriters } from '../../src/registry/local-writer.ts'
import { putManifest } from '../../src/registry/manifests.ts'
import { createUploads, type UploadBody, type Uploads } from '../../src/registry/uploads.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { freshContent, OCI_INDEX } from '../support/oci-requests.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('stored-bytes')
afterAll(() => directory.remove())
let stores = 0

async function bench(db: Database, quotaBytes: number | null) {
  const blobs: BlobStore = await openFileBlobStore(join(directory.path, String(stores++)))
  let time = new Date()
  const clock = { now: () => time }
  const at = time.toISOString()
  const { row: organization } = await db.write((tx) => createOrganization(tx, { name: 'acme', at }))
  await db.write((tx) => setOrganizationQuota(tx, organization.id, quotaBytes))
  const destination = (name: string) => ({ organization, name: parseRepositoryName(name), actor: 'user:u' })
  const uploads: Uploads = createUploads({ db, blobs, clock })
  return {
    db,
    blobs,
    uploads,
    organization,
    destination,
    later: (ms: number) => {
      time = new Date(time.getTime() + ms)
    },
    async begin(name = 'acme/app'): Promise<UploadKey> {
      const { id, repositoryId } = await uploads.begin(destination(name), 'user:u')
      return { id, repositoryId, subject: 'user:u' }
    },
    /** What the disk holds, whoever counts it. */
    async onDisk() {
      let bytes = 0
      for await (const { id } of blobs.listStages()) {
        const stage = await blobs.openStage(id)
        bytes += stage.sizeBytes
        await stage.close()
      }
      for await (const { key } of blobs.listKeys()) bytes += (await blobs.findSize(key)) ?? 0
      return bytes
    },
    async counted() {
      return (await measureLinked(db.read, organization.id)) + (await measureStaged(db.read, organization.id, ''))
    },
  }
}
type Bench = Awaited<ReturnType<typeof bench>>

const CHUNK = 10_000
/** In pieces, as a connection gives them. */
function body(bytes: Uint8Array, isSizeKnown: boolean): UploadBody {
  let sent = 0
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.subarray(sent, sent + 1000))
      sent += 1000
      if (sent >= bytes.byteLength) controller.close()
    },
  })
  return {
    stream,
    lengthBytes: isSizeKnown ? bytes.byteLength : undefined,
    range: undefined,
    signal: new AbortController().signal,
  }
}
const outcomes = async (works: readonly Promise<unknown>[]) => {
  const settled = await Promise.allSettled(works)
  for (const one of settled) {
    if (one.status === 'rejected' && !isAppError(one.reason, 'DENIED')) throw one.reason
  }
  return settled.filter((one) => one.status === 'fulfilled').length
}
const push = async (at: Bench, content: { bytes: Uint8Array; digest: string }, name = 'acme/app') => {
  const key = await at.begin(name)
  await at.uploads.complete(key, at.destination(name), content.digest as Digest, body(content.bytes, true))
}

describeOnEachEngine('Stored bytes', (openFresh) => {
  for (const isSizeKnown of [true, false]) {
    const how = isSizeKnown ? 'of known size' : 'of unknown size'
    test(`chunks ${how} to many sessions at once stay within the quota`, async () => {
      const at = await bench(await openFresh(), 5 * CHUNK)
      const keys = await Promise.all(Array.from({ length: 12 }, () => at.begin()))
      const done = await outcomes(
        keys.map((key) =>
          at.uploads.append(key, at.destination('acme/app'), body(freshContent(CHUNK).bytes, isSizeKnown)),
        ),
      )
      expect(done).toBeGreaterThan(0)
      expect(done).toBeLessThanOrEqual(5)
      expect(await at.onDisk()).toBeLessThanOrEqual(5 * CHUNK)
      expect(await at.counted()).toBe(await at.onDisk())
      // Another session finds no more room than is left; ending sessions gives it back.
      await at.uploads
        .append(await at.begin(), at.destination('acme/app'), body(freshContent(1).bytes, true))
        .catch(() => {})
      for (const key of keys) await at.uploads.cancel(key)
      await push(at, freshContent(4 * CHUNK))
    })

    test(`whole blobs ${how} at once stay within the quota, and a refused one leaves nothing`, async () => {
      const at = await bench(await openFresh(), 3 * CHUNK)
      const done = await outcomes(
        Array.from({ length: 8 }, () => {
          const blob = freshContent(CHUNK)
          return at.uploads.uploadWhole(
            at.destination('acme/app'),
            blob.digest as Digest,
            body(blob.bytes, isSizeKnown),
          )
        }),
      )
      expect(done).toBeGreaterThan(0)
      expect(done).toBeLessThanOrEqual(3)
      expect(await at.onDisk()).toBe(done * CHUNK)
      expect(await at.counted()).toBe(done * CHUNK)
    })
  }

  test('one session that is fed chunk by chunk without an end is stopped at the quota', async () => {
    const at = await bench(await openFresh(), 3 * CHUNK)
    const key = await at.begin()
    const send = () => at.uploads.append(key, at.destination('acme/app'), body(freshContent(CHUNK).bytes, false))
    for (let i = 0; i < 3; i++) await send()
    await expect(send()).rejects.toMatchObject({ code: 'DENIED' })
    expect(await at.uploads.getStatus(key)).toMatchObject({ offsetBytes: 3 * CHUNK })
    expect(await at.onDisk()).toBe(3 * CHUNK)
  })

  test('a known digest does not carry other bytes past the quota', async () => {
    const at = await bench(await openFresh(), 3 * CHUNK)
    const known = freshContent(CHUNK)
    await push(at, known)
    const works = Array.from({ length: 6 }, async () => {
      const bytes = freshContent(2 * CHUNK).bytes
      return at.uploads.uploadWhole(at.destination('acme/app'), known.digest as Digest, body(bytes, true))
    })
    for (const one of await Promise.allSettled(works)) expect(one.status).toBe('rejected')
    // The same content again is no new content, also where there is no room for it.
    await push(at, freshContent(2 * CHUNK - 5))
    await push(at, known, 'acme/other')
    expect(await at.counted()).toBe(3 * CHUNK - 5)
  })

  test('manifests count, each once', async () => {
    const at = await bench(await openFresh(), CHUNK)
    const put = (name: string, note: string) =>
      putManifest({ db: at.db, clock: { now: () => new Date() } }, at.destination(name), {
        reference: { tag: note.slice(0, 3) as never, digest: undefined },
        tags: [],
        contentType: OCI_INDEX,
        bytes: new TextEncoder().encode(
          JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations: { note } }),
        ),
      })
    await put('acme/app', `one${'x'.repeat(CHUNK * 0.6)}`)
    await put('acme/other', `one${'x'.repeat(CHUNK * 0.6)}`)
    const refused = put('acme/app', `two${'x'.repeat(CHUNK * 0.6)}`)
    await expect(refused).rejects.toMatchObject({ code: 'DENIED' })
    await expect(refused).rejects.toThrow('quota')
  })

  test('what a mirror is downloading counts, and what it gives up is given back', async () => {
    const at = await bench(await openFresh(), 3 * CHUNK)
    const { repositoryId } = await at.begin()
    const binding = {
      organizationId: at.organization.id,
      organization: 'acme',
      repositoryId,
      sourceKey: 'source',
    } as MirrorBinding
    const writer = createLocalWriters(at)(binding)
    const [blob, other] = [freshContent(2 * CHUNK), freshContent(2 * CHUNK)]
    const describe_ = ({ digest, bytes }: typeof blob) => ({
      mediaType: 'application/octet-stream',
      digest: digest as Digest,
      size: bytes.byteLength,
    })
    const sink = await writer.stageBlob(describe_(blob))
    if (sink === 'present') throw new Error('want a sink')
    await expect(writer.stageBlob(describe_(other))).rejects.toMatchObject({ code: 'DENIED' })
    await expect(push(at, freshContent(2 * CHUNK))).rejects.toMatchObject({ code: 'DENIED' })
    await sink.write(0, new Blob([blob.bytes.subarray(0, 3000)]).stream())
    await sink.close()
    // A part of it stays for the next run, and counts.
    expect(await at.counted()).toBe(3000)
    const again = await writer.stageBlob(describe_(blob))
    if (again === 'present') throw new Error('want a sink')
    await again.write(3000, new Blob([blob.bytes.subarray(3000)]).stream())
    await again.commit()
    await again.close()
    expect(await at.counted()).toBe(2 * CHUNK)
    expect(await at.onDisk()).toBe(2 * CHUNK)
  })

  test('room that a crash has left set aside is settled by what is there', async () => {
    const at = await bench(await openFresh(), 3 * CHUNK)
    await at.begin()
    const stage = await at.blobs.openStage('mirror-cut')
    await stage.append(new Blob([new Uint8Array(700)]).stream())
    await stage.close()
    const left = ['mirror-cut', 'mirror-never-begun', 'upload-gone'].map((stage_id) => ({
      stage_id,
      organization_id: at.organization.id,
      bytes: CHUNK,
      at: new Date().toISOString(),
    }))
    await at.db.write((tx) => tx.insertInto('stage_reservations').values(left).execute())
    await at.uploads.expire(new Date(0))
    expect(await at.counted()).toBe(3 * CHUNK)
    at.later(48 * 3600 * 1000)
    await at.uploads.expire(new Date(Date.now() + 24 * 3600 * 1000))
    expect(await at.counted()).toBe(700)
    expect(await at.onDisk()).toBe(700)
  })

  test('removing makes room at once: a blob, a repository, a quota that was lifted for a while', async () => {
    const at = await bench(await openFresh(), 2 * CHUNK)
    const blob = freshContent(2 * CHUNK)
    const row = async (name: string) => {
      const found = await findRepository(at.db.read, parseRepositoryName(name))
      if (found === undefined) throw new Error(`no ${name}`)
      return found
    }
    await push(at, blob)
    await expect(push(at, freshContent(1))).rejects.toMatchObject({ code: 'DENIED' })
    await deleteBlob(at.db, await row('acme/app'), blob.digest as Digest)
    await push(at, freshContent(2 * CHUNK), 'acme/second')
    await expect(push(at, freshContent(1))).rejects.toMatchObject({ code: 'DENIED' })
    const second = await row('acme/second')
    await at.db.write((tx) => deleteRepository(tx, second, { actor: 'user:u', at: new Date().toISOString() }))
    await push(at, freshContent(CHUNK))

    const set = (bytes: number | null) => at.db.write((tx) => setOrganizationQuota(tx, at.organization.id, bytes))
    await set(null)
    await push(at, freshContent(CHUNK))
    await set(2 * CHUNK)
    await expect(push(at, freshContent(1))).rejects.toMatchObject({ code: 'DENIED' })
  })

  test('a link cannot be made past the quota, whoever makes it', async () => {
    const at = await bench(await openFresh(), null)
    const blob = freshContent(CHUNK)
    await push(at, blob)
    const { row: other } = await at.db.write((tx) =>
      createOrganization(tx, { name: 'other', at: new Date().toISOString() }),
    )
    await at.db.write((tx) => setOrganizationQuota(tx, other.id, CHUNK - 1))
    const destination = { organization: other, name: parseRepositoryName('other/app'), actor: 'user:u' }
    const { repositoryId } = await at.uploads.begin(destination, 'user:u')
    const link = at.db.write((tx) =>
      linkBlobs(tx, repositoryId, [blob.digest as Digest], { publishedAt: null, at: '2026' }),
    )
    await expect(link).rejects.toMatchObject({ code: 'DENIED' })
  })

  test('open sessions are bounded for each organization, and the refusal says what to do', async () => {
    const at = await bench(await openFresh(), null)
    const key = await at.begin()
    const rows = Array.from({ length: 499 }, (_, i) => ({
      id: `filler-${i}`,
      repository_id: key.repositoryId,
      subject: 'user:u',
      offset_bytes: 0,
      created_at: new Date().toISOString(),
      updated_at: new Date().toISOString(),
    }))
    await at.db.write((tx) => tx.insertInto('upload_sessions').values(rows).execute())
    const refused = at.begin('acme/other')
    await expect(refused).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' })
    await expect(refused).rejects.toThrow('cancel them by DELETE')
    await at.uploads.cancel(key)
    await at.begin('acme/other')
    expect(await findOrganization(at.db.read, 'acme')).toBeDefined()
  })
})
