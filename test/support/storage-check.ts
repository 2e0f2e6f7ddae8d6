// Looks at an instance's data from outside, with nothing of the server's own code: every stored object against its name, rows against objects.
import { Database as Sqlite } from 'bun:sqlite'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SQL } from 'bun'

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

/** @param database a `postgres://` URL; SQLite's file in the data directory otherwise. The server may run: it only reads */
export async function checkStorage(dataDirectory: string, database?: string): Promise<StorageReport> {
  const { rows, faults } = await readDatabase(dataDirectory, database)
  const objects = join(dataDirectory, 'blobs/objects')
  const missing = [...faults]
  const corrupt: string[] = []
  const known = new Set(rows.map(({ storage_key }) => storage_key))
  let bytes = 0
  for (const { digest, size_bytes, storage_key } of rows) {
    const path = join(objects, storage_key.split('-')[1]?.slice(0, 2) ?? '', storage_key)
    if (!existsSync(path)) {
      missing.push(`object ${storage_key} of blob ${digest}`)
      continue
    }
    const size = Bun.file(path).size
    bytes += size
    if (size !== Number(size_bytes) || (await hashOf(path, digest)) !== digest) corrupt.push(storage_key)
  }
  const orphans = filesBelow(objects).filter((path) => !known.has(basename(path)))
  for (const path of orphans) {
    const name = basename(path)
    const digest = name.split('-').slice(0, 2).join(':')
    if ((await hashOf(path, digest)) !== digest) corrupt.push(`${name}, which no row names`)
  }
  return {
    objects: rows.length,
    bytes,
    missing,
    corrupt,
    orphans: orphans.map((path) => basename(path)),
    stages: ['stages', 'owners'].flatMap((name) => filesBelow(join(dataDirectory, 'blobs', name))).filter(isStage),
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

async function hashOf(path: string, digest: string): Promise<string> {
  const algorithm = digest.split(':')[0] ?? ''
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return `${algorithm}:${hash.digest('hex')}`
}
