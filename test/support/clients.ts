// Real clients, each with configuration, logins, storage and caches of its own. Plain http on loopback needs the flags of each client.

import { describe, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type CommandOptions,
  type CommandResult,
  isolatedHome,
  plainEnvironment,
  runCommand,
  succeed,
} from './command.ts'
import { temporaryDirectory } from './process.ts'

export type ClientName =
  | 'skopeo'
  | 'podman'
  | 'buildah'
  | 'umoci'
  | 'containerd'
  | 'docker'
  | 'docker-registry'
  | 'webhook'
  | 'jq'
  | 'curl'

export interface Clients {
  /** A folder for layouts and files of the test. */
  readonly directory: string
  /** The environment that isolates programs; for commands that are not listed here. */
  readonly env: Readonly<Record<string, string>>
  skopeo(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  podman(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  buildah(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  umoci(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
  remove(): void
}

const isRoot = process.getuid?.() === 0
const { PATH = '' } = plainEnvironment()

/** Path of a program, also in the folders of daemons; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  return Bun.which(name, { PATH }) ?? undefined
}

/** What each client needs here; containerd and dockerd run as root only, vfs storage of podman and buildah too. */
const needs: Record<ClientName, { programs: readonly string[]; root: boolean }> = {
  skopeo: { programs: ['skopeo'], root: false },
  umoci: { programs: ['umoci'], root: false },
  podman: { programs: ['podman'], root: true },
  buildah: { programs: ['buildah'], root: true },
  containerd: { programs: ['containerd', 'ctr'], root: true },
  docker: { programs: ['dockerd', 'docker'], root: true },
  'docker-registry': { programs: ['docker-registry'], root: false },
  webhook: { programs: ['webhook'], root: false },
  jq: { programs: ['jq'], root: false },
  curl: { programs: ['curl'], root: false },
}

/** Why a client cannot run here; undefined when it can. */
export function whyUnavailable(client: ClientName): string | undefined {
  const { programs, root } = needs[client]
  const absent = programs.filter((program) => findProgram(program) === undefined)
  if (absent.length > 0) return `${absent.join(' and ')} not installed (scripts/install-test-packages)`
  return root && !isRoot ? `${client} needs root` : undefined
}

/** A `describe` that needs real clients; where one cannot run it is one skipped test and a loud line. */
export function describeWithClients(clients: readonly ClientName[], name: string, body: () => void): void {
  const reasons = clients.map(whyUnavailable).filter((reason) => reason !== undefined)
  if (reasons.length === 0) {
    describe(name, body)
    return
  }
  console.warn(`\n*** SKIPPED, CLIENTS MISSING: "${name}": ${reasons.join('; ')}\n`)
  describe(name, () => {
    test.skip(`needs ${clients.join(', ')}`, () => {})
  })
}

/**
 * Run as root, skopeo and buildah remember every blob of every registry in /var/lib/containers whatever the settings say, and
 * then mount or recompress differently than a fresh machine would: they get a mount namespace with a folder of the test there.
 */
function hiddenSystemStorage(directory: string): readonly string[] {
  const system = '/var/lib/containers'
  const script = `mount --bind "$0" ${system} && exec "$@"`
  if (!isRoot) return []
  mkdirSync(system, { recursive: true })
  const prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, directory]
  return Bun.spawnSync([...prefix, 'true']).exitCode === 0 ? prefix : []
}

/** Clients that know nothing of the machine and nothing of each other's earlier runs. */
export function isolatedClients(): Clients {
  const directory = temporaryDirectory('clients')
  const env = isolatedHome(directory.path)
  const at = (name: string) => join(directory.path, name)
  mkdirSync(at('system'))
  mkdirSync(at('work'))
  const hidden = hiddenSystemStorage(at('system'))
  // podman refuses a runroot of more than 50 characters.
  const storage = ['--root', at('storage'), '--runroot', at('r'), '--storage-driver', 'vfs']
  const run = (command: readonly string[], args: readonly string[], options: CommandOptions = {}) =>
    runCommand([...hidden, ...command, ...args], { cwd: at('work'), ...options, env: { ...env, ...options.env } })
  return {
    directory: at('work'),
    env,
    skopeo: (args, options) => run(['skopeo'], args, options),
    podman: (args, options) => run(['podman', ...storage], args, options),
    buildah: (args, options) => run(['buildah', ...storage], args, options),
    umoci: (args, options) => run(['umoci'], args, options),
    remove: directory.remove,
  }
}

/**
 * Makes a small one-layer OCI image in the layout `directory`/`name`, without a network.
 * @returns the path of the layout; the image's tag in it is `v1`
 */
export async function makeImageLayout(clients: Clients, name: string, content = name): Promise<string> {
  const layout = join(clients.directory, name)
  const file = join(clients.directory, `${name}.txt`)
  writeFileSync(file, content)
  await succeed(clients.umoci(['init', '--layout', layout]))
  await succeed(clients.umoci(['new', '--image', `${layout}:v1`]))
  const rootless = isRoot ? [] : ['--rootless']
  await succeed(clients.umoci(['insert', ...rootless, '--image', `${layout}:v1`, file, '/content.txt']))
  return layout
}
