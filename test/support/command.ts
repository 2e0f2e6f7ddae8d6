// Runs a real program to its end and says what it did.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Sent to standard input, such as a password; otherwise it is empty. */
  readonly input?: string
  /** Two minutes unless told; the program is killed then and the result says so. */
  readonly timeoutMs?: number
}

/**
 * The environment of this process without proxies and without the developer's own Kagami settings, and with the folders where
 * Debian keeps daemons.
 */
export function plainEnvironment(): Record<string, string> {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/_proxy$/i.test(name) && !/^KAGAMI_(?!TEST_)/.test(name)) plain[name] = value
  }
  plain.PATH = `${plain.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`
  return plain
}

/** Runs a program without a shell. Any exit status is returned; a program that is not there throws. */
export async function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = Bun.spawn([...command], {
    env: { ...plainEnvironment(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.input === undefined ? 'ignore' : new TextEncoder().encode(options.input),
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  const exitCode = await child.exited
  const ended = child.signalCode === null ? '' : `\n${command[0]} was ended by ${child.signalCode}`
  return { exitCode, stdout, stderr: stderr + ended }
}

/** The result of a command that must succeed. @throws Error with its output when it does not */
export async function succeed(running: Promise<CommandResult>): Promise<CommandResult> {
  const result = await running
  if (result.exitCode === 0) return result
  throw new Error(`want exit status 0, got ${result.exitCode}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`)
}

/** A folder that programs take for the user's home: no setting, login or cache of the machine is seen or changed. */
export function isolatedHome(directory: string): Record<string, string> {
  const at = (name: string) => join(directory, name)
  for (const name of ['home/.config/containers', 'data', 'run', 'cache', 'docker']) {
    mkdirSync(at(name), { recursive: true, mode: 0o700 })
  }
  writeFileSync(at('home/.config/containers/policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  // podman and buildah refuse to start without the file that the environment names.
  writeFileSync(at('auth.json'), '{"auths":{}}', { mode: 0o600 })
  writeFileSync(at('registries.conf'), 'unqualified-search-registries = []\n')
  return {
    HOME: at('home'),
    XDG_CONFIG_HOME: at('home/.config'),
    XDG_DATA_HOME: at('data'),
    XDG_CACHE_HOME: at('cache'),
    XDG_RUNTIME_DIR: at('run'),
    REGISTRY_AUTH_FILE: at('auth.json'),
    CONTAINERS_REGISTRIES_CONF: at('registries.conf'),
    DOCKER_CONFIG: at('docker'),
  }
}
