// docs/access.md: its commands work, in the order in which they stand there, and do what it says.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const commands = commandsOf(readPage('access'))

let kagami: WholeServer
let owner: CommandLineUser
let token = ''
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
})
afterAll(() => kagami?.stop())

test('the page has commands', () => expect(commands.length).toBeGreaterThan(18))

testCommands(
  commands,
  () => owner,
  (args, { stdout, stderr }) => {
    const said = args.slice(0, 2).join(' ')
    if (said === 'team show') {
      expect(stdout).toMatch(/^acme\/dhi-\* +read$/m)
      expect(stdout).toMatch(/^acme\/tools\/build +write$/m)
      expect(stdout).toMatch(/^mia +/m)
    }
    if (said === 'token create' && args.includes('--org')) {
      expect(stdout).toMatch(/^kgm_oat_[0-9A-Za-z]{42}$/)
      expect(stderr).toBe('User name with this token: acme')
    }
    if (said === 'token list') {
      token = /^(\S+) +ci +pull,push +dhi-\* tools\/build +yes /m.exec(stdout)?.[1] ?? ''
      expect(token).not.toBe('')
    }
    if (said === 'token deactivate') expect(stdout).toContain('deactivated')
  },
  (word) => (word === 'TOKEN' ? token : word),
)

test('the shapes that machines read are those of the issue', async () => {
  const run = async (...args: string[]) => {
    const ended = await owner.run([...args, '--json'])
    expect([args, ended.status, ended.stderr.includes('error')]).toEqual([args, 0, false])
    return JSON.parse(ended.stdout)
  }
  const made = await run(
    ...['token', 'create', '--org', 'acme', '--label', 'L', '--repositories', 'dhi-*', 'acme/app'],
    ...['--allow', 'pull,push,delete,mirrors,webhooks'],
  )
  expect(Object.keys(made)).toEqual(['id', 'label', 'allow', 'repositories', 'expiresAt', 'username', 'token'])
  expect(made).toMatchObject({
    label: 'L',
    allow: ['pull', 'push', 'delete', 'mirrors', 'webhooks'],
    repositories: ['dhi-*', 'acme/app'],
    expiresAt: expect.any(String),
    username: 'acme',
  })
  expect((await run('token', 'list', '--org', 'acme')).tokens).toMatchObject([{ id: made.id, active: true }])
  expect((await run('token', 'revoke', made.id, '--org', 'acme')).revoked).toBe(made.id)
  await run('team', 'create', 'acme', 'dev')
  await run('team', 'grant', 'acme', 'dev', 'acme/app', 'admin')
  expect(await run('team', 'show', 'acme', 'dev')).toMatchObject({
    team: { name: 'dev', members: 0, grants: 1, manageMirrors: false },
    members: [],
    grants: [{ repository: 'acme/app', permission: 'admin' }],
  })
  expect((await run('team', 'list', 'acme')).teams).toMatchObject([{ name: 'dev' }])
})

test('wrong use is told with what was meant', async () => {
  for (const [args, message] of [
    [['token', 'create', '--label', 'x', '--org', 'acme'], 'give --repositories and --allow'],
    [['token', 'create', '--label', 'x', '--allow', 'pull'], 'give --org'],
    [['token', 'create', '--label', 'x', '--org', 'acme', '--repositories', 'a', '--allow', 'fly'], 'got "fly"'],
    [['token', 'create', '--label', 'x', '--org', 'acme', '--repositories', 'A', '--allow', 'pull'], 'repositories'],
    [['organization', 'change', 'acme'], '--members-pull'],
    [['team', 'change', 'acme', 'dev'], '--manage-mirrors'],
    [['team', 'grant', 'acme', 'dev', '-x*', 'read'], 'unknown option'],
    [['team', 'grant', 'acme', 'dev', 'a..*', 'read'], 'got "a..*"'],
    [['team', 'member', 'acme', 'dev', 'add', 'nobody'], 'nobody is not a member of acme'],
    [['team', 'show', 'acme', 'absent'], 'there is no team absent in acme'],
  ] as const) {
    const ended = await owner.run(args)
    expect([args, ended.status === 0, ended.stderr]).toEqual([args, false, expect.stringContaining(message)])
  }
})
