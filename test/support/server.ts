// The registry's protocol and the token service in this process, on an ephemeral port, over a data directory of its own.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap } from '../../src/access/bootstrap.ts'
import { type AccessParts, openAccess } from '../../src/access/open.ts'
import { createToken } from '../../src/access/tokens.ts'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { openS3BlobStore } from '../../src/blobs/s3/store.ts'
import { parseBucket } from '../../src/config/s3.ts'
import { type Database, openDatabase } from '../../src/db/engine/engine.ts'
import { addMember } from '../../src/db/people/members.ts'
import { createOrganization, findOrganization, setOrganizationQuota } from '../../src/db/people/organizations.ts'
import { createRepository, findRepository } from '../../src/db/repositories/repositories.ts'
import type { OrganizationRow, RepositoryRow, Role, TokenScope } from '../../src/db/schema.ts'
import type { HttpApp } from '../../src/http/app.ts'
import { type Clock, isoTime, systemClock } from '../../src/lib/clock.ts'
import { createLogger, type Logger } from '../../src/lib/logger.ts'
import { createSealer } from '../../src/lib/seal.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { createPulls, type Pulls } from '../../src/registry/pulls.ts'
import { createUploads, type Uploads } from '../../src/registry/uploads.ts'
import { serveByNode } from '../../src/server/node-listener.ts'
import { createRegistryApps } from '../../src/server/registry-app.ts'
import { storesOf } from './chosen-stores.ts'
import { openNewSqlite } from './migrated.ts'
import { temporaryDirectory } from './process.ts'

export const OWNER = { username: 'owner', password: 'correct horse battery staple' } as const

export interface TestServer {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string
  readonly host: string
  readonly db: Database
  readonly blobs: BlobStore
  readonly uploads: Uploads
  readonly pulls: Pulls
  readonly access: AccessParts
  /** The organization that `OWNER` owns. */
  readonly organization: OrganizationRow
  /** A user with a password, in these organizations (made when absent). */
  addUser(username: string, roles?: Readonly<Record<string, Role>>): Promise<{ username: string; password: string }>
  /** A personal access token, usable as a password. */
  addToken(username: string, scope: TokenScope): Promise<{ username: string; password: string; id: string }>
  /** A repository of `acme` before its first push. */
  createRepository(name: string, settings?: Partial<RepositoryRow>): Promise<RepositoryRow>
  getRepository(name: string): Promise<RepositoryRow>
  setRepository(name: string, change: Partial<RepositoryRow>): Promise<void>
  setQuota(quotaBytes: number | null): Promise<void>
  stop(): Promise<void>
}

export interface TestServerOptions {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly idleTimeoutMs?: number
  /** Keeps its data when it stops; the next server on it goes on from there. */
  readonly directory?: string
  /** `postgres://…` instead of SQLite. */
  readonly database?: string
}

const SEAL_KEY = new Uint8Array(32).fill(7)

/** Starts a registry with the organization `acme` of the user `owner`. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const own = options.directory === undefined ? temporaryDirectory('registry') : undefined
  const directory = options.directory ?? own?.path ?? ''
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? createLogger('error')
  const stores = await storesOf(directory)
  const database = options.database ?? stores.KAGAMI_DATABASE
  const isNew = database === undefined && !existsSync(join(directory, 'kagami.db'))
  const path = database ?? join(directory, 'kagami.db')
  const db = await (isNew ? openNewSqlite(path) : openDatabase(path))
  const bucket = stores.KAGAMI_BLOBS
  const blobs =
    bucket === undefined
      ? await openFileBlobStore(join(directory, 'blobs'))
      : openS3BlobStore(parseBucket(bucket, stores))
  const access = await openAccess(db, createSealer(SEAL_KEY), clock)
  const password = createSecret(OWNER.password)
  await bootstrap(db, access.accounts, clock, { owner: OWNER.username, ownerPassword: password, organization: 'acme' })
  const uploads = createUploads({ db, blobs, clock })
  const pulls = createPulls(db, clock)
  const { oci, token } = createRegistryApps(
    { db, blobs, uploads, pulls, clock, access },
    { publicUrl: undefined, logger, idleTimeoutMs: options.idleTimeoutMs },
  )
  const fetch: HttpApp['fetch'] = (request, self) =>
    new URL(request.url, 'http://invalid').pathname === '/token' ? token.fetch(request, self) : oci.fetch(request, self)
  // As the whole server listens over a bucket, whose streams keep their lengths.
  const server =
    bucket !== undefined
      ? serveByNode({ host: '127.0.0.1', port: 0, isShared: false, fetch })
      : Bun.serve({
          hostname: '127.0.0.1',
          port: 0,
          idleTimeout: 120,
          development: false,
          reusePort: false,
          maxRequestBodySize: Number.MAX_SAFE_INTEGER,
          fetch,
        })
  const organization = await findOrganization(db.read, 'acme')
  if (organization === undefined) throw new Error('the first start made no organization acme')
  const at = () => isoTime(clock.now())
  const getRepository = async (name: string) => {
    const row = await findRepository(db.read, parseRepositoryName(name))
    if (row === undefined) throw new Error(`the server has no repository ${name}`)
    return row
  }
  const setRepository = async (name: string, change: Partial<RepositoryRow>) => {
    await db.write((tx) => tx.updateTable('repositories').set(change).where('name', '=', name).execute())
  }

  return {
    url: `http://127.0.0.1:${server.port}`,
    host: `127.0.0.1:${server.port}`,
    db,
    blobs,
    uploads,
    pulls,
    access,
    organization,
    async addUser(username, roles = {}) {
      const secret = `password of ${username}`
      const user = await access.accounts.createUser({ username, password: createSecret(secret) })
      await db.write(async (tx) => {
        for (const [name, role] of Object.entries(roles)) {
          const { row } = await createOrganization(tx, { name, at: at() })
          await addMember(tx, { organizationId: row.id, userId: user.id, role, at: at() })
        }
      })
      return { username, password: secret }
    },
    async addToken(username, scope) {
      const user = await db.read
        .selectFrom('users')
        .select('id')
        .where('username', '=', username)
        .executeTakeFirstOrThrow()
      const made = await createToken(db, clock, { userId: user.id, label: 'test', scope, expires: 'never' })
      return { username, password: made.text.reveal(), id: made.row.id }
    },
    async createRepository(name, settings) {
      const repository = { organizationId: organization.id, name: parseRepositoryName(name), actor: 'system', at: at() }
      await db.write((tx) => createRepository(tx, repository))
      if (settings !== undefined) await setRepository(name, settings)
      return getRepository(name)
    },
    getRepository,
    setRepository,
    async setQuota(quotaBytes) {
      await db.write((tx) => setOrganizationQuota(tx, organization.id, quotaBytes))
    },
    async stop() {
      await server.stop(true)
      await access.refusals.close()
      await pulls.close()
      await db.close()
      own?.remove()
    },
  }
}
