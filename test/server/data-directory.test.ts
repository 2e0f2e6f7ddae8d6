// The data directory: closed to other users whatever it was before, and a precise word for each way in which it cannot be used
// (issue 7, row 18).
import { afterEach, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isAppError } from '../../src/errors.ts'
import { freshContent, ociRequests } from '../support/oci-requests.ts'
import { temporaryDirectory } from '../support/process.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const umask = process.umask()
afterEach(() => void process.umask(umask))

const start = (directory: string, env: Record<string, string> = {}) => startWholeServer({ directory, env })
const isOpen = (path: string) => (statSync(path).mode & 0o077) !== 0
const below = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name))

async function push(url: string) {
  await ociRequests(url, 'acme/app', OWNER).pushBlob(freshContent(1000))
}

test('nothing that is made is open to other users, though the umask would let them in', async () => {
  using root = temporaryDirectory('modes')
  process.umask(0)
  const directory = join(root.path, 'data')
  const kagami = await start(directory)
  try {
    await push(kagami.url)
    const paths = [directory, ...below(directory)]
    expect(paths.filter((path) => path.endsWith('-wal'))).toHaveLength(1)
    expect(paths.filter(isOpen)).toEqual([])
  } finally {
    await kagami.stop()
  }
})

test('data that other users can read are closed at the next start', async () => {
  using root = temporaryDirectory('modes')
  const directory = join(root.path, 'data')
  const database = join(root.path, 'elsewhere', 'kagami.db')
  const env = { KAGAMI_DATABASE: database }
  const first = await start(directory, env)
  await push(first.url)
  await first.stop()
  for (const end of ['-wal', '-shm']) writeFileSync(`${database}${end}`, '', { mode: 0o644 })
  const all = [directory, ...below(directory), dirname(database), ...below(dirname(database))]
  for (const path of all) chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644)
  // Data of an earlier version may hold more than was made by it.
  writeFileSync(join(directory, 'notes.txt'), 'mine')

  const again = await start(directory, env)
  try {
    const top = [
      directory,
      ...['seal.key', 'server.lock', 'blobs', 'blobs/objects', 'blobs/stages'].map((name) => join(directory, name)),
    ]
    expect([...top, ...below(dirname(database))].filter(isOpen)).toEqual([])
    // Where the operator has put the database is not ours to close.
    expect(isOpen(dirname(database))).toBe(true)
    await push(again.url)
  } finally {
    await again.stop()
  }
})

const key = (directory: string) => join(directory, 'seal.key')
/** What is wrong, how it came so, and what the refusal says besides the path. */
const refusals: [
  what: string,
  path: (directory: string) => string,
  spoil: (directory: string) => void,
  words: string,
][] = [
  [
    'another key',
    key,
    (d) => writeFileSync(key(d), `${Buffer.alloc(32, 9).toString('base64url')}\n`),
    'put back the seal.key',
  ],
  ['no key any more', key, (d) => rmSync(key(d)), 'put back the seal.key'],
  [
    'a truncated key',
    key,
    (d) => writeFileSync(key(d), readFileSync(key(d), 'utf8').slice(0, 20)),
    'restore the file from a backup',
  ],
  ['an empty key', key, (d) => writeFileSync(key(d), ''), 'restore the file from a backup'],
  [
    'a key that is a directory',
    key,
    (d) => {
      rmSync(key(d))
      mkdirSync(key(d))
    },
    'the key cannot be read',
  ],
  [
    'a database that is none',
    (d) => join(d, 'kagami.sqlite'),
    (d) => writeFileSync(join(d, 'kagami.sqlite'), 'x'.repeat(5000)),
    'KAGAMI_DATABASE',
  ],
  [
    'a database that is a directory',
    (d) => join(d, 'kagami.sqlite'),
    (d) => {
      rmSync(join(d, 'kagami.sqlite'))
      mkdirSync(join(d, 'kagami.sqlite'))
    },
    'KAGAMI_DATABASE',
  ],
  [
    'a lock that is no lock',
    (d) => d,
    (d) => writeFileSync(join(d, 'server.lock'), 'x'.repeat(5000)),
    'cannot be locked',
  ],
  [
    'a lock that is a directory',
    (d) => d,
    (d) => {
      rmSync(join(d, 'server.lock'))
      mkdirSync(join(d, 'server.lock'))
    },
    'cannot be locked',
  ],
  [
    'blobs that are a file',
    (d) => join(d, 'blobs'),
    (d) => {
      rmSync(join(d, 'blobs'), { recursive: true })
      writeFileSync(join(d, 'blobs'), '')
    },
    'blobs cannot be kept',
  ],
  [
    'blobs of another database',
    (d) => join(d, 'blobs'),
    (d) => writeFileSync(join(d, 'blobs/database'), 'another'),
    'are of another database',
  ],
  [
    'a data path that is a file',
    (d) => d,
    (d) => {
      rmSync(d, { recursive: true })
      writeFileSync(d, '')
    },
    'is a file, want a directory',
  ],
  [
    'a data path below a file',
    (d) => d,
    (d) => {
      rmSync(dirname(d), { recursive: true })
      writeFileSync(dirname(d), '')
    },
    'cannot be made',
  ],
  [
    'an open directory that holds other things',
    (d) => d,
    (d) => {
      rmSync(d, { recursive: true })
      mkdirSync(join(d, 'photos'), { recursive: true })
      chmodSync(d, 0o755)
    },
    "not Kagami's (photos)",
  ],
  ['a directory for everybody', (d) => d, (d) => chmodSync(d, 0o1777), 'take a directory of its own'],
]
for (const [what, path, spoil, words] of refusals) {
  test(`${what}: refused by the name of the file and what to do, and the directory is free again`, async () => {
    using root = temporaryDirectory('refused')
    const directory = join(root.path, 'parent', 'data')
    const kagami = await start(directory)
    await kagami.stop()
    spoil(directory)
    for (let round = 0; round < 2; round++) {
      const error = await start(directory).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (!isAppError(error, 'CONFIG_INVALID')) throw error ?? new Error('it started')
      expect(error.message).toContain(words)
      expect(error.message).toContain(path(directory))
      expect(error.message).not.toContain('\n')
    }
  })
}

test.skipIf(process.getuid?.() === 0)('a directory that may not be written to is refused by its name', async () => {
  using root = temporaryDirectory('refused')
  const directory = join(root.path, 'data')
  mkdirSync(directory, { mode: 0o500 })
  await expect(start(directory)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a port that is taken is refused by its setting', async () => {
  using root = temporaryDirectory('refused')
  const first = await start(join(root.path, 'one'))
  try {
    const taken = start(join(root.path, 'two'), { KAGAMI_LISTEN: new URL(first.url).host })
    await expect(taken).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(taken).rejects.toThrow('choose another by KAGAMI_LISTEN')
  } finally {
    await first.stop()
  }
})
