// Backups that are not what they say, and processes that are killed: nothing half is ever taken for something whole.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { openSealer } from '../../src/lib/seal-key-file.ts'
import { imagesLayout } from '../e2e/small-layout.ts'
import { backUpTo, blobFile, locationOf, locationOfServer, restoreFrom } from '../support/backups.ts'
import { readEntries, rewritten } from '../support/bundles.ts'
import { runCommand } from '../support/command.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

const layout = imagesLayout({ images: 2, layers: 2, layerBytes: 20_000 })
const blobs = [...layout.blobs.keys()].sort()

describe('a backup', () => {
  const directory = temporaryDirectory('backup-faults')
  const at = (...parts: string[]) => join(directory.path, ...parts)
  let source: WholeServer
  let good: string
  let archive: string
  beforeAll(async () => {
    source = await startWholeServer()
    await source.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    await pushLayout(layout, source.url, 'acme/app', { credentials: OWNER })
    good = at('good')
    archive = at('good.tar')
    await backUpTo(locationOfServer(source), good)
    await backUpTo(locationOfServer(source), archive)
  })
  afterAll(async () => {
    await source?.stop()
    directory.remove()
  })

  let made = 0
  const fresh = () => locationOf(at(`data-${++made}`))
  /** Refused so, and nothing is left of it. */
  const refused = async (from: string, said: RegExp | string) => {
    const there = fresh()
    await expect(restoreFrom(there, from)).rejects.toThrow(said)
    const names = existsSync(there.directory) ? readdirSync(there.directory) : []
    expect(names.filter((name) => name !== 'blobs' && name !== 'server.lock')).toEqual([])
    const objects = join(there.directory, 'blobs', 'objects')
    const left = existsSync(objects) ? readdirSync(objects, { recursive: true, withFileTypes: true }) : []
    expect(left.filter((entry) => entry.isFile())).toEqual([])
  }
  const copyOf = async (name: string) => {
    await cp(good, at(name), { recursive: true })
    return at(name)
  }
  const flip = (file: string) => {
    const bytes = readFileSync(file)
    bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 1
    writeFileSync(file, bytes)
  }

  test('with a byte of a blob, of rows or of the set changed is refused by the name of the file', async () => {
    const [blob = ''] = blobs
    const folder = await copyOf('flipped-blob')
    flip(blobFile(folder, blob))
    await refused(folder, `blobs/${blob.replace(':', '/')} hash to sha256:`)

    // The next backup that verifies mends it; one that does not sees a file of the right size.
    const trusting = await backUpTo(locationOfServer(source), folder)
    expect(trusting.newBlobs).toBe(0)
    expect((await backUpTo(locationOfServer(source), folder, { isVerifying: true })).newBlobs).toBe(1)
    expect((await restoreFrom(fresh(), folder)).blobs).toBe(trusting.blobs)

    const rows = await copyOf('flipped-rows')
    const [portion = ''] = readdirSync(join(rows, 'rows', 'sha256'))
    flip(join(rows, 'rows', 'sha256', portion))
    await refused(rows, new RegExp(`rows/sha256/${portion} \\(rows of \\w+\\) hash to`))
    const set = await copyOf('flipped-set')
    const [name = ''] = readdirSync(join(set, 'sets'))
    flip(join(set, 'sets', name))
    await refused(set, `sets/${name} hash to`)
  })

  test('with a file that is gone, too short, a link or another one is refused', async () => {
    const [blob = '', next = ''] = blobs
    const folder = await copyOf('missing')
    rmSync(blobFile(folder, blob))
    await refused(folder, `blobs/${blob.replace(':', '/')} is missing`)
    await cp(blobFile(good, next), blobFile(folder, blob))
    await refused(folder, /has \d+ bytes, want \d+|hash to/)
    truncateSync(blobFile(folder, next), 5)
    await refused(folder, /has \d+ bytes, want \d+/)
    const rows = await copyOf('missing-rows')
    rmSync(join(rows, 'rows'), { recursive: true })
    await refused(rows, /rows\/sha256\/[0-9a-f]{64} is missing: rows of/)
    await refused(at('nowhere'), 'there is no such folder or file')
    await refused(source.directory, 'it is no backup of kagami backup')
    const none = await copyOf('no-set')
    rmSync(join(none, 'sets'), { recursive: true })
    await refused(none, 'no backup was finished here')
  })

  test('as an archive is refused when it is cut off, packed, or has paths that lead out', async () => {
    expect(statSync(archive).mode & 0o077).toBe(0)
    expect((await restoreFrom(fresh(), archive)).blobs).toBe(blobs.length)
    for (const bytes of [3000, statSync(archive).size >> 1, statSync(archive).size - 10_240]) {
      await cp(archive, at('cut.tar'))
      truncateSync(at('cut.tar'), bytes)
      await refused(at('cut.tar'), /cut off|no backup/)
    }
    writeFileSync(at('packed.tar'), Bun.gzipSync(new Uint8Array(readFileSync(archive))))
    await refused(at('packed.tar'), 'is compressed by gzip')
    const evil = { name: '../../evil', type: 'file' as const, bytes: Buffer.from('x') }
    await rewritten(archive, at('evil.tar'), (entries) => [...entries, evil])
    await refused(at('evil.tar'), 'leads out of the archive')
    await rewritten(archive, at('twice.tar'), (entries) => [...entries, ...entries.slice(-1)])
    await refused(at('twice.tar'), 'want each file once')
    const names = (await readEntries(archive)).map(({ name }) => name)
    expect(names.at(0)).toBe('kagami-backups')
    expect(names.at(-1)).toStartWith('sets/')
  })

  test('needs the right key, or is told to do without', async () => {
    const sealed = at('sealed')
    await backUpTo(locationOfServer(source), sealed, { isWithKey: false })
    expect(existsSync(join(sealed, 'keys'))).toBe(false)
    await refused(sealed, 'give the seal.key that was beside the data')
    openSealer(at('wrong.key'))
    await expect(restoreFrom(fresh(), sealed, { keyFile: at('wrong.key') })).rejects.toThrow('is not the key')
    const keyFile = join(source.directory, 'seal.key')
    expect(await restoreFrom(fresh(), sealed, { keyFile })).toMatchObject({ withoutKey: false })
    const there = fresh()
    expect(await restoreFrom(there, sealed, { isWithoutKey: true })).toMatchObject({ withoutKey: true })
    const server = await startWholeServer({ directory: there.directory })
    expect((await server.call('GET', '/user', { login: OWNER })).status).toBe(200)
    await server.stop()
  })

  test('of newer data is refused in plain words, by backup and by restore', async () => {
    const there = fresh()
    await restoreFrom(there, good)
    const db = await openDatabase(join(there.directory, 'kagami.sqlite'))
    const at_ = { name: '9999-future', applied_at: '2027-01-01T00:00:00.000Z' }
    await db.write((tx) =>
      tx
        .insertInto('migrations' as 'tags')
        .values(at_ as never)
        .execute(),
    )
    await db.close()
    await expect(backUpTo(there, at('newer'))).rejects.toThrow(
      'holds migration 9999-future, which this version does not',
    )
    expect(readdirSync(at('newer'))).not.toContain('sets')
  })

  test('that is interrupted leaves those of before, and a restore that was killed is gone on with', async () => {
    const there = fresh()
    const folder = await copyOf('killed')
    const before = readdirSync(join(folder, 'sets'))
    const stopping = new AbortController()
    rmSync(join(folder, 'blobs'), { recursive: true })
    const stopped = backUpTo(locationOfServer(source), folder, {
      signal: stopping.signal,
      onBytes: () => stopping.abort(),
    })
    await expect(stopped).rejects.toThrow()
    expect(readdirSync(join(folder, 'sets'))).toEqual(before)
    expect((await backUpTo(locationOfServer(source), folder)).newBlobs).toBeGreaterThan(0)
    await expect(restoreFrom(fresh(), folder, { set: before[0] ?? '' })).resolves.toMatchObject({ set: before[0] })

    // A pipe in the place of a blob's file: the restore waits there, and is killed with some objects sealed.
    const last = blobs.at(-1) ?? ''
    const kill = await copyOf('kill')
    const env = { KAGAMI_DATA: there.directory, HOME: directory.path }
    const held = `${blobFile(kill, last)}.held`
    renameSync(blobFile(kill, last), held)
    writeFileSync(blobFile(kill, last), Buffer.alloc(statSync(held).size))
    const broken = await runCommand([kagamiProgram, 'restore', kill, '--json'], { env, cwd: directory.path })
    expect([broken.exitCode, JSON.parse(broken.stdout).error.code]).toEqual([1, 'UPSTREAM_INVALID'])
    expect(readdirSync(there.directory)).not.toContain('kagami.sqlite')
    renameSync(held, blobFile(kill, last))

    const marker = join(there.directory, 'restoring.json')
    const half = new AbortController()
    const interrupted = restoreFrom(there, kill, { signal: half.signal, onBytes: () => half.abort() })
    await expect(interrupted).rejects.toThrow()
    expect(existsSync(marker)).toBe(true)
    await expect(startWholeServer({ directory: there.directory })).rejects.toThrow('run kagami restore again')
    const done = await restoreFrom(there, kill)
    expect(done.newBlobs).toBeLessThan(done.blobs)
    expect(existsSync(marker)).toBe(false)
    const server = await startWholeServer({ directory: there.directory })
    await server.stop()
  })
})
