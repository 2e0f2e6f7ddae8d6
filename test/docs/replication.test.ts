// docs/replication.md and docs/targets.md: their commands work, in the order in which they stand there, with a registry that wants a login.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { argumentsOf, commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { type QuirkRegistry, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
let registry: QuirkRegistry
beforeAll(async () => {
  registry = await startQuirkRegistry({ signIn: 'basic' })
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
  await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
})
afterAll(async () => {
  await kagami?.stop()
  await registry?.[Symbol.asyncDispose]()
})

/** Their password comes by standard input. */
const givesPassword = (): CommandLineUser => ({
  ...owner,
  run: (args, o) => owner.run(args, { input: USER.password, ...o }),
})

describe('docs/replication.md', () => {
  const page = readPage('replication')
  const commands = commandsOf(page)

  test('the page has commands', () => expect(commands.length).toBeGreaterThan(10))
  testCommands(
    commands,
    givesPassword,
    (args, { stdout }) => {
      if (args.includes('--dry-run')) expect(registry.repositories.size).toBe(0)
      if (args.includes('--wait')) expect(stdout).toContain('backup/base/python holds what acme/dhi-python has')
      if (args[1] === 'change') expect(stdout).toMatch(/^Drift +put back, looked for every 6h/m)
      if (args[1] === 'stop') expect(registry.repositories.get('base/python')?.tags.size).toBeGreaterThan(0)
    },
    (word) => (word === 'https://registry.example.com' ? registry.url : word),
  )

  test('what it says between the blocks works too', async () => {
    const inline = [...page.matchAll(/`(kagami [^`]+)`/g)].map(([, command = '']) => command)
    expect(inline.length).toBeGreaterThan(0)
    await owner.run(['webhook', 'create', 'acme', 'http://127.0.0.1:9/', '--name', 'scan', '--plain-http'])
    for (const command of inline) {
      const ended = await owner.run(argumentsOf(command))
      expect([command, ended.status, ended.stderr]).toEqual([command, 0, ''])
    }
    for (const flags of [
      ['--tags', '3.*'],
      ['--semver', '>=3.12'],
      ['--platforms', 'linux/amd64'],
      ['--no-on-change'],
    ]) {
      const changed = await owner.run(['replication', 'change', 'backup/base/python', ...flags])
      expect([flags, changed.status]).toEqual([flags, 0])
    }
  })
})

describe('docs/targets.md', () => {
  const page = readPage('targets')
  const password: Readonly<Record<string, string>> = {
    password: USER.password,
    'secret-key': 'secret key of a test',
    secret: 'secret of a test',
    'key.json': JSON.stringify({
      ...{ type: 'service_account', project_id: 'p', private_key_id: 'k', private_key: 'not one' },
      ...{ client_email: 'push@p.iam.gserviceaccount.com', token_uri: 'https://oauth2.googleapis.com/token' },
    }),
  }
  const words: Readonly<Record<string, () => string>> = {
    NAME: () => 'documented',
    URL: () => registry.url,
    USER: () => USER.username,
  }
  const given = (word: string) =>
    words[word]?.() ??
    word
      .replace('ACCOUNT', '123456789012')
      .replace('REGION', 'eu-central-1')
      .replace('PROJECT/REPOSITORY', 'project/repository')
      .replace('NAME', 'acme')
      .replace('TENANT', 'acme.example')
      .replace('APPLICATION', 'push')
      .replace('…', 'EXAMPLE')

  const commands = commandsOf(page).flatMap((line) => {
    const [, command = '', , file = ''] = /^(kagami [^#<]*?)\s*(<\s*(\S+))?\s*(#.*)?$/.exec(line) ?? []
    return command === '' ? [] : [{ command, file }]
  })
  test('the page has commands', () => expect(commands.length).toBeGreaterThan(8))
  for (const { command, file } of commands) {
    test(command, async () => {
      const args = argumentsOf(command).map(given)
      const isCloud = args.includes('--sign-in')
      const ended = await owner.run([...args, ...(isCloud ? ['--no-check'] : [])], { input: password[file] ?? '' })
      expect([ended.status, ended.stderr]).toEqual([0, ''])
      if (isCloud) expect(ended.stdout).toStartWith(`Added target ${args[2]}`)
    })
  }
})
