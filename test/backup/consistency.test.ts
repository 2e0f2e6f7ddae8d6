// A backup beside a server that deletes and a collector that removes: what it names is there, or it says so.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openFolderDestination } from '../../src/backup/folder-destination.ts'
import { makeBackup } from '../../src/backup/make-backup.ts'
import { holdStorage } from '../../src/backup/storage-hold.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { isStorageKeyNamed } from '../../src/db/content/storage-holds.ts'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { SHARING } from '../../src/server/instance.ts'
import { imagesLayout } from '../e2e/small-layout.ts'
import { backUpTo, blobFile, locationOfServer } from '../support/backups.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

const layout = imagesLayout({ images: 2, layers: 2, layerBytes: 5000 })

describe('a backup beside a collector', () => {
  const directory = temporaryDirectory('backup-consistency')
  const at = (...parts: string[]) => join(directory.path, ...parts)
  let source: WholeServer
  let db: Database
  let blobs: Awaited<ReturnType<typeof openFileBlobStore>>
  beforeAll(async () => {
    source = await startWholeServer()
    await source.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    await pushLayout(layout, source.url, 'acme/app', { credentials: OWNER })
    db = await openDatabase(source.database)
    blobs = await openFileBlobStore(join(source.directory, 'blobs'), SHARING)
  })
  afterAll(async () => {
    blobs?.close()
    await db?.close()
    await source?.stop()
    directory.remove()
  })

  const backUp = async (to: string, during: (key: string) => Promise<void>) => {
    const destination = await openFolderDestination(to)
    try {
      return await makeBackup({
        ...{ database: source.database, destination, version: 'test', isVerifying: false, clock: systemClock },
        sealKey: { fingerprint: 'x'.repeat(43), text: undefined },
        blobs: {
          async open(key) {
            await during(key)
            return blobs.open(key)
          },
        },
        takeHold: () => holdStorage(db, systemClock),
        isNamed: (key) => isStorageKeyNamed(db.read, key),
        signal: new AbortController().signal,
      })
    } finally {
      await destination.close()
    }
  }
  const holds = () => db.read.selectFrom('storage_holds').selectAll().execute()
  /** As the collector does it. */
  const removeRow = (key: string) =>
    db.write(async (tx) => {
      const { digest } = await tx
        .selectFrom('blobs')
        .select('digest')
        .where('storage_key', '=', key)
        .executeTakeFirstOrThrow()
      await tx.deleteFrom('repository_blobs').where('digest', '=', digest).execute()
      await tx.deleteFrom('blobs').where('digest', '=', digest).execute()
      await tx.insertInto('blob_tombstones').values({ storage_key: key, deleted_at: '2026-01-01T00:00:00Z' }).execute()
      return digest
    })

  test('keeps what its snapshot names while rows go, by a hold that is there before and gone after', async () => {
    let removed: string | undefined
    const report = await backUp(at('held'), async (key) => {
      const [hold, ...others] = await holds()
      expect(others).toEqual([])
      expect(Date.parse(hold?.expires_at ?? '')).toBeGreaterThan(Date.now())
      removed ??= await removeRow(key)
    })
    expect(report.blobs).toBe(layout.blobs.size)
    expect(existsSync(blobFile(at('held'), removed ?? ''))).toBe(true)
    expect(await holds()).toEqual([])
  })

  test('says that an object was removed meanwhile, or that the store has lost one that the database names', async () => {
    let gone: string | undefined
    const collected = backUp(at('collected'), async (key) => {
      gone ??= key
      if (gone !== key) return
      await removeRow(key)
      await blobs.remove(key)
    })
    await expect(collected).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(existsSync(at('collected', 'sets'))).toBe(false)
    // Which a new snapshot knows.
    const report = await backUpTo(locationOfServer(source), at('collected'))
    expect(report.blobs).toBe(layout.blobs.size - 2)
    let lost: string | undefined
    const losing = backUp(at('lost'), async (key) => {
      lost ??= key
      await blobs.remove(lost)
    })
    await expect(losing).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    await expect(losing).rejects.toThrow(`its object ${lost} is not in the blob store`)
    await expect(backUpTo(locationOfServer(source), at('lost'))).rejects.toThrow('a backup would not be whole')
  })
})
