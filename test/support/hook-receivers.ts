// Programs that take webhooks, written by other people, on ports of their own.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isolatedHome } from './command.ts'
import { answersHttp, freePort, startDaemon, temporaryDirectory } from './process.ts'

export interface HookReceiver {
  readonly url: string
  readonly directory: string
  log(): string
  stop(): Promise<void>
}

/** Debian's `webhook` (adnanh/webhook, Go): runs commands by rules over what is posted. @param hooks its configuration, as a template */
export async function startWebhookProgram(
  hooks: string,
  env: Readonly<Record<string, string>> = {},
): Promise<HookReceiver> {
  const directory = temporaryDirectory('webhook')
  writeFileSync(join(directory.path, 'hooks.json'), hooks)
  const port = await freePort()
  const daemon = await startDaemon({
    command: 'webhook',
    args: ['-template', '-hooks', 'hooks.json', '-ip', '127.0.0.1', '-port', String(port), '-verbose'],
    cwd: directory.path,
    env: { ...isolatedHome(directory.path), ...env },
    ready: () => answersHttp(`http://127.0.0.1:${port}/`),
  })
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    directory: directory.path,
    log: () => daemon.stdout() + daemon.stderr(),
    async stop() {
      await daemon.stop()
      directory.remove()
    },
  }
}

const python = resolve(import.meta.dir, '../../node_modules/.test-python')

/** Where `scripts/install-test-receiver` has put it; undefined: it could not. */
export const havePythonReceiver: boolean = await Bun.file(join(python, '.done')).exists()

/** `dockerhub-webhook` (Python): runs a command for a repository, and tells Docker Hub's callback how it ended. */
export async function startPythonReceiver(repository: string, command: string, key: string): Promise<HookReceiver> {
  const directory = temporaryDirectory('dockerhub-webhook')
  mkdirSync(join(directory.path, 'log'))
  writeFileSync(
    join(directory.path, 'config.py'),
    `HOOKS = {${JSON.stringify(repository)}: ${JSON.stringify(command)}}\nAPIKEY = ${JSON.stringify(key)}\n`,
  )
  const port = await freePort()
  const daemon = await startDaemon({
    command: 'python3',
    args: ['-m', 'flask', '--app', 'dockerhook', 'run', '--host', '127.0.0.1', '--port', String(port)],
    cwd: directory.path,
    env: { PYTHONPATH: python, PYTHONDONTWRITEBYTECODE: '1' },
    ready: () => answersHttp(`http://127.0.0.1:${port}/`),
  })
  return {
    url: `http://127.0.0.1:${port}/hubhook?key=${key}`,
    directory: directory.path,
    log: () => daemon.stdout() + daemon.stderr(),
    async stop() {
      await daemon.stop()
      directory.remove()
    },
  }
}

export interface Callbacks {
  readonly url: string
  readonly got: unknown[]
  stop(): Promise<void>
}

/** Takes what a receiver posts to its `callback_url`. */
export function startCallbacks(): Callbacks {
  const got: unknown[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      got.push(await request.json())
      return new Response('')
    },
  })
  return { url: `http://127.0.0.1:${server.port}/callback/1`, got, stop: () => server.stop(true) }
}
