// docs/tutorial.md: its commands work, in the order in which they stand there, and its receiver verifies what it is sent.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { resolve } from 'node:path'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { until } from '../support/delivering.ts'
import { argumentsOf, commandsOf, readPage } from '../support/documented-commands.ts'
import { type Daemon, freePort, startDaemon } from '../support/process.ts'
import { registryClient } from '../support/registry-client.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const root = resolve(import.meta.dir, '../..')

describe('docs/tutorial.md', () => {
  const page = readPage('tutorial')
  const [start = '', login = '', ...commands] = commandsOf(page)
  let kagami: WholeServer
  let owner: CommandLineUser
  let receiver: Daemon | undefined
  let port: number
  let secret = ''
  beforeAll(async () => {
    port = await freePort()
    const env = Object.fromEntries([...start.matchAll(/(KAGAMI_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]))
    kagami = await startWholeServer({ withSample: true, env })
    owner = await signInOwner(kagami)
  })
  afterAll(async () => {
    await receiver?.stop()
    await kagami?.stop()
  })

  test('begins with the server and a login', () => {
    expect([start, login]).toEqual(['KAGAMI_ALLOW_NETWORKS=127.0.0.0/8 npm start', 'bin/kagami login'])
    expect(commands.length).toBeGreaterThan(15)
  })

  const pull = async () => {
    const found = await registryClient(kagami.url, 'acme/dhi-node', { credentials: OWNER }).getManifest('24')
    expect(found.status).toBe(200)
  }
  const receive = async () => {
    const daemon = await startDaemon({
      command: process.execPath,
      args: [resolve(root, 'docs/recipes/receiver.mjs')],
      env: { SECRET: secret, PORT: String(port) },
      ready: async (it) => it.stdout().includes('listening'),
    })
    receiver = daemon
    const forged = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })
    expect(forged.status).toBe(401)
    // Its line may come after its answer.
    const said = await until(
      async () => daemon.stdout(),
      (text) => text.includes('refused: '),
    )
    expect(said).toContain('refused: ')
  }
  const run = async (command: string) => {
    const args = argumentsOf(command.replace(/^bin\//, ''))
    const ended = await owner.run(args.map((word) => word.replace('127.0.0.1:9000', `127.0.0.1:${port}`)))
    expect([ended.status, ended.status === 0 ? '' : ended.stderr]).toEqual([0, ''])
    secret = /whsec_\S+/.exec(ended.stdout)?.[0] ?? secret
  }
  for (const command of commands) {
    test(command, () => {
      if (command === 'docker login 127.0.0.1:5080 --username owner') return
      if (command === 'docker pull 127.0.0.1:5080/acme/dhi-node:24') return pull()
      if (command === 'SECRET=whsec_… node docs/recipes/receiver.mjs') return receive()
      return run(command)
    })
  }

  test('the receiver prints what the page says, and nothing else', async () => {
    const verified = async () => (receiver?.stdout() ?? '').split('\n').filter((line) => line.startsWith('verified'))
    const said = await until(verified, ({ length }) => length > 1)
    expect(said).toEqual(['verified: webhook.test acme/dhi-node:24', 'verified: tag.moved acme/dhi-node:24'])
    for (const line of said) expect(page).toContain(`\`${line}\``)
  })
})
