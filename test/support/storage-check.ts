// Looks at an instance's data from outside the server: every stored object against its name, rows against objects.
import { Database as Sqlite } from 'bun:sqlite'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SQL } from 'bun'
import type { S3Location } from '../../src/blobs/s3/location.ts'
import { objectsOf } from './s3-server.ts'

export interface StorageReport {
  readonly objects: number
  readonly bytes: number
  /** Rows of blobs without their object, links without their row, tags without their manifest, manifests without what they need. */
  readonly missing: readonly string[]
  /** Objects with other bytes than their name and row say. */
  readonly corrupt: readonly string[]
  /** Objects that no row names: left by a kill, until collection takes them. */
  readonly orphans: readonly string[]
  /** Files of uploads and downloads on their way in. */
  readonly stages: readonly string[]
}

interface StoredBlob {
  readonly digest: string
  readonly size_bytes: number | string
  readonly storage_key: string
}

/** What must never come out of the database. Each gives texts that say what is missing. */
const FAULTS = [
  `select 'link of ' || l.digest || ' without its blob' as fault from repository_blobs l
     left join blobs b on b.digest = l.digest where b.digest is null`,
  `select 'tag ' || t.name || ' without its manifest ' || t.digest as fault from tags t
     left join repository_manifests m on m.repository_id = t.repository_id and m.digest = t.digest and m.published_at is not null
     where m.digest is null`,
  `select 'manifest ' || r.parent_digest || ' without ' || r.kind || ' ' || r.digest as fault from manifest_references r
     join repository_manifests m on m.digest = r.parent_digest and m.published_at is not null
     left join repository_blobs b on b.repository_id = m.repository_id and b.digest = r.digest and b.published_at is not null
     left join repository_manifests c on c.repository_id = m.repository_id and c.digest = r.digest and c.published_at is not null
     where r.kind <> 'subject' and b.digest is null and c.digest is null`,
]

export interface Stored {
  /** A `postgres://` URL; SQLite's file in the data directory when left out. */
  readonly database?: string | undefined
  /** Where blobs are; below the data directory when left out. */
  readonly s3?: S3Location | undefined
}

/** The server may run: it is only read. */
export async function checkStorage(dataDirectory: string, { database, s3 }: Stored = {}): Promise<StorageReport> {
  const { rows, faults } = await readDatabase(dataDirectory, database)
  const store = s3 === undefined ? filesOf(dataDirectory) : bucketOf(s3)
  const missing = [...faults]
  const corrupt: string[] = []
  const known = new Set(rows.map(({ storage_key }) => storage_key))
  let bytes = 0
  for (const { digest, size_bytes, storage_key } of rows) {
    const size = await store.sizeOf(storage_key)
    if (size === undefined) {
      missing.push(`object ${storage_key} of blob ${digest}`)
      continue
    }
    bytes += size
    if (size !== Number(size_bytes) || (await hashOf(store.read(storage_key, size), digest)) !== digest) {
      corrupt.push(storage_key)
    }
  }
  const orphans = (await store.names()).filter((name) => !known.has(name))
  for (const name of orphans) {
    const digest = name.split('-').slice(0, 2).join(':')
    const size = (await store.sizeOf(name)) ?? 0
    if ((await hashOf(store.read(name, size), digest)) !== digest) corrupt.push(`${name}, which no row names`)
  }
  return { objects: rows.length, bytes, missing, corrupt, orphans, stages: await store.stages() }
}

interface ObjectsSeen {
  sizeOf(name: string): Promise<number | undefined>
  read(name: string, size: number): AsyncIterable<Uint8Array>
  names(): Promise<string[]>
  stages(): Promise<string[]>
}

function filesOf(dataDirectory: string): ObjectsSeen {
  const objects = join(dataDirectory, 'blobs/objects')
  const pathOf = (name: string) => join(objects, name.split('-')[1]?.slice(0, 2) ?? '', name)
  return {
    sizeOf: async (name) => (existsSync(pathOf(name)) ? Bun.file(pathOf(name)).size : undefined),
    read: (name) => createReadStream(pathOf(name)),
    names: async () => filesBelow(objects).map((path) => basename(path)),
    stages: async () =>
      ['stages', 'owners'].flatMap((name) => filesBelow(join(dataDirectory, 'blobs', name))).filter(isStage),
  }
}

function bucketOf(location: S3Location): ObjectsSeen {
  const objects = objectsOf(location)
  const below = async (prefix: string) => {
    const keys: string[] = []
    for await (const { key } of objects.list(prefix)) keys.push(key)
    return keys
  }
  return {
    sizeOf: (name) => objects.sizeOf(`objects/${name}`),
    async *read(name, size) {
      const bytes = size === 0 ? new Uint8Array() : await objects.get(`objects/${name}`, { from: 0, to: size })
      if (bytes !== undefined) yield bytes
    },
    names: async () => (await below('objects/')).map((key) => basename(key)),
    stages: async () => [...(await below('stages/')), ...(await below('own/'))],
  }
}

const isStage = (path: string) => basename(path) !== 'server.lock'

async function readDatabase(directory: string, url?: string): Promise<{ rows: StoredBlob[]; faults: string[] }> {
  const blobs = 'select digest, size_bytes, storage_key from blobs'
  if (url === undefined) {
    const sqlite = new Sqlite(join(directory, 'kagami.sqlite'), { readwrite: true })
    try {
      sqlite.exec('PRAGMA busy_timeout = 5000')
      const [integrity] = sqlite.query('PRAGMA quick_check').all() as { quick_check: string }[]
      const broken = integrity?.quick_check === 'ok' ? [] : [`the database: ${integrity?.quick_check}`]
      const faults = FAULTS.flatMap((query) => sqlite.query(query).all() as { fault: string }[])
      return {
        rows: sqlite.query(blobs).all() as StoredBlob[],
        faults: [...broken, ...faults.map(({ fault }) => fault)],
      }
    } finally {
      sqlite.close()
    }
  }
  const sql = new SQL(url, { max: 1 })
  try {
    const faults: string[] = []
    for (const query of FAULTS) for (const { fault } of await sql.unsafe(query)) faults.push(fault)
    return { rows: await sql.unsafe(blobs), faults }
  } finally {
    await sql.close({ timeout: 0 })
  }
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return []
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function hashOf(chunks: AsyncIterable<Uint8Array>, digest: string): Promise<string> {
  const algorithm = digest.split(':')[0] ?? ''
  const hash = createHash(algorithm)
  for await (const chunk of chunks) hash.update(chunk)
  return `${algorithm}:${hash.digest('hex')}`
}
