// A server that has lost its connection to PostgreSQL, and its claims with it, goes on writing: nothing of that is ever published.
import { afterAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { sql } from 'kysely'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { createClaims } from '../../src/db/engine/claims.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { type Digest, parseDigest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { createUploads, type UploadBody } from '../../src/registry/uploads.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('lost-claims')
afterAll(() => directory.remove())

const bytesOf = (text: string) => new TextEncoder().encode(text)
const digestOf = (text: string): Digest => parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`)

/** A body that is fed by hand. */
function fed(): { body: UploadBody; send(text: string): Promise<void>; end(): void } {
  const asked = [Promise.withResolvers<ReadableStreamDefaultController<Uint8Array> | undefined>()]
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        asked.at(-1)?.resolve(controller)
        const next = Promise.withResolvers<void>()
        resume = next.resolve
        return next.promise
      },
    },
    { highWaterMark: 0 },
  )
  let resume = () => {}
  const give = async (work: (controller: ReadableStreamDefaultController<Uint8Array>) => void) => {
    const controller = await asked.at(-1)?.promise
    if (controller === undefined) return
    asked.push(Promise.withResolvers())
    work(controller)
    resume()
  }
  return {
    body: { stream, lengthBytes: undefined, range: undefined, signal: new AbortController().signal },
    async send(text) {
      await give((controller) => controller.enqueue(bytesOf(text)))
      // Asked for the next: what was sent is on its way into the file.
      await asked.at(-1)?.promise
    },
    end: () => void give((controller) => controller.close()),
  }
}

const whole = (text: string): UploadBody => ({
  stream: new Blob([text]).stream(),
  lengthBytes: text.length,
  range: undefined,
  signal: new AbortController().signal,
})

async function twoServers() {
  const url = await (await postgres()).freshDatabase()
  const root = join(directory.path, new URL(url).pathname)
  const db = await openDatabase(url)
  const { row } = await db.write((tx) => createOrganization(tx, { name: 'acme', at: '2026-01-01T00:00:00.000Z' }))
  const destination = { organization: row, name: parseRepositoryName('acme/app'), actor: 'user:u' }
  const clock = { now: () => new Date('2026-01-01T00:00:00.000Z') }
  const servers = await Promise.all(
    [1, 2].map(async () => {
      const blobs = await openFileBlobStore(root)
      const claims = createClaims(db)
      return { blobs, claims, uploads: createUploads({ db, blobs, clock, claim: claims.claim, mayLoseClaims: true }) }
    }),
  )
  const [one, other] = servers
  if (one === undefined || other === undefined) throw new Error('want two servers')
  const { id, repositoryId } = await one.uploads.begin(destination, 'user:u')
  return {
    db,
    destination,
    one,
    other,
    key: { id, repositoryId, subject: 'user:u' },
    /** As a network does that drops connections, or an operator. */
    cut: () =>
      sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = (
        select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()`.execute(db.read),
    async published(digest: Digest) {
      const found = await db.read
        .selectFrom('blobs')
        .select('storage_key')
        .where('digest', '=', digest)
        .executeTakeFirst()
      return found && new Response(await one.blobs.open(found.storage_key)).text()
    },
    async stages() {
      const names: string[] = []
      for await (const { id: name } of one.blobs.listStages()) names.push(name)
      return names
    },
    async close() {
      for (const { claims } of servers) await claims.close().catch(() => {})
      await db.close()
    },
  }
}

describe.skipIf(!havePostgres)('a server whose connection was cut while it writes', () => {
  test('spoils nothing for the one that goes on, and is told that it lost the session', async () => {
    const at = await twoServers()
    const { one, other, key, destination } = at
    await one.uploads.append(key, destination, whole('acknowledged,'))
    const slow = fed()
    const lost = one.uploads.append(key, destination, slow.body).then(
      () => 'moved',
      (error) => error.code,
    )
    await slow.send('lost')
    await at.cut()
    const next = fed()
    const goesOn = other.uploads.append(key, destination, next.body)
    await next.send('kept')
    // Both write at the same place of what each takes for the session.
    await slow.send(' and more of what nobody wants')
    await next.send(' too')
    next.end()
    expect((await goesOn).offsetBytes).toBe('acknowledged,kept too'.length)
    const digest = digestOf('acknowledged,kept too')
    await other.uploads.complete(key, destination, digest, undefined)
    await slow.send(' after it was published')
    slow.end()
    expect(await lost).toBe('RANGE_INVALID')
    expect(await at.published(digest)).toBe('acknowledged,kept too')
    expect(await at.stages()).toEqual([])
    await at.close()
  })

  test('publishes nothing of a session that another has, and what it sent last is not the session’s end', async () => {
    const at = await twoServers()
    const { one, other, key, destination } = at
    await one.uploads.append(key, destination, whole('acknowledged,'))
    const slow = fed()
    const theirs = digestOf('acknowledged,lost')
    const lost = one.uploads.complete(key, destination, theirs, slow.body).then(
      () => 'published',
      (error) => error.code,
    )
    await slow.send('lost')
    await at.cut()
    await other.uploads.append(key, destination, whole('kept'))
    slow.end()
    expect(await lost).toBe('RANGE_INVALID')
    expect(await at.published(theirs)).toBeUndefined()
    const digest = digestOf('acknowledged,kept')
    await other.uploads.complete(key, destination, digest, undefined)
    expect(await at.published(digest)).toBe('acknowledged,kept')
    expect(await at.stages()).toEqual([])
    await at.close()
  })
})
