// Starts the real program, as an operator would, and runs its command line against it.
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { storesOf } from './chosen-stores.ts'
import { type CommandOptions, type CommandResult, runCommand } from './command.ts'
import { freePort, startDaemon, temporaryDirectory } from './process.ts'
import type { Credentials } from './registry-session.ts'
import { laySample } from './sample-data.ts'

export interface KagamiOptions {
  /** Settings beyond (or instead of) those that are set here. */
  readonly env?: Readonly<Record<string, string>>
  /** Arguments of `serve`. */
  readonly args?: readonly string[]
  /** `--sample`, of whose data the first release is there before the first start. */
  readonly withSample?: boolean
  /** The program; `kagamiProgram` unless told. */
  readonly binary?: string
  /** The data of an earlier start; a new folder unless told. */
  readonly dataDirectory?: string
  /** The port of an earlier start, so that addresses stay the same. */
  readonly port?: number
  readonly readyTimeoutMs?: number
}

export interface KagamiCommandOptions extends CommandOptions {
  /** Sent as KAGAMI_TOKEN; without one the command signs in by what `login` has kept. */
  readonly token?: string
}

export interface Kagami {
  readonly pid: number
  readonly url: string
  /** `localhost:PORT`, for image references: clients take plain http on this name only with a flag, docker without. */
  readonly host: string
  readonly port: number
  /** Where the sample upstream listens with the sample. */
  readonly sampleUrl: string
  readonly dataDirectory: string
  readonly owner: Credentials
  stdout(): string
  stderr(): string
  readonly exited: Promise<number>
  running(): boolean
  /** Runs `kagami ARGS` against this server, with a home of its own. */
  cli(args: readonly string[], options?: KagamiCommandOptions): Promise<CommandResult>
  /** SIGTERM; resolves with the exit code when all has ended. The data stay until the test process ends. */
  stop(): Promise<number>
  /** SIGKILL to the whole process group, as a power cut of the process. */
  kill(): Promise<number>
}

/** The program in the clone, which reads its sources anew at each start. */
export const cloneProgram: string = resolve(import.meta.dir, '../../bin/kagami')

/** What tests start: the executable that `scripts/test` has built of the same sources, which starts in a third of the time. */
export const kagamiProgram: string = process.env.KAGAMI_TEST_PROGRAM ?? cloneProgram

/** True when `/readyz` answers 200: the server serves (with `--sample`: the sample mirror exists). */
export async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

/**
 * Starts `kagami serve` on a free port of 127.0.0.1 and waits until it is ready.
 * @throws Error with the program's output when it ends before it is ready
 */
export async function startKagami(options: KagamiOptions = {}): Promise<Kagami> {
  // What is loaded before the program is loaded by the Bun of the clone.
  const binary = options.binary ?? (options.env?.BUN_OPTIONS === undefined ? kagamiProgram : cloneProgram)
  // A working directory of its own: no settings file and no `./data` of the clone is picked up.
  const directory = temporaryDirectory('kagami')
  const dataDirectory = options.dataDirectory ?? join(directory.path, 'data')
  const home = join(directory.path, 'home')
  mkdirSync(home)
  if (options.withSample) await laySample(dataDirectory)
  const port = options.port ?? (await freePort())
  const owner = { username: 'owner', password: 'correct horse battery staple' }
  const env: Record<string, string> = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    KAGAMI_DATA: dataDirectory,
    KAGAMI_LISTEN: `127.0.0.1:${port}`,
    KAGAMI_SAMPLE: `127.0.0.1:${await freePort()}`,
    KAGAMI_OWNER: owner.username,
    KAGAMI_OWNER_PASSWORD: owner.password,
    ...(await storesOf(dataDirectory)),
    ...options.env,
  }
  const url = `http://127.0.0.1:${port}`
  // Another server at this address must not be taken for the new one, which will find the port taken.
  const taken = await isReady(url)
  const daemon = await startDaemon({
    command: binary,
    args: ['serve', ...(options.withSample ? ['--sample'] : []), ...(options.args ?? [])],
    cwd: directory.path,
    env,
    ready: async () => !taken && isReady(url),
    ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
  })
  return {
    pid: daemon.pid,
    url,
    host: `localhost:${port}`,
    port,
    sampleUrl: `http://${env.KAGAMI_SAMPLE}`,
    dataDirectory,
    owner: { username: env.KAGAMI_OWNER ?? owner.username, password: env.KAGAMI_OWNER_PASSWORD ?? owner.password },
    stdout: daemon.stdout,
    stderr: daemon.stderr,
    exited: daemon.exited,
    running: daemon.running,
    cli: (args, { token, ...rest } = {}) => {
      const signedIn: Record<string, string> = token === undefined ? {} : { KAGAMI_TOKEN: token }
      const own = { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), KAGAMI_SERVER: url, ...signedIn }
      return runCommand([binary, ...args], { cwd: directory.path, ...rest, env: { ...own, ...rest.env } })
    },
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
  }
}
