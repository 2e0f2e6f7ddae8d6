// A whole catalog as its owner mirrors it from the command line.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
})
afterAll(() => kagami?.stop())

const json = async (args: readonly string[]) => JSON.parse((await owner.run([...args, '--json'])).stdout)

test('what is wrong is told before anything is made', async () => {
  for (const [args, why] of [
    [['mirror', 'start', 'sample/python', '--all'], 'want an UPSTREAM with --all'],
    [['mirror', 'start', 'sample/python', '--match', 'p*'], '--match goes with --all'],
    [['mirror', 'start', 'sample', '--all', '--as', 'x'], '--as names one mirror'],
    [['mirror', 'start', 'sample'], 'want UPSTREAM/REPOSITORY'],
  ] as const) {
    const refused = await owner.run(args)
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(why)])
  }
  for (const [args, why] of [
    [['--match', '[ab]'], 'match: glob "[ab]": got "[", want lower-case letters'],
    [['--except', '{a'], 'except: glob "{a": has a { without its }'],
    [['--repositories', 'Node'], 'want lower case'],
    [['--every', '1s'], 'from 1m to 30d'],
  ] as const) {
    const refused = await owner.run(['mirror', 'start', 'sample', '--all', ...args])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(why)])
  }
  const absent = await owner.run(['subscription', 'show', 'sample'])
  expect([absent.status, absent.stderr]).toEqual([1, expect.stringContaining('there is no subscription sample')])
  expect(await json(['subscription', 'list'])).toEqual({ subscriptions: [], next: null })
})

test('a dry run says what would be mirrored to where, and changes nothing', async () => {
  const { stdout } = await owner.run(['mirror', 'start', 'sample', '--all', '--except', '*-chart', '--dry-run'])
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['REPOSITORY', 'MIRROR', 'ACTION', 'REASON'],
    ['nginx', 'acme/dhi-nginx', 'make', '-'],
    ['node', 'acme/dhi-node', 'make', '-'],
    ['python', 'acme/dhi-python', 'join', '-'],
    ['3 of 4 repositories of sample.'],
  ])
  expect((await json(['subscription', 'list'])).subscriptions).toEqual([])
})

test('started it mirrors all, is listed, changed and stopped by the name of its upstream', async () => {
  const started = await owner.run([
    'mirror',
    'start',
    'sample',
    '--all',
    '--except',
    '*-chart',
    '--every',
    '2h',
    '--wait',
  ])
  expect([started.status, started.stdout]).toEqual([0, '3 mirrors of sample had their first run.'])
  const { subscriptions } = await json(['subscription', 'list'])
  expect(subscriptions).toMatchObject([
    { organization: 'acme', upstream: 'sample', match: [], except: ['*-chart'], mirrors: 3, state: 'active' },
  ])
  const { id } = subscriptions[0]
  const { mirror } = await json(['mirror', 'show', 'acme/dhi-node'])
  expect([mirror.subscription, mirror.schedule, mirror.state]).toEqual([id, { every: '2h' }, 'active'])
  expect((await owner.run(['mirror', 'show', 'acme/dhi-node'])).stdout).toContain(id)
  expect((await owner.run(['mirror', 'start', 'sample', '--all', '--except', '*-chart'])).stderr).toContain(
    `subscription change ${id}`,
  )

  await owner.run(['mirror', 'stop', 'acme/dhi-nginx'])
  const shown = await owner.run(['subscription', 'show', 'sample'])
  expect(shown.stdout).toContain('nginx: people stopped its mirror: it is not started again by itself')
  expect(shown.stdout).toContain('all except *-chart')
  const changed = await owner.run(['subscription', 'change', 'sample', '--except', '*-chart', 'node'])
  expect(changed.stderr).toContain('1 mirror fell out')
  expect(changed.stdout).toContain('node: the globs take it no more')
  expect((await json(['mirror', 'show', 'acme/dhi-node'])).mirror).toMatchObject({
    subscription: null,
    state: 'active',
  })
  const { entries } = await json(['subscription', 'show', 'sample', '--entries', 'all'])
  expect(entries.map((entry: { repository: string; state: string }) => [entry.repository, entry.state])).toEqual([
    ['nginx', 'stopped'],
    ['node', 'unmatched'],
    ['python', 'active'],
  ])

  expect((await owner.run(['subscription', 'pause', 'sample'])).stdout).toContain(`kagami subscription resume ${id}`)
  expect((await owner.run(['subscription', 'sync', id])).status).toBe(1)
  expect((await owner.run(['subscription', 'resume', id])).status).toBe(0)
  expect((await owner.run(['subscription', 'sync', id])).status).toBe(0)
  expect((await owner.run(['subscription', 'change', 'sample'])).status).toBe(2)

  const stopped = await owner.run(['subscription', 'stop', 'sample'])
  expect(stopped.stdout).toContain('Its 1 mirror goes on; stop it too by --mirrors.')
  expect((await json(['subscription', 'show', 'sample'])).subscription.state).toBe('stopped')
  expect((await json(['mirror', 'show', 'acme/dhi-python'])).mirror).toMatchObject({
    subscription: null,
    state: 'active',
  })
})

test('members see subscriptions, and only owners make and change them', async () => {
  const { id } = (await json(['mirror', 'start', 'sample', '--all', '--match', 'node'])).subscription
  const member = await kagami.addUser('plain', { acme: 'member' })
  const path = `/subscriptions/acme/${id}`
  expect((await kagami.call('GET', path, { login: member })).status).toBe(200)
  expect((await kagami.call('GET', '/subscriptions/acme/sample', { login: member })).status).toBe(404)
  for (const [method, at, body] of [
    ['POST', '/subscriptions', { organization: 'acme', upstream: 'sample' }],
    ['PATCH', path, { adopt: true }],
    ['POST', `${path}/sync`, {}],
    ['POST', `${path}/pause`, undefined],
    ['POST', `${path}/resume`, undefined],
    ['POST', `${path}/stop`, {}],
  ] as const) {
    expect([at, (await kagami.call(method, at, { login: member, body })).status]).toEqual([at, 403])
  }
})
