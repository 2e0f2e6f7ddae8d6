import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { gzipOf, type TarEntry, tarOf } from '../../src/sample/tar.ts'
import { temporaryDirectory } from '../support/process.ts'

const ENTRIES: readonly TarEntry[] = [
  { kind: 'directory', path: 'etc/', mode: 0o755 },
  { kind: 'file', path: 'etc/greeting', mode: 0o640, owner: 65532, content: 'héllo\n' },
  { kind: 'file', path: 'etc/empty', mode: 0o644, content: '' },
  { kind: 'file', path: 'etc/block', mode: 0o644, content: 'x'.repeat(512) },
  { kind: 'symlink', path: 'bin', mode: 0o777, target: 'usr/bin' },
]
const MODIFIED_AT = new Date('2026-01-13T09:14:30Z')

describe('an archive of the sample', () => {
  let directory: ReturnType<typeof temporaryDirectory>
  beforeEach(() => {
    directory = temporaryDirectory('sample-tar')
  })
  afterEach(() => directory.remove())

  test('is read by the real tar with modes, owners, times and targets (POSIX ustar)', () => {
    const path = join(directory.path, 'archive.tar.gz')
    writeFileSync(path, gzipOf(tarOf(ENTRIES, MODIFIED_AT)))
    const list = Bun.spawnSync(['tar', '--utc', '--numeric-owner', '-tvzf', path])
    expect(list.stderr.toString()).toBe('')
    expect(list.stdout.toString().trimEnd().replaceAll(/ +/g, ' ').split('\n')).toEqual([
      'drwxr-xr-x 0/0 0 2026-01-13 09:14 etc/',
      '-rw-r----- 65532/65532 7 2026-01-13 09:14 etc/greeting',
      '-rw-r--r-- 0/0 0 2026-01-13 09:14 etc/empty',
      '-rw-r--r-- 0/0 512 2026-01-13 09:14 etc/block',
      'lrwxrwxrwx 0/0 0 2026-01-13 09:14 bin -> usr/bin',
    ])

    const unpack = Bun.spawnSync(['tar', '-xzf', path, '-C', directory.path])
    expect(unpack.exitCode).toBe(0)
    expect(readFileSync(join(directory.path, 'etc/greeting'), 'utf8')).toBe('héllo\n')
    expect(statSync(join(directory.path, 'etc/block')).size).toBe(512)
  })

  test('hashes to the same digest on every machine', () => {
    const digest = createHash('sha256')
      .update(gzipOf(tarOf(ENTRIES, MODIFIED_AT)))
      .digest('hex')
    expect(digest).toBe('7337e81cb5efc943cc732f4f60c7c83673259cc82fefefd2b93b9b8fb1bd0d40')
  })

  test('refuses a path that a ustar name cannot hold', () => {
    const long: TarEntry = { kind: 'directory', path: `${'d'.repeat(100)}/`, mode: 0o755 }
    expect(() => tarOf([long], MODIFIED_AT)).toThrow(RangeError)
  })
})

describe('stored gzip (RFC 1952)', () => {
  test.each([0, 1, 65_535, 65_536, 200_000])('gives %d bytes back as they were', (sizeBytes) => {
    const content = Buffer.alloc(sizeBytes, 'kagami')
    expect(Buffer.compare(gunzipSync(gzipOf(content)), content)).toBe(0)
  })
})
