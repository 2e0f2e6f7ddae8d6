// A private PostgreSQL cluster, one per test process, with Debian's programs; nothing of the machine's own cluster is touched.
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SQL } from 'bun'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { type Daemon, freePort, startDaemon, temporaryDirectory } from './process.ts'

export interface PostgresCluster {
  /** Connection URL of a new, empty database (UTF-8, locale C.UTF-8 as on most servers). */
  freshDatabase(): Promise<string>
  /** A new one with today's schema, whose migrations were run once for all. */
  migratedDatabase(): Promise<string>
  /** Ends every connection to a database made here and removes it. */
  dropDatabase(url: string): Promise<void>
  running(): boolean
  stop(): Promise<void>
}

/** Where `initdb` and `postgres` are: Debian keeps them out of PATH, one folder a version. */
function findPrograms(): string | undefined {
  const onPath = Bun.which('initdb')
  if (onPath !== null) return join(onPath, '..')
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian) : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, 'bin'))
    .find((directory) => existsSync(join(directory, 'initdb')))
}

/** Whether PostgreSQL's server programs are installed. */
export const havePostgres: boolean = findPrograms() !== undefined

/** PostgreSQL refuses to run as root: as root we run it as `postgres`, or as `nobody` where Debian's user is absent. */
function unprivileged(): { prefix: string[]; own: (path: string) => void } {
  if (process.getuid?.() !== 0) return { prefix: [], own: () => {} }
  const idOf = (flag: string, user: string) => {
    const run = Bun.spawnSync(['id', flag, user])
    return run.exitCode === 0 ? Number(run.stdout.toString()) : undefined
  }
  const user = idOf('-u', 'postgres') === undefined ? 'nobody' : 'postgres'
  const uid = idOf('-u', user) ?? 65534
  const gid = idOf('-g', user) ?? 65534
  return {
    prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'],
    own: (path) => chownSync(path, uid, gid),
  }
}

/** Settings for a cluster that is thrown away: nothing has to survive a crash of the machine. */
const settings = {
  fsync: 'off',
  // In the folder that is removed: a cluster that is killed leaves what it has elsewhere.
  dynamic_shared_memory_type: 'mmap',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  // Files of tests open a pool of 16 for each test, and close them at their end.
  max_connections: '400',
  listen_addresses: '127.0.0.1',
  timezone: 'UTC',
  // A server waits for whoever reads its log, with locks in its hands; refused statements are many.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
  // A test that forgets to close a connection must not hold the stop.
  idle_session_timeout: '0',
}

/** A cluster that survives its own kills, as one in earnest does. */
const durably = { ...settings, fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }

interface Prepared {
  readonly directory: ReturnType<typeof temporaryDirectory>
  readonly urlOf: (database: string) => string
  readonly connect: () => SQL
  begin(): Promise<Daemon>
}

async function prepare(chosen: Readonly<Record<string, string>>): Promise<Prepared> {
  const programs = findPrograms()
  if (programs === undefined) throw new Error('want PostgreSQL (initdb), found none: run scripts/install-test-packages')
  const directory = temporaryDirectory('postgres')
  const data = join(directory.path, 'data')
  const { prefix, own } = unprivileged()
  mkdirSync(data, { mode: 0o700 })
  own(directory.path)
  own(data)
  const auth = ['--username=kagami', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8']
  const init = Bun.spawnSync(
    [...prefix, join(programs, 'initdb'), '-D', data, ...auth, '--no-sync', '--no-instructions'],
    {
      cwd: directory.path,
    },
  )
  if (init.exitCode !== 0) throw new Error(`initdb ended with ${init.exitCode}: ${init.stderr}`)

  const port = await freePort()
  const flags = Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const urlOf = (database: string) => `postgres://kagami@127.0.0.1:${port}/${database}`
  const connect = () => new SQL(urlOf('postgres'), { max: 1, connectionTimeout: 5 })
  const ready = async (_daemon: Daemon) => {
    const sql = connect()
    try {
      await sql`select 1`
      return true
    } catch {
      return false
    } finally {
      await sql.close({ timeout: 0 })
    }
  }
  const [command = '', ...args] = [
    ...prefix,
    join(programs, 'postgres'),
    '-D',
    data,
    '-p',
    String(port),
    '-k',
    directory.path,
  ]
  const begin = () => startDaemon({ command, args: [...args, ...flags], cwd: directory.path, ready })
  return { directory, urlOf, connect, begin }
}

async function start(): Promise<PostgresCluster> {
  const { directory, urlOf, connect, begin } = await prepare(settings)
  const daemon = await begin()
  const admin = connect()
  let made = 0
  const create = async (template: string) => {
    made += 1
    const name = `test_${made}`
    await admin.unsafe(`create database ${name} template ${template}`)
    return urlOf(name)
  }
  let migrated: Promise<string> | undefined
  const migrate = async () => {
    const url = await create('template0')
    await (await openDatabase(url)).close()
    return new URL(url).pathname.slice(1)
  }
  return {
    freshDatabase: () => create('template0'),
    async migratedDatabase() {
      migrated ??= migrate()
      return create(await migrated)
    },
    dropDatabase: async (url) => {
      const name = new URL(url).pathname.slice(1)
      if (!/^test_\d+$/.test(name)) throw new Error(`want a database made by freshDatabase, got ${name}`)
      await admin.unsafe(`drop database if exists ${name} with (force)`)
    },
    running: () => daemon.running(),
    stop: async () => {
      await admin.close({ timeout: 0 })
      // The cluster is thrown away: SIGKILL spares the shutdown checkpoint.
      await daemon.kill()
      directory.remove()
    },
  }
}

/** A cluster of a test's own, which it kills and starts again. */
export interface MortalPostgres {
  /** Of its one database. */
  readonly url: string
  /** SIGKILL to the server and each of its processes. */
  kill(): Promise<void>
  /** Resolves when it has recovered. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startMortalPostgres(): Promise<MortalPostgres> {
  const { directory, urlOf, begin } = await prepare(durably)
  let daemon = await begin()
  const kill = async () => {
    // Each of them is a process group of its own.
    for (const pid of childrenOf(daemon.pid)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    await daemon.kill()
  }
  return {
    url: urlOf('postgres'),
    kill,
    async restart() {
      daemon = await begin()
    },
    async stop() {
      await kill()
      directory.remove()
    },
  }
}

/** Of `setpriv`, which executes the server in its place, the processes are the server's. */
function childrenOf(pid: number): number[] {
  const children = Bun.spawnSync(['ps', '-o', 'pid=', '--ppid', String(pid)])
  return children.stdout.toString().split(/\s+/).filter(Boolean).map(Number)
}

let cluster: Promise<PostgresCluster> | undefined

/** The cluster of this test process, started at the first call (about a second). It ends with the process. */
export async function postgres(): Promise<PostgresCluster> {
  // Bun kills the processes that it knows of when a test times out; the tests after it shall not fail for that.
  if (cluster && !(await cluster).running()) cluster = undefined
  cluster ??= start()
  return cluster
}
