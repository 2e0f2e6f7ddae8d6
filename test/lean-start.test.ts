// What a process of the program has loaded when nobody has asked for anything: who needs more of it, loads it then (lib/lazily.ts).
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { runCommand } from './support/command.ts'

const root = join(import.meta.dir, '..')

/** What neither a server nor a worker needs before somebody asks for it, since each costs 1 to 20 MiB. */
const LATER = [
  '@aws-sdk/client-ecr',
  '@aws-sdk/client-ecr-public',
  '@aws-sdk/credential-providers',
  '@azure/core-rest-pipeline',
  '@azure/identity',
  'better-auth',
  'croner',
  'google-auth-library',
  'nodemailer',
  'openid-client',
  'otpauth',
  'pg',
  'prom-client',
  're2js',
  'semver',
  'standardwebhooks',
  'tar-stream',
  'yaml',
]
const WORKER_NEVER = ['@hono/zod-openapi', '@streamparser/json', 'commander', 'packageurl-js']

interface Loaded {
  readonly packages: ReadonlySet<string>
  readonly sources: readonly string[]
}

/** What importing a source has loaded, in a process of its own. */
async function loadedBy(source: string): Promise<Loaded> {
  const script = `await import(${JSON.stringify(join(root, source))}); console.log(JSON.stringify(Object.keys(require.cache)))`
  const { exitCode, stdout, stderr } = await runCommand([process.execPath, '-e', script], { cwd: root })
  if (exitCode !== 0) throw new Error(stderr)
  const paths = JSON.parse(stdout) as string[]
  const packages = paths.flatMap((path) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  const sources = paths.filter((path) => path.startsWith(join(root, 'src'))).map((path) => path.slice(root.length + 5))
  return { packages: new Set(packages), sources }
}

const among = ({ packages }: Loaded, names: readonly string[]) => names.filter((name) => packages.has(name))

describe('what is loaded before anybody asks', () => {
  test('a worker has neither engines nor the API', async () => {
    const loaded = await loadedBy('src/server/workers/worker.ts')
    expect(loaded.packages).toContain('kysely')
    expect(among(loaded, [...LATER, ...WORKER_NEVER])).toEqual([])
    const rooms = /^(?:cli|api\/(?!error-body)|mirror|catalog|sample|contents|remote|db\/migrations|http\/api\/app)/
    expect(loaded.sources.filter((path) => rooms.test(path))).toEqual([])
  })

  test('a server has neither the API nor what few servers use', async () => {
    const loaded = await loadedBy('src/server.ts')
    expect(loaded.packages).toContain('kysely')
    expect(among(loaded, LATER)).toEqual([])
    const rooms = /^(?:cli|sample|http\/api\/app|http\/metrics\/render|db\/migrations)/
    expect(loaded.sources.filter((path) => rooms.test(path))).toEqual([])
  })

  test('the command line has no server, and no verb, before one is asked for', async () => {
    const { sources } = await loadedBy('src/cli/program.ts')
    expect(sources.filter((path) => /^(?:server|mirror)/.test(path))).toEqual([])
    const itself = ['command-line', 'commands', 'exit', 'program', 'terminal'].map((name) => `cli/${name}.ts`)
    expect(sources.filter((path) => path.startsWith('cli/') && !itself.includes(path))).toEqual([])
  })
})
