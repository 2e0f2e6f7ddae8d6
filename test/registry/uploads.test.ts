// Upload sessions over both engines: what survives, what is cut, what ends (issue 4 "Uploads"; design invariant 3).
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import type { UploadKey } from '../../src/db/content/upload-sessions.ts'
import { createClaims } from '../../src/db/engine/claims.ts'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { AppError, type ErrorCode } from '../../src/errors.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import type { Destination } from '../../src/registry/destination.ts'
import { createUploads, type UploadBody, type Uploads } from '../../src/registry/uploads.ts'
import { streamOf } from '../support/blob-checks.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { freshContent } from '../support/oci-requests.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('uploads')
afterAll(() => directory.remove())
let stores = 0

interface Bench {
  readonly db: Database
  readonly blobs: BlobStore
  uploads: Uploads
  readonly destination: Destination
  time: Date
  begin(): Promise<UploadKey>
  /** A new process on the same data: nothing is in memory. */
  restart(): void
}

async function bench(db: Database): Promise<Bench> {
  const blobs = await openFileBlobStore(join(directory.path, String(stores++)))
  const { row } = await db.write((tx) => createOrganization(tx, { name: 'acme', at: '2026-01-01T00:00:00.000Z' }))
  const destination = { organization: row, name: parseRepositoryName('acme/app'), actor: 'user:u' }
  const self: Bench = {
    db,
    blobs,
    destination,
    time: new Date('2026-01-01T00:00:00.000Z'),
    uploads: undefined as never,
    async begin() {
      const { id, repositoryId } = await self.uploads.begin(destination, 'user:u')
      return { id, repositoryId, subject: 'user:u' }
    },
    restart() {
      self.uploads = createUploads({ db, blobs, clock: { now: () => self.time } })
    },
  }
  self.restart()
  return self
}

const body = (bytes: Uint8Array, o: Partial<UploadBody> = {}): UploadBody => ({
  stream: streamOf(bytes),
  lengthBytes: undefined,
  range: undefined,
  signal: new AbortController().signal,
  ...o,
})

/** Sends `bytes`, then fails as a connection does that breaks. */
function broken(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes)
      controller.error(new DOMException('The connection was closed.', 'AbortError'))
    },
  })
}

async function refusedWith(code: ErrorCode, work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AppError)
  expect((error as AppError).code).toBe(code)
}

const stagesOf = async ({ blobs }: Bench) => {
  const ids: string[] = []
  for await (const { id } of blobs.listStages()) ids.push(id)
  return ids
}
const keysOf = async ({ blobs }: Bench) => {
  const keys: string[] = []
  for await (const { key } of blobs.listKeys()) keys.push(key)
  return keys
}

describeOnEachEngine('Upload sessions', (openFresh) => {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`a restart in the middle loses nothing that was acknowledged: the stage is hashed again (${algorithm})`, async () => {
      const at = await bench(await openFresh())
      const blob = freshContent(300_000, algorithm)
      const key = await at.begin()
      await at.uploads.append(key, at.destination, body(blob.bytes.subarray(0, 100_000)))
      at.restart()
      expect((await at.uploads.getStatus(key)).offsetBytes).toBe(100_000)
      await at.uploads.append(key, at.destination, body(blob.bytes.subarray(100_000, 200_000)))
      at.restart()
      await at.uploads.complete(key, at.destination, blob.digest as Digest, body(blob.bytes.subarray(200_000)))
      const row = await at.db.read.selectFrom('blobs').selectAll().executeTakeFirstOrThrow()
      expect([row.digest, row.size_bytes]).toEqual([blob.digest, 300_000])
      expect(await keysOf(at)).toEqual([row.storage_key])
      expect(await stagesOf(at)).toEqual([])
      await refusedWith('BLOB_UPLOAD_UNKNOWN', at.uploads.getStatus(key))
    })
  }

  test('what came before a broken connection stays and counts, and the client goes on from there', async () => {
    const at = await bench(await openFresh())
    const blob = freshContent(2000)
    const key = await at.begin()
    const cut = body(new Uint8Array(0), { stream: broken(blob.bytes.subarray(0, 700)) })
    await expect(at.uploads.append(key, at.destination, cut)).rejects.toThrow()
    const { offsetBytes } = await at.uploads.getStatus(key)
    expect([0, 700]).toContain(offsetBytes)
    const rest = { range: { from: offsetBytes, to: 2000 } }
    await at.uploads.append(key, at.destination, body(blob.bytes.subarray(offsetBytes), rest))
    await at.uploads.complete(key, at.destination, blob.digest as Digest, undefined)
  })

  test('bytes on disk that were never acknowledged are cut before anything else', async () => {
    const at = await bench(await openFresh())
    const blob = freshContent(1000)
    const key = await at.begin()
    await at.uploads.append(key, at.destination, body(blob.bytes.subarray(0, 400)))
    const stage = await at.blobs.openStage(`upload-${key.id}`)
    await stage.append(streamOf(new Uint8Array(123)))
    await stage.close()
    at.restart()
    await at.uploads.append(key, at.destination, body(blob.bytes.subarray(400)))
    await at.uploads.complete(key, at.destination, blob.digest as Digest, undefined)
  })

  test('a file that lost its end counts for what it has: the client is sent back to there', async () => {
    const at = await bench(await openFresh())
    const blob = freshContent(1000)
    const key = await at.begin()
    await at.uploads.append(key, at.destination, body(blob.bytes.subarray(0, 400)))
    const stage = await at.blobs.openStage(`upload-${key.id}`)
    await stage.truncate(100)
    await stage.close()
    at.restart()
    const rest = (from: number) => body(blob.bytes.subarray(from), { range: { from, to: 1000 } })
    await refusedWith('RANGE_INVALID', at.uploads.append(key, at.destination, rest(400)))
    expect((await at.uploads.getStatus(key)).offsetBytes).toBe(100)
    await at.uploads.complete(key, at.destination, blob.digest as Digest, rest(100))
  })

  test('sixteen uploads of one digest at once leave one blob and one object', async () => {
    const at = await bench(await openFresh())
    const blob = freshContent(50_000)
    const keys = await Promise.all(Array.from({ length: 16 }, () => at.begin()))
    await Promise.all(
      keys.map((key) => at.uploads.complete(key, at.destination, blob.digest as Digest, body(blob.bytes))),
    )
    const row = await at.db.read.selectFrom('blobs').selectAll().executeTakeFirstOrThrow()
    expect(await keysOf(at)).toEqual([row.storage_key])
    expect(await stagesOf(at)).toEqual([])
  })

  test('a last body fails where another server took the session on meanwhile, which keeps it', async () => {
    const at = await bench(await openFresh())
    const mine = freshContent(1000)
    const key = await at.begin()
    const one = at.uploads
    at.restart()
    const other = at.uploads
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await other.append(key, at.destination, body(freshContent(500).bytes))
        controller.enqueue(mine.bytes)
        controller.close()
      },
    })
    const late = one.complete(key, at.destination, mine.digest as Digest, body(mine.bytes, { stream }))
    await refusedWith('RANGE_INVALID', late)
    expect((await other.getStatus(key)).offsetBytes).toBe(500)
    expect(await at.db.read.selectFrom('blobs').selectAll().execute()).toEqual([])
    expect(await keysOf(at)).toEqual([])
  })

  test('idle sessions expire with their bytes, others and other people’s stages do not', async () => {
    const at = await bench(await openFresh())
    const [idle, busy] = [await at.begin(), await at.begin()]
    for (const key of [idle, busy]) await at.uploads.append(key, at.destination, body(new Uint8Array(10)))
    for (const id of ['upload-left-by-a-crash', 'mirror-stage']) {
      const stage = await at.blobs.openStage(id)
      await stage.append(streamOf(new Uint8Array(10)))
      await stage.close()
    }
    at.time = new Date('2026-01-08T00:00:00.000Z')
    await at.uploads.append(busy, at.destination, body(new Uint8Array(10)))
    expect(await at.uploads.expire(new Date('2026-01-02T00:00:00.000Z'))).toBe(1)
    await refusedWith('BLOB_UPLOAD_UNKNOWN', at.uploads.getStatus(idle))
    expect((await at.uploads.getStatus(busy)).offsetBytes).toBe(20)
    // Files are judged by their own time, which no test clock moves: an hour from now all of them are old.
    await at.uploads.expire(new Date(Date.now() + 3_600_000))
    expect(await stagesOf(at)).toEqual(['mirror-stage'])
  })

  test('a refused whole upload leaves nothing behind', async () => {
    const at = await bench(await openFresh())
    const wrong = freshContent(5).digest as Digest
    await refusedWith('DIGEST_INVALID', at.uploads.uploadWhole(at.destination, wrong, body(new Uint8Array(100))))
    expect([await stagesOf(at), await keysOf(at)]).toEqual([[], []])
    expect(await at.db.read.selectFrom('repositories').selectAll().execute()).toEqual([])
  })
})

describe('A session cut off by the caller’s signal', () => {
  test('keeps its bytes and can be cancelled', async () => {
    const { openDatabase } = await import('../../src/db/engine/engine.ts')
    const db = await openDatabase(join(directory.path, 'signal.db'))
    const at = await bench(db)
    const key = await at.begin()
    const stop = new AbortController()
    let pulls = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(1000))
        if (++pulls === 5) stop.abort()
      },
    })
    const cut = at.uploads.append(
      key,
      at.destination,
      body(new Uint8Array(0), { stream: endless, signal: stop.signal }),
    )
    await refusedWith('CANCELLED', cut)
    const { offsetBytes } = await at.uploads.getStatus(key)
    expect(offsetBytes % 1000).toBe(0)
    await at.uploads.cancel(key)
    await refusedWith('BLOB_UPLOAD_UNKNOWN', at.uploads.getStatus(key))
    expect(await stagesOf(at)).toEqual([])
    await db.close()
  })
})

describe.skipIf(!havePostgres)('Upload sessions of servers on one database', () => {
  test('of two servers one at a time works on a session, and a server that is gone has none', async () => {
    const at = await bench(await openDatabase(await (await postgres()).freshDatabase()))
    const whole = freshContent(1000)
    const key = await at.begin()
    const [one, other] = [createClaims(at.db), createClaims(at.db)]
    const [mine, theirs] = [one, other].map(({ claim }) =>
      createUploads({ db: at.db, blobs: at.blobs, clock: { now: () => at.time }, claim }),
    ) as [Uploads, Uploads]
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // Bytes of another content over those that this server has hashed.
        await refusedWith('RANGE_INVALID', theirs.append(key, at.destination, body(freshContent(1000).bytes)))
        controller.enqueue(whole.bytes)
        controller.close()
      },
    })
    expect((await mine.append(key, at.destination, body(whole.bytes, { stream }))).offsetBytes).toBe(1000)
    // Given back with the answer.
    await theirs.complete(key, at.destination, whole.digest as Digest, undefined)
    const left = await at.begin()
    expect(await one.claim(left.id)).toBeDefined()
    expect(await other.claim(left.id)).toBeUndefined()
    await one.close()
    const taken = await other.claim(left.id)
    expect(taken).toBeDefined()
    await taken?.()
    await other.close()
    await at.db.close()
  })
})
