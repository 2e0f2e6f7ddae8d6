// What a newcomer sees, and what an operator relies on: the first start, the lines to copy, restarts, refusals.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HEAP_SETTINGS } from '../../src/config/heap.ts'
import { basicAuthorization } from '../clients/raw-http.ts'
import { describeWithClients, isolatedClients } from '../support/clients.ts'
import { type CommandOptions, type CommandResult, runCommand, succeed } from '../support/command.ts'
import { startDocker } from '../support/container-daemons.ts'
import { cloneProgram, type Kagami, type KagamiOptions, startKagami } from '../support/kagami.ts'
import { connectToBoth } from '../support/pinned-connection.ts'
import { freePort, temporaryDirectory } from '../support/process.ts'

setDefaultTimeout(120_000)

const root = resolve(import.meta.dir, '../..')

const startClone = (options: KagamiOptions = {}) => startKagami({ binary: cloneProgram, ...options })

/** Waits for what the program prints next. */
async function printed(kagami: Kagami, text: string): Promise<string> {
  const deadline = Date.now() + 60_000
  while (!kagami.stdout().includes(text)) {
    if (!kagami.running() || Date.now() > deadline) throw new Error(`no "${text}" in:\n${kagami.stdout()}`)
    await Bun.sleep(10)
  }
  return kagami.stdout()
}

describe('the first start', () => {
  let kagami: Kagami
  let welcome: string
  beforeAll(async () => {
    // No password is set: one is made.
    kagami = await startClone({ args: ['--sample'], env: { KAGAMI_OWNER_PASSWORD: '' } })
    welcome = await printed(kagami, 'Ctrl-C')
  })
  afterAll(() => kagami?.stop())

  const password = () => /^ +Password +(\S+) \(shown this once/m.exec(welcome)?.[1] ?? ''

  /** The printed line that starts so (after `echo … |`), as arguments and input. */
  function lineOf(start: string): { args: string[]; input: string | undefined } {
    const line = welcome
      .split('\n')
      .map((text) => text.trim())
      .find((text) => text.replace(/^echo \S+ \| /, '').startsWith(start))
    if (line === undefined) throw new Error(`no line ${start} in:\n${welcome}`)
    const [, input, command = ''] = /^(?:echo (\S+) \| )?(.*)$/.exec(line) ?? []
    return { args: command.split(' ').slice(1), input }
  }

  async function paste(
    client: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>,
    start: string,
  ): Promise<void> {
    const { args, input } = lineOf(start)
    await succeed(client(args, input === undefined ? {} : { input: `${input}\n` }))
  }

  test('mirrors before the eyes of the operator, by plain lines where there is no terminal', () => {
    const lines = kagami.stderr()
    expect(lines).toContain('Mirroring sample/python to acme/dhi-python')
    expect(lines).toContain('acme/dhi-python: ended, 21/21 tags')
    expect(lines).toContain('acme/dhi-python holds what sample/python has')
    expect(lines).not.toContain('\u001b')
  })

  test('prints addresses, the owner and the password; the password opens the door', async () => {
    expect(welcome).toContain(`127.0.0.1:${kagami.port}`)
    expect(welcome).toContain(`${kagami.sampleUrl}/dhi`)
    expect(welcome).toMatch(/^ +Owner +owner$/m)
    const login = await kagami.cli(['login', '--username', 'owner', '--password-stdin'], { input: password() })
    expect(login.exitCode).toBe(0)
    const listed = await kagami.cli(['tag', 'list', 'acme/dhi-python', '--json'])
    expect(JSON.parse(listed.stdout).tags).toHaveLength(21)
  })

  test('the password is nowhere in the data, and not on standard error', async () => {
    expect(password()).toHaveLength(20)
    expect(kagami.stderr()).not.toContain(password())
    const found = await runCommand(['grep', '-r', '--binary-files=text', '-l', password(), kagami.dataDirectory])
    expect(found).toMatchObject({ exitCode: 1, stdout: '' })
  })

  describeWithClients(['skopeo', 'podman'], 'the lines for skopeo and podman', () => {
    test('work as they are printed', async () => {
      const clients = isolatedClients()
      try {
        await paste(clients.skopeo, 'skopeo login')
        await paste(clients.skopeo, 'skopeo copy')
        await paste(clients.podman, 'podman login')
        await paste(clients.podman, 'podman pull')
      } finally {
        clients.remove()
      }
    })
  })

  describeWithClients(['docker'], 'the lines for docker', () => {
    test('work as they are printed', async () => {
      const docker = await startDocker()
      try {
        await paste(docker.docker, 'docker login')
        await paste(docker.docker, 'docker pull')
      } finally {
        await docker.stop()
      }
    })
  })
})

describe('a running server', () => {
  let kagami: Kagami
  beforeAll(async () => {
    kagami = await startClone()
  })
  afterAll(() => kagami?.stop())

  const serve = async (env: Readonly<Record<string, string>>, args: readonly string[] = []) =>
    runCommand([cloneProgram, 'serve', ...args], {
      env: {
        KAGAMI_DATA: `${kagami.dataDirectory}-other`,
        KAGAMI_LISTEN: `127.0.0.1:${await freePort()}`,
        KAGAMI_SAMPLE: `127.0.0.1:${await freePort()}`,
        ...env,
      },
    })

  test('lets no second one start on its data directory', async () => {
    const ended = await serve({ KAGAMI_DATA: kagami.dataDirectory })
    expect(ended.exitCode).toBe(1)
    expect(ended.stderr).toContain('another server is running on the data directory')
    expect(ended.stderr).toContain('KAGAMI_DATA')
  })

  test('keeps its port: a second one names the setting to change, and has made nothing', async () => {
    const listen = await serve({ KAGAMI_LISTEN: `127.0.0.1:${kagami.port}` })
    expect([listen.exitCode, listen.stdout]).toEqual([1, ''])
    expect(listen.stderr).toContain(`127.0.0.1:${kagami.port}`)
    expect(listen.stderr).toContain('KAGAMI_LISTEN')
    const sample = await serve({ KAGAMI_SAMPLE: `127.0.0.1:${kagami.port}` }, ['--sample'])
    expect([sample.exitCode, sample.stdout]).toEqual([1, ''])
    expect(sample.stderr).toContain('KAGAMI_SAMPLE')
  })

  test('what cannot be opened is told by the name of its setting, without a secret or a stack', async () => {
    for (const [env, words] of [
      [{ KAGAMI_DATA: '/proc/none' }, ['KAGAMI_DATA', '/proc/none']],
      [{ KAGAMI_DATABASE: 'postgres://me:hidden-word@127.0.0.1:1/db' }, ['KAGAMI_DATABASE']],
      [{ KAGAMI_LISTN: 'x' }, ['KAGAMI_LISTN', 'KAGAMI_LISTEN']],
    ] as const) {
      const ended = await serve(env)
      expect([ended.exitCode, ended.stdout]).toEqual([1, ''])
      for (const word of words) expect(ended.stderr).toContain(word)
      expect(ended.stderr).not.toMatch(/hidden-word|\n +at /)
    }
    const place = `${kagami.dataDirectory}-never`
    const reset = await kagami.cli(['user', 'reset-password', 'owner'], { env: { KAGAMI_DATA: place } })
    expect([reset.exitCode, reset.stderr]).toEqual([1, expect.stringContaining(place)])
    expect(existsSync(place)).toBe(false)
  })

  test('without --sample there is no sample upstream, and nothing is mirrored by itself', async () => {
    const { username, password } = kagami.owner
    await succeed(kagami.cli(['login', '--username', username, '--password-stdin'], { input: password }))
    for (const [args, nouns] of [
      [['upstream', 'list'], 'upstreams'],
      [['mirror', 'list'], 'mirrors'],
    ] as const) {
      const listed = await succeed(kagami.cli([...args, '--json']))
      expect(JSON.parse(listed.stdout)).toEqual({ [nouns]: [], next: null })
    }
    const released = await kagami.cli(['sample', 'release'])
    expect([released.exitCode, released.stderr]).toEqual([1, expect.stringContaining('--sample')])
  })

  test('is not sent through a proxy that the environment names', async () => {
    const { username, password } = kagami.owner
    const env = { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1' }
    const login = ['login', '--username', username, '--password-stdin']
    expect((await kagami.cli(login, { input: password, env })).exitCode).toBe(0)
  })
})

test('kill -9 frees the data directory at once; the next start goes on with the same data and password', async () => {
  const first = await startClone({ args: ['--sample'] })
  await first.kill()
  const { dataDirectory, port, owner } = first
  const second = await startClone({ args: ['--sample'], dataDirectory, port })
  const welcome = await printed(second, 'Ctrl-C')
  expect(welcome).not.toContain(owner.password)
  expect(welcome).toContain('user reset-password owner')
  await succeed(second.cli(['login', '--username', 'owner', '--password-stdin'], { input: owner.password }))
  const listed = await succeed(second.cli(['mirror', 'list', '--json']))
  expect(JSON.parse(listed.stdout).mirrors).toMatchObject([
    { repository: 'acme/dhi-python', tags: { total: 21, published: 21, failed: 0 } },
  ])
  // SIGTERM: told, closed, and 0.
  expect(await second.stop()).toBe(0)
  expect(second.stderr()).toContain('Stopping')
})

describe('the program', () => {
  test('runs through links and from any working directory, and loads nothing that lies there', async () => {
    const place = temporaryDirectory('elsewhere')
    try {
      symlinkSync(cloneProgram, join(place.path, 'one'))
      symlinkSync('one', join(place.path, 'kagami'))
      writeFileSync(join(place.path, '.env'), 'KAGAMI_SERVER=http://127.0.0.1:2\nKAGAMI_BOGUS=1\n')
      writeFileSync(join(place.path, 'bunfig.toml'), 'preload = ["./bad.ts"]\n')
      writeFileSync(join(place.path, 'bad.ts'), 'throw new Error("loaded from the working directory")\n')
      const version = await succeed(runCommand([join(place.path, 'kagami'), '--version'], { cwd: place.path }))
      const { version: wanted } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
      expect(version.stdout).toBe(`${wanted}\n`)
      const env = { KAGAMI_TOKEN: 'kgm_pat_x', KAGAMI_SERVER: 'http://127.0.0.1:1' }
      const list = await runCommand([join(place.path, 'kagami'), 'mirror', 'list'], { cwd: place.path, env })
      expect(list.stderr).toContain('http://127.0.0.1:1')
    } finally {
      place.remove()
    }
  })

  test('the single executable does the same from an empty directory, without Node, Bun or node_modules', async () => {
    const place = temporaryDirectory('executable')
    const binary = process.env.KAGAMI_TEST_PROGRAM ?? join(place.path, 'kagami')
    try {
      if (!existsSync(binary)) await succeed(runCommand([join(root, 'scripts/build'), binary]))
      const kagami = await startKagami({
        binary,
        args: ['--sample'],
        env: { PATH: '/nonexistent', KAGAMI_WORKERS: '2' },
      })
      try {
        const welcome = await printed(kagami, 'Ctrl-C')
        expect(welcome).toContain('Pull acme/dhi-python with docker:')
        const { username, password } = kagami.owner
        await succeed(kagami.cli(['login', '--username', username, '--password-stdin'], { input: password }))
        expect((await succeed(kagami.cli(['tag', 'list', 'acme/dhi-python']))).stdout).toContain('3.13')
        // Its worker is the same file.
        const [, worker] = await connectToBoth(kagami)
        const headers = { authorization: basicAuthorization(kagami.owner) }
        expect((await worker.send('GET', '/v2/acme/dhi-python/tags/list', { headers })).status).toBe(200)
        // Both keep their heap as the clone does, in a process that has started anew by itself.
        const environment = readFileSync(`/proc/${kagami.pid}/environ`, 'utf8').split('\0')
        for (const [name, value] of Object.entries(HEAP_SETTINGS)) expect(environment).toContain(`${name}=${value}`)
        // The page is inside.
        const page = await (await fetch(kagami.url, { headers: { accept: 'text/html' } })).text()
        const script = /src="(\/assets\/[^"]+)"/.exec(page)?.[1]
        expect((await fetch(`${kagami.url}${script}`)).status).toBe(200)
      } finally {
        await kagami.stop()
      }
    } finally {
      place.remove()
    }
  })
})
