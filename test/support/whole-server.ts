// The whole server in this process, as `kagami serve` puts it together, on ephemeral ports over a data directory of its own.
import { describe } from 'bun:test'
import { join } from 'node:path'
import type { z } from '../../src/api/schema.ts'
import { type Environment, parseSettings } from '../../src/config/settings.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { storesOf } from './chosen-stores.ts'
import { layNewSqlite } from './migrated.ts'
import { havePostgres, postgres } from './postgres.ts'
import { temporaryDirectory } from './process.ts'
import { laySample } from './sample-data.ts'

export const OWNER = { username: 'owner', password: 'correct horse battery staple' } as const

export interface Login {
  readonly username: string
  readonly password: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as the schema reads it; throws when the status is not 2xx or the shape is another. */
  as<T>(schema: z.ZodType<T>): T
  /** `error.code` of a refusal. */
  readonly code: string | undefined
  readonly message: string
}

export interface WholeServer {
  readonly url: string
  readonly server: RunningServer
  readonly directory: string
  /** What `openDatabase` takes. */
  readonly database: string
  /** `path` below `/api/v1`. Anonymous without `login`; a personal access token as a string. */
  call(method: string, path: string, o?: CallOptions): Promise<Answer>
  /** A user with a password, a member of these organizations (made when absent). */
  addUser(username: string, roles?: Readonly<Record<string, string>>): Promise<Login>
  stop(): Promise<void>
}

export interface CallOptions {
  readonly login?: Login | string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface WholeServerOptions {
  readonly withSample?: boolean
  /** Without an owner, for the first run. */
  readonly withSetup?: boolean
  readonly env?: Environment
  /** Keeps its data when it stops. */
  readonly directory?: string
}

/**
 * The same suite over SQLite and over PostgreSQL. Where PostgreSQL's programs are absent, its half is skipped with a loud line.
 * @param suite gets what starts servers on that engine, each on a new database
 */
export function describeOnEachDatabase(title: string, suite: (start: typeof startWholeServer) => void): void {
  describe(`${title} (SQLite)`, () => suite(startWholeServer))
  if (!havePostgres)
    console.warn(`\n*** SKIPPED, NO POSTGRESQL: ${title} (run scripts/install-test-packages as root)\n`)
  describe.skipIf(!havePostgres)(`${title} (PostgreSQL)`, () =>
    suite(async (options = {}) => {
      const database = await (await postgres()).migratedDatabase()
      return startWholeServer({ ...options, env: { KAGAMI_DATABASE: database, ...options.env } })
    }),
  )
}

export function authorization(login: Login | string): string {
  if (typeof login === 'string') return `Bearer ${login}`
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
}

export async function startWholeServer(options: WholeServerOptions = {}): Promise<WholeServer> {
  const own = options.directory === undefined ? temporaryDirectory('whole-server') : undefined
  const directory = options.directory ?? own?.path ?? ''
  const env = { ...(await storesOf(directory)), ...options.env }
  const settings = parseSettings({
    KAGAMI_DATA: directory,
    KAGAMI_LISTEN: '127.0.0.1:0',
    KAGAMI_SAMPLE: '127.0.0.1:0',
    KAGAMI_OWNER_PASSWORD: OWNER.password,
    ...env,
  })
  const { withSample = false, withSetup = false } = options
  if (own !== undefined) await layNewSqlite(join(directory, 'kagami.sqlite'))
  if (own !== undefined && withSample) await laySample(directory)
  const server = await startServer({ settings, withSample, withSetup, logger: createLogger('error') })
  const { url } = server

  const call = async (method: string, path: string, { login, body, headers = {} }: CallOptions = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(login === undefined ? {} : { authorization: authorization(login) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return answerOf(`${method} ${path}`, response.status, response.headers, await response.text())
  }
  const must = async (method: string, path: string, body: unknown) => {
    const answer = await call(method, path, { login: OWNER, body })
    if (answer.status >= 300 && answer.code !== 'CONFLICT') throw new Error(`${method} ${path}: ${answer.text}`)
  }
  return {
    url,
    server,
    directory,
    database: settings.database.engine === 'sqlite' ? settings.database.path : (env.KAGAMI_DATABASE ?? ''),
    call,
    async addUser(username, roles = {}) {
      const password = `password of ${username}`
      await must('POST', '/users', { username, password })
      for (const [organization, role] of Object.entries(roles)) {
        await must('POST', '/organizations', { name: organization })
        await must('PUT', `/organizations/${organization}/members/${username}`, { role })
      }
      return { username, password }
    },
    async stop() {
      await server.close()
      own?.remove()
    },
  }
}

function answerOf(what: string, status: number, headers: Headers, text: string): Answer {
  const json = (): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }
  const error = (json() as { error?: { code?: string; message?: string } } | undefined)?.error
  return {
    status,
    headers,
    text,
    code: error?.code,
    message: error?.message ?? '',
    as(schema) {
      if (status >= 300) throw new Error(`${what} answered ${status}: ${text}`)
      return schema.parse(json())
    },
  }
}
