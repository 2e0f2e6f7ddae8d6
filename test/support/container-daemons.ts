// containerd and dockerd, started for a test with root, state and socket of their own; both need root.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './clients.ts'
import { type CommandOptions, type CommandResult, isolatedHome, runCommand } from './command.ts'
import { startDaemon, temporaryDirectory } from './process.ts'

export interface Containerd {
  /** `ctr` at this daemon; pulls need `--plain-http` (or `--hosts-dir`) and `--snapshotter native`. */
  ctr(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** A folder for files of the test, such as a hosts directory. */
  readonly directory: string
  stop(): Promise<void>
}

export interface Docker {
  /** The docker client at this daemon, with a login file of its own. Registries on 127.0.0.0/8 may be plain http. */
  docker(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  readonly directory: string
  stop(): Promise<void>
}

/** Starts containerd without the CRI plugin. */
export async function startContainerd(): Promise<Containerd> {
  const directory = temporaryDirectory('containerd')
  const at = (name: string) => join(directory.path, name)
  const socket = at('c.sock')
  const config = [
    'version = 2',
    `root = "${at('root')}"`,
    `state = "${at('state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\n  address = "${socket}"`,
    `[ttrpc]\n  address = "${socket}.ttrpc"`,
    `[plugins."io.containerd.internal.v1.opt"]\n  path = "${at('opt')}"`,
  ]
  writeFileSync(at('config.toml'), `${config.join('\n')}\n`)
  const env = isolatedHome(directory.path)
  const ctr: Containerd['ctr'] = (args, options = {}) =>
    runCommand(['ctr', '-a', socket, ...args], { cwd: directory.path, ...options, env: { ...env, ...options.env } })
  const daemon = await startDaemon({
    command: findProgram('containerd') ?? 'containerd',
    args: ['-c', at('config.toml')],
    cwd: directory.path,
    env,
    ready: async () => existsSync(socket) && (await ctr(['version'])).exitCode === 0,
  })
  const stop = async () => {
    await daemon.stop()
    directory.remove()
  }
  return { ctr, directory: directory.path, stop }
}

/** Starts dockerd without bridge and packet filter: pulling and pushing needs neither. */
export async function startDocker(): Promise<Docker> {
  const directory = temporaryDirectory('docker')
  const at = (name: string) => join(directory.path, name)
  const socket = `unix://${at('d.sock')}`
  for (const name of ['data', 'exec']) mkdirSync(at(name))
  const env = { ...isolatedHome(directory.path), DOCKER_HOST: socket }
  // Debian's client belongs to Debian's daemon; another one may come first on PATH.
  const client = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker'
  const docker: Docker['docker'] = (args, options = {}) =>
    runCommand([client, ...args], { cwd: directory.path, ...options, env: { ...env, ...options.env } })
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none']
  const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '-H', socket]
  const daemon = await startDaemon({
    command: findProgram('dockerd') ?? 'dockerd',
    args: [...places, ...network, '-s', 'vfs'],
    cwd: directory.path,
    env,
    ready: async () => existsSync(at('d.sock')) && (await docker(['version'])).exitCode === 0,
  })
  const stop = async () => {
    await daemon.stop(20_000)
    directory.remove()
  }
  return { docker, directory: directory.path, stop }
}
