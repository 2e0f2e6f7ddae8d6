// The audit log from the command line: the shape that scripts read, the lines that people read, and what is done without a server.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createSecret } from '../../src/lib/secret.ts'
import { openLedger } from '../../src/server/instance.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/process.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const directory = temporaryDirectory('audit-cli')
let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ directory: directory.path })
  owner = await signInOwner(kagami)
  await kagami.addUser('ada', { acme: 'member' })
  await owner.run(['repository', 'create', 'acme/box'])
  await owner.run(['repository', 'change', 'acme/box', '--description', 'boxes'])
})
afterAll(async () => {
  await kagami.stop()
  directory.remove()
})

test('audit list --json has this shape, and no other', async () => {
  const { stdout } = await owner.run(['audit', 'list', 'acme', '--action', 'repository.change', '--json'])
  const state = { visibility: 'private', immutableTags: 'none', allowSparse: false, archivedAt: null }
  expect(JSON.parse(stdout)).toEqual({
    entries: [
      {
        seq: expect.any(Number),
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        actor: 'user:owner',
        token: expect.any(String),
        action: 'repository.change',
        object: 'acme/box',
        outcome: 'done',
        before: { ...state, description: '' },
        after: { ...state, description: 'boxes' },
        address: '127.0.0.1',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ],
    next: null,
  })
})

test('people read what is another than before, and how often somebody was refused', async () => {
  for (let i = 0; i < 2; i++) {
    const login = { username: 'ada', password: 'password of ada' }
    await kagami.call('DELETE', '/repositories/acme/box?confirm=acme/box', { login })
  }
  const { stdout } = await owner.run(['audit', 'list', 'acme'])
  const row = (action: string) => stdout.split('\n').find((line) => line.includes(action)) ?? ''
  expect(row('repository.change')).toContain('description "" → "boxes"')
  expect(row('member.put')).toContain('role "member"')
  expect(row('repository.delete')).toMatch(/user:ada\s.*refused\s+DENIED, 2 times\s+127\.0\.0\.1/)
})

test('pages name the next one, and the export has all of it, one entry a line', async () => {
  const page = await owner.run(['audit', 'list', 'acme', '--limit', '1'])
  const after = /--after (\d+)/.exec(page.stderr)?.[1] ?? ''
  const next = JSON.parse((await owner.run(['audit', 'list', 'acme', '--after', after, '--json'])).stdout)
  const exported = (await owner.run(['audit', 'export', 'acme'])).stdout.split('\n').map((line) => JSON.parse(line))
  expect(next.entries).toEqual(exported.slice(1))
})

test('what is wrong is said: a filter, an organization of others', async () => {
  expect((await owner.run(['audit', 'list', 'acme', '--outcome', 'lost'])).status).toBe(2)
  expect((await owner.run(['audit', 'list', 'acme', '--since', 'yesterday'])).stderr).toContain('want a date')
  expect((await owner.run(['audit', 'export', 'nobodys'])).stderr).toContain('DENIED')
})

test('a password that was reset on the data directory is told too, with the password nowhere', async () => {
  await kagami.stop()
  const database = { engine: 'sqlite', path: `${directory.path}/kagami.sqlite` } as const
  const ledger = await openLedger({ directory: directory.path, database })
  await ledger.access.accounts.resetPassword('ada', createSecret('a password made offline'))
  await ledger.close()
  kagami = await startWholeServer({ directory: directory.path })
  owner = await signInOwner(kagami)
  const login = { username: 'ada', password: 'a password made offline' }
  expect((await kagami.call('GET', '/user', { login })).status).toBe(200)
  const { stdout } = await owner.run(['audit', 'list', '--object', 'user:ada', '--action', 'user.password', '--json'])
  expect(JSON.parse(stdout).entries).toMatchObject([
    { actor: 'system', token: null, address: null, after: { password: 'changed' } },
  ])
  expect((await owner.run(['audit', 'export'])).stdout).not.toContain('a password made offline')
})
