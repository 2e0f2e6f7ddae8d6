// The limit that a registry in this runtime has: a bare `Bun.serve` that does, for each answer, one prepared read of who may pull and one of
// what is pulled, on the database of a Kagami, and answers with the same bytes under the same headers. It checks no signature, counts nothing.
import { Database } from 'bun:sqlite'
import { spawn } from 'node:child_process'
import { answersHttp, freePort, startDaemon } from '../support/process.ts'

export interface BareServer {
  readonly url: string
  /** Process group. */
  readonly group: number
  stop(): Promise<unknown>
}

/**
 * Serves manifests and blobs of the data of a Kagami, by the paths of `/v2`, in a process group of its own.
 * @param o.dataDirectory of a Kagami with SQLite, which may run
 * @param o.username whose rights are read at each request
 */
export async function startBareServer(o: {
  readonly dataDirectory: string
  readonly username: string
  /** That share the port; 1 unless told. */
  readonly processes?: number
}): Promise<BareServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const daemon = await startDaemon({
    command: process.execPath,
    args: [import.meta.path, o.dataDirectory, o.username, String(port), String(o.processes ?? 1)],
    ready: () => answersHttp(url),
  })
  return { url, group: daemon.pid, stop: daemon.stop }
}

const RIGHTS = `select u.id as user, m.role, o.id as organization, r.id as repository, r.visibility from users u
  join organizations o on o.name = +?2 and o.deleted_at is null join repositories r on r.name = +?3
  left join members m on m.organization_id = o.id and m.user_id = u.id where u.id = +?1 and u.disabled_at is null`
const LINKED = `select l.digest, l.media_type, m.size_bytes, m.bytes from repository_manifests l join manifests m on m.digest = l.digest`
const BY_TAG = `${LINKED} join tags t on t.repository_id = l.repository_id and t.digest = l.digest
  where t.repository_id = +?1 and t.name = +?2 and l.published_at is not null`
const BY_DIGEST = `${LINKED} where l.repository_id = +?1 and l.digest = +?2 and l.published_at is not null`
const BLOB = `select b.storage_key from repository_blobs l join blobs b on b.digest = l.digest
  where l.repository_id = +?1 and l.digest = +?2 and l.published_at is not null`

interface Rights {
  readonly role: string | null
  readonly repository: string
  readonly visibility: string
}

interface Manifest {
  readonly digest: string
  readonly media_type: string
  readonly size_bytes: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

function serve(dataDirectory: string, username: string, port: number): void {
  const db = new Database(`${dataDirectory}/kagami.sqlite`, { readonly: true })
  const userId = db.query<{ id: string }, [string]>('select id from users where username = ?').get(username)?.id ?? ''
  const rights = db.prepare<Rights, [string, string, string]>(RIGHTS)
  const byTag = db.prepare<Manifest, [string, string]>(BY_TAG)
  const byDigest = db.prepare<Manifest, [string, string]>(BY_DIGEST)
  const blobOf = db.prepare<{ storage_key: string }, [string, string]>(BLOB)
  const api = 'registry/2.0'
  Bun.serve({
    hostname: '127.0.0.1',
    port,
    development: false,
    reusePort: true,
    fetch({ url }) {
      const [, , , , organization = '', name = '', kind, last = ''] = url.split('/')
      const found = rights.get(userId, organization, `${organization}/${name}`)
      if (found === null || (found.role === null && found.visibility !== 'public')) return absent()
      if (kind === 'blobs') {
        const blob = blobOf.get(found.repository, last)
        if (blob === null) return absent()
        return new Response(Bun.file(objectOf(dataDirectory, blob.storage_key)), {
          headers: {
            'Docker-Content-Digest': last,
            ETag: `"${last}"`,
            'Cache-Control': 'max-age=31536000',
            'Content-Type': 'application/octet-stream',
            'Accept-Ranges': 'bytes',
            'Content-Disposition': 'attachment',
            'Docker-Distribution-API-Version': api,
          },
        })
      }
      const manifest = (last.includes(':') ? byDigest : byTag).get(found.repository, last)
      if (manifest === null) return absent()
      return new Response(manifest.bytes, {
        headers: {
          'Docker-Content-Digest': manifest.digest,
          ETag: `"${manifest.digest}"`,
          'Content-Type': manifest.media_type,
          'Content-Length': String(manifest.size_bytes),
          'Docker-Distribution-API-Version': api,
        },
      })
    },
  })
}

/** As `src/blobs/fs.ts` lays them out. */
function objectOf(dataDirectory: string, key: string): string {
  const encoded = key.slice(key.indexOf('-') + 1)
  return `${dataDirectory}/blobs/objects/${encoded.slice(0, 2)}/${key}`
}

function absent(): Response {
  return new Response('absent', { status: 404 })
}

if (import.meta.main) {
  const [dataDirectory = '', username = '', port = '', processes = '1'] = process.argv.slice(2)
  // This one serves too: a parent that waits would stand in the memory.
  for (let n = 1; n < Number(processes); n++) {
    spawn(process.execPath, [import.meta.path, dataDirectory, username, port], { stdio: 'ignore' }).unref()
  }
  serve(dataDirectory, username, Number(port))
}
