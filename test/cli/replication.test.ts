// Replications from the command line: what it takes, prints, and ends with. The target is a registry that wants a login.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { replicationRunAnswerSchema, replicationSchema } from '../../src/api/replications.ts'
import { type CommandLineUser, commandLineUser, signInOwner } from '../support/command-line.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type QuirkRegistry, type Quirks, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** That of the registry changes on the way. */
const quirks: { -readonly [name in keyof Quirks]: Quirks[name] } = { signIn: 'basic' }
const open: Quirks = { signIn: 'basic', isPublic: true }

let kagami: WholeServer
let owner: CommandLineUser
let registry: QuirkRegistry
let shown: QuirkRegistry
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
  registry = await startQuirkRegistry(quirks)
  shown = await startQuirkRegistry(open)
  for (const [name, { url }] of [
    ['out', registry],
    ['open', shown],
  ] as const) {
    const added = ['target', 'add', name, url, '--username', USER.username, '--password-stdin']
    expect(await owner.run(added, { input: USER.password })).toMatchObject({ status: 0 })
  }
  expect((await owner.run(['mirror', 'start', 'sample/nginx', '--as', 'web', '--wait'])).status).toBe(0)
})
afterAll(async () => {
  await kagami?.stop()
  for (const one of [registry, shown]) await one?.[Symbol.asyncDispose]()
})

const replication = (...args: string[]) => owner.run(['replication', ...args])
const json = async (...args: string[]) => {
  const ended = await replication(...args, '--json')
  expect([ended.status, ended.stderr.includes('"error"')]).toEqual([0, false])
  return JSON.parse(ended.stdout)
}
const there = (name: string) => registry.repositories.get(name)
const tagsHere = async (name: string) =>
  JSON.parse((await owner.run(['tag', 'list', name, '--json'])).stdout).tags as { name: string; digest: string }[]

/** A user with a token at the command line. */
async function at(login: Login, scope = 'admin'): Promise<CommandLineUser> {
  const made = await kagami.call('POST', '/tokens', { login, body: { label: 'cli', scope } })
  return commandLineUser(kagami.url, kagami.directory, JSON.parse(made.text).token)
}

describe('kagami replication', () => {
  test('start --dry-run prints the plan, each step with --verbose, and neither sends nor keeps anything', async () => {
    const planned = await replication('start', 'acme/web', 'out/team/web', '--dry-run')
    expect([planned.status, planned.stdout]).toEqual([0, expect.stringMatching(/^acme\/web to out\/team\/web: \d+ /)])
    const each = await replication('start', 'acme/web', 'out/team/web', '--dry-run', '--verbose')
    expect(each.stdout).toMatch(/^ACTION +TAG +DIGEST +WHY$/m)
    const { plan } = await json('start', 'acme/web', 'out/team/web', '--dry-run')
    expect(plan).toMatchObject({ repository: 'acme/web', target: { target: 'out', repository: 'team/web' } })
    expect(registry.repositories.size).toBe(0)
    expect((await replication('list')).stdout).toContain('No replications yet. Start one: kagami replication start')
  })

  test('start --wait returns when everything is there, tag by tag', async () => {
    const ended = await replication('start', 'acme/web', 'out/team/web', '--wait')
    expect([ended.status, ended.stdout]).toEqual([0, expect.stringContaining('out/team/web holds what acme/web has')])
    expect(ended.stderr).toContain('Replicating acme/web to out/team/web.')
    const sent = there('team/web')
    const tags = await tagsHere('acme/web')
    expect(tags.length).toBeGreaterThan(2)
    for (const { name, digest } of tags) expect([name, sent?.tags.get(name)]).toEqual([name, digest])
    const twice = await replication('start', 'acme/web', 'out/team/web')
    expect([twice.status, twice.stderr]).toEqual([1, expect.stringContaining('(CONFLICT)')])
  })

  test('its documents are those of issue 12: REPLICATION and RUN, with ours and the target', async () => {
    const started = await json('start', 'acme/web', 'out/json/web', '--every', '2h', '--wait')
    expect(Object.keys(started)).toEqual(['replication', 'run'])
    replicationRunAnswerSchema.parse(started)
    expect(started).toMatchObject({
      replication: {
        ...{ organization: 'acme', repository: 'acme/web', target: { target: 'out', repository: 'json/web' } },
        ...{ state: 'active', schedule: { every: '2h' }, pauses: [], rule: null },
        lastRun: { id: started.run.id },
      },
      run: { trigger: 'start', outcome: 'done', failures: [] },
    })
    const { replication: one, ...rest } = await json('show', 'out/json/web')
    expect(rest).toEqual({})
    expect(replicationSchema.parse(one).id).toBe(started.replication.id)
    const begun = await json('sync', 'out/json/web')
    expect(Object.keys(begun)).toEqual(['replication', 'run'])
    await kagami.server.replications.wait(begun.run.id)
    expect(await json('list', '--target', 'out/json/web')).toMatchObject({ replications: [{ id: one.id }], next: null })
    const { runs, next } = await json('runs', 'out/json/web')
    expect([runs.length, runs[1].id, next]).toEqual([2, started.run.id, null])
    const run = await json('run', 'out/json/web', started.run.id)
    expect(Object.keys(run).sort()).toEqual(['items', 'next', 'replication', 'run'])
    expect(run.items.length).toBe((await tagsHere('acme/web')).length)
    expect(run.items[0]).toMatchObject({ action: 'moved', from: null })
  })

  test('list, show, runs, run and watch tell it to people', async () => {
    const list = await replication('list', '--repository', 'acme/web')
    expect(list.stdout).toMatch(/^REPOSITORY +TARGET +STATE +TAGS +BEHIND +LAST RUN +NEXT RUN$/m)
    expect(list.stdout).toMatch(/^acme\/web +out\/team\/web +active /m)
    expect((await replication('list', '--target', 'open')).stdout).toContain('No replications yet')
    const one = await replication('show', 'out/team/web')
    for (const line of [/^Repository +acme\/web$/m, /^Target +out\/team\/web$/m, /^State +active since/m]) {
      expect(one.stdout).toMatch(line)
    }
    const runs = await replication('runs', 'out/team/web', '--limit', '1')
    expect(runs.status).toBe(0)
    const { runs: all } = await json('runs', 'out/team/web')
    const run = await replication('run', 'out/team/web', all.at(-1).id, '--limit', '1')
    expect(run.stdout).toMatch(/^Replication +out\/team\/web$/m)
    expect(run.stdout).toMatch(/There is more: kagami replication run out\/team\/web \S+ --limit 1 --after \S+/)
    const watched = await replication('watch', 'out/team/web')
    expect([watched.status, watched.stdout]).toEqual([0, expect.stringContaining('out/team/web holds')])
    const moments = await replication('watch', 'out/team/web', '--json')
    const last = JSON.parse(moments.stdout.split('\n').at(-1) ?? '')
    expect(last).toMatchObject({ mirror: 'out/team/web', runId: all[0].id, phase: 'ended', outcome: 'done' })
    const absent = await replication('run', 'out/team/web', 'no-such-run')
    expect([absent.status, absent.stdout]).toEqual([1, ''])
  })

  test('explain says why of each tag, and of those only that are not in step', async () => {
    expect((await replication('explain', 'out/team/web')).stdout).toBe(
      'Every tag that is sent to out/team/web is in step.',
    )
    const [{ name = '', digest = '' } = {}] = await tagsHere('acme/web')
    const told = await replication('explain', 'out/team/web', name, 'never')
    expect(told.stdout).toContain(`here and at the target: ${digest}`)
    expect(told.stdout).toContain('never: absent')
    expect(await json('explain', 'out/team/web', name)).toMatchObject({
      tags: [{ name, state: 'synced', local: digest, target: digest }],
      next: null,
    })
  })

  test('what others have moved there is told, and put back by --drift repair', async () => {
    const [{ name = '', digest = '' } = {}] = await tagsHere('acme/web')
    there('team/web')?.tags.delete(name)
    const told = await replication('sync', 'out/team/web', '--full', '--wait')
    expect(told.status).toBe(0)
    expect((await json('show', 'out/team/web')).replication.drift).toMatchObject({ mode: 'report', drifted: 1 })
    expect(there('team/web')?.tags.get(name)).toBeUndefined()
    const changed = await json('change', 'out/team/web', '--drift', 'repair', '--drift-every', '6h')
    expect(changed.replication).toMatchObject({ drift: { mode: 'repair', every: '6h' } })
    expect((await replication('sync', 'out/team/web', '--wait')).status).toBe(0)
    expect(there('team/web')?.tags.get(name)).toBe(digest)
    expect((await json('show', 'out/team/web')).replication.drift.drifted).toBe(0)
  })

  test('settings are changed, refused by what is wrong with them, and taken back', async () => {
    const changed = await json('change', 'out/team/web', '--cron', '0 4 * * *', '--no-on-change', '--digest-alias')
    expect(changed.replication).toMatchObject({
      schedule: { cron: '0 4 * * *' },
      settings: { onChange: false, digestAlias: true },
    })
    for (const [flags, why] of [
      [['--every', 'soon'], 'want a length of time'],
      [['--cron', '* * *'], 'want the five fields of cron'],
      [['--drift-every', '1s'], 'from 1m to 30d'],
    ] as const) {
      const refused = await replication('change', 'out/team/web', ...flags)
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(why)])
    }
    await json('change', 'out/team/web', '--on-change', '--no-digest-alias')
  })

  test('paused it sends nothing and says how to go on; resumed it does', async () => {
    const paused = await replication('pause', 'out/team/web')
    expect(paused.stdout).toContain('paused by hand')
    expect(paused.stdout).toContain('To go on: kagami replication resume out/team/web')
    const refused = await replication('sync', 'out/team/web', '--wait')
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('kagami replication resume out/team/web'),
    ])
    expect((await json('show', 'out/team/web')).replication).toMatchObject({
      state: 'paused',
      pauses: [{ cause: 'hand' }],
    })
    expect((await replication('resume', 'out/team/web')).status).toBe(0)
    expect((await json('show', 'out/team/web')).replication.pauses).toEqual([])
  })

  test('stopped it leaves what is there, and start takes it up again', async () => {
    const before = [...(there('json/web')?.tags ?? [])]
    const stopped = await replication('stop', 'out/json/web')
    expect(stopped.stdout).toContain('what is there stays')
    expect(stopped.stdout).toContain('kagami replication start acme/web out/json/web')
    expect([...(there('json/web')?.tags ?? [])]).toEqual(before)
    expect((await json('show', 'out/json/web')).replication.state).toBe('stopped')
    const sync = await replication('sync', 'out/json/web')
    expect([sync.status, sync.stdout]).toEqual([1, ''])
    expect((await replication('start', 'acme/web', 'out/json/web', '--wait')).status).toBe(0)
    expect((await json('show', 'out/json/web')).replication.state).toBe('active')
  })

  test('several repositories to one place are told apart by --repository', async () => {
    await owner.run(['repository', 'create', 'acme/other'])
    await emptyIndexPushed(kagami.url, 'acme/other', 'of-other', OWNER)
    expect((await replication('start', 'acme/other', 'out/team/web', '--wait')).status).toBe(0)
    const unclear = await replication('show', 'out/team/web')
    expect([unclear.status, unclear.stderr]).toEqual([2, expect.stringContaining('name one by --repository')])
    expect(unclear.stderr).toMatch(/acme\/other, acme\/web|acme\/web, acme\/other/)
    const named = await json('show', 'out/team/web', '--repository', 'acme/other')
    expect(named.replication.repository).toBe('acme/other')
    expect(there('team/web')?.tags.has('of-other')).toBe(true)
    expect((await replication('stop', 'out/team/web', '--repository', 'acme/other')).status).toBe(0)
    expect((await json('show', 'out/team/web')).replication.repository).toBe('acme/web')
  })

  test('a rule replicates all that its globs take, those that come later too', async () => {
    const rule = ['start', 'out', '--match', 'oth*', 'late*', '--as', 'all/{name}'] as const
    const planned = await replication(...rule, '--dry-run')
    expect(planned.stdout).toMatch(/^start +acme\/other +out\/all\/other /m)
    expect(Object.keys(await json(...rule, '--dry-run'))).toEqual(['plan'])
    expect((await replication('rules')).stdout).toContain('No rules yet')
    const { rule: made } = await json(...rule)
    expect(made).toMatchObject({ organization: 'acme', target: 'out', match: ['oth*', 'late*'], as: 'all/{name}' })
    await owner.run(['repository', 'create', 'acme/later'])
    await emptyIndexPushed(kagami.url, 'acme/later', 'one', OWNER)
    // Whoever begins one has all of them looked at.
    await json('start', 'out', '--match', 'none-*')
    await until(async () => ['other', 'later'].every((name) => (there(`all/${name}`)?.tags.size ?? 0) > 0))
    expect((await json('show', 'out/all/later')).replication.rule).toBe(made.id)
    expect((await replication('rules')).stdout).toContain(`${made.id}`)
    const ended = await replication('end-rule', made.id)
    expect([ended.status, ended.stdout]).toEqual([0, 'The rule is ended; 2 replications of it go on.'])
    expect((await json('rules')).rules).toMatchObject([{ match: ['none-*'], as: '{name}', replications: 0 }])
    expect((await json('show', 'out/all/later')).replication.state).not.toBe('stopped')
  })

  test('what waits for the callback of a webhook says so, and is not sent', async () => {
    const missing = await replication('start', 'acme/other', 'out/held', '--after', 'scan', '--wait')
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringContaining('got scan, want a webhook of acme/other or of acme'),
    ])
    await owner.run(['webhook', 'create', 'acme', 'http://127.0.0.1:9/', '--name', 'scan', '--plain-http'])
    const begun = await replication('start', 'acme/other', 'out/held', '--after', 'scan', '--wait')
    expect([begun.status, begun.stdout]).toEqual([
      0,
      expect.stringContaining('out/held holds what acme/other has, without 1 waiting for a callback'),
    ])
    const why = async () => (await replication('explain', 'out/held')).stdout
    expect(await why()).toContain('the webhook scan has not been told of it')
    await owner.run(['webhook', 'delete', 'acme', 'scan'])
    await replication('sync', 'out/held', '--wait')
    expect(await why()).toContain('of-other: waiting')
    expect(await why()).toContain('there is no webhook scan, whose callback it waits for')
    expect(there('held')?.tags.size ?? 0).toBe(0)
    expect((await replication('change', 'out/held', '--no-after')).status).toBe(0)
    expect((await replication('sync', 'out/held', '--wait')).status).toBe(0)
    expect(there('held')?.tags.has('of-other')).toBe(true)
  })

  test('wrong use ends with 2 and the usage, what is not there with 1', async () => {
    for (const args of [
      ['start', 'acme/web'],
      ['start', 'web', 'out/x'],
      ['start', 'acme/web', 'out'],
      ['start', 'acme/web', 'out/x', '--as', 'a/{name}'],
      ['start', 'out', '--match', '*', '--wait'],
      ['start', 'out/x', '--match', '*'],
      ['start', 'acme/web', 'out/x', '--drift', 'perhaps'],
      ['start', 'acme/web', 'out/x', '--every', '1h', '--cron', '0 4 * * *'],
      ['show', 'out'],
      ['change', 'out/team/web'],
    ]) {
      const ended = await replication(...args)
      expect([args, ended.status, ended.stdout]).toEqual([args, 2, ''])
      expect(ended.stderr).toContain('Usage: kagami')
    }
    for (const [args, why] of [
      [['show', 'out/never'], 'there is no replication to out/never'],
      [['start', 'acme/web', 'never/web'], 'acme has no target never'],
      [['start', 'acme/never', 'out/never'], 'acme/never'],
      [['start', 'out', '--match', '*', '--as', 'all'], '{name}'],
      [['end-rule', '00000000-0000-4000-8000-000000000000'], 'there is no'],
    ] as const) {
      const ended = await replication(...args)
      expect([args, ended.status, ended.stdout, ended.stderr]).toEqual([args, 1, '', expect.stringContaining(why)])
    }
  })
})

describe('what is public', () => {
  test('is refused before anything is sent or kept', async () => {
    shown.repository('web')
    for (const more of [[], ['--wait'], ['--dry-run']]) {
      const refused = await replication('start', 'acme/web', 'open/web', ...more)
      expect([refused.status, refused.stdout]).toEqual([1, ''])
      expect(refused.stderr).toContain('is public; nothing is sent there (TARGET_PUBLIC)')
    }
    const refused = JSON.parse((await replication('start', 'acme/web', 'open/web', '--json')).stdout)
    expect(refused.error.code).toBe('TARGET_PUBLIC')
    expect(shown.repositories.get('web')?.manifests.size ?? 0).toBe(0)
    expect((await json('list', '--target', 'open')).replications).toEqual([])
  })

  test('later gets nothing more: paused, with its cause and an event, until it is private again', async () => {
    const hook = {
      name: 'told',
      url: 'https://receiver.example.com/in',
      events: ['replication.paused', 'replication.resumed'],
    }
    expect((await kagami.call('POST', '/organizations/acme/webhooks', { login: OWNER, body: hook })).status).toBe(201)
    quirks.isPublic = true
    await emptyIndexPushed(kagami.url, 'acme/other', 'secret', OWNER)
    const failed = await replication('sync', 'out/all/other', '--wait')
    expect([failed.status, failed.stdout]).toEqual([1, expect.stringContaining('everybody may read')])
    const paused = (await json('show', 'out/all/other')).replication
    expect(paused).toMatchObject({ state: 'paused', pauses: [{ cause: 'public' }], lastRun: { outcome: 'failed' } })
    expect(paused.remedy).toBe('replication sync out/all/other --wait')
    expect(there('all/other')?.tags.has('secret')).toBe(false)
    const resumed = await replication('resume', 'out/all/other')
    expect(resumed.stdout).toContain('is paused')
    expect((await replication('sync', 'out/all/other', '--wait')).status).toBe(1)
    expect(there('all/other')?.tags.has('secret')).toBe(false)
    quirks.isPublic = false
    expect((await replication('sync', 'out/all/other', '--wait')).status).toBe(0)
    expect((await json('show', 'out/all/other')).replication).toMatchObject({ state: 'active', pauses: [] })
    expect(there('all/other')?.tags.has('secret')).toBe(true)
    await until(async () => {
      const told = '/organizations/acme/webhooks/told/deliveries?limit=100'
      const { deliveries } = JSON.parse((await kagami.call('GET', told, { login: OWNER })).text)
      const kinds = deliveries.map(({ kind }: { kind: string }) => kind)
      return ['replication.paused', 'replication.resumed'].every((kind) => kinds.includes(kind))
    })
  })
})

describe('others', () => {
  test('of another organization are told the same of what is there and what is not', async () => {
    const rita = await at(await kagami.addUser('rita', { rival: 'owner' }))
    const [{ id = '' } = {}] = (await json('list', '--target', 'out/team/web')).replications
    expect(JSON.parse((await rita.run(['replication', 'list', '--json'])).stdout).replications).toEqual([])
    for (const [args, absent] of [
      [
        ['show', 'out/team/web'],
        ['show', 'out/team/abc'],
      ],
      [
        ['show', 'out/team/web', '--org', 'acme'],
        ['show', 'out/team/web', '--org', 'none'],
      ],
      [
        ['start', 'rival/web', 'out/team/web'],
        ['start', 'rival/web', 'no1/team/web'],
      ],
      [
        ['start', 'acme/web', 'out/team/web'],
        ['start', 'none/web', 'out/team/web'],
      ],
    ] as const) {
      const words = (text: string) =>
        text
          .replaceAll(/acme|none/g, 'ORG')
          .replaceAll(/out|no1/g, 'T')
          .replaceAll(/web|abc/g, 'R')
      const [here, nowhere] = [await rita.run(['replication', ...args]), await rita.run(['replication', ...absent])]
      expect([here.status, here.stdout, words(here.stderr)]).toEqual([1, '', words(nowhere.stderr)])
      expect(nowhere.status).toBe(1)
    }
    const login = { username: 'rita', password: 'password of rita' }
    for (const verb of ['pause', 'resume', 'stop', 'sync']) {
      const ask = (organization: string, one: string) =>
        kagami.call('POST', `/replications/${organization}/${one}/${verb}`, {
          login,
          body: verb === 'sync' ? {} : undefined,
        })
      const absent = await ask('acme', '00000000-0000-4000-8000-000000000000')
      expect([(await ask('acme', id)).text, absent.status]).toEqual([absent.text, 403])
      // In one's own organization, that of another is as absent as one that never was.
      const [theirs, never] = [await ask('rival', id), await ask('rival', '00000000-0000-4000-8000-000000000000')]
      expect([theirs.status, theirs.text]).toEqual([404, never.text])
    }
  })

  test('who are members read what they may pull, and change nothing', async () => {
    const mia = await at(await kagami.addUser('mia', { acme: 'member' }))
    expect((await mia.run(['replication', 'show', 'out/team/web'])).status).toBe(0)
    expect((await mia.run(['replication', 'explain', 'out/team/web'])).status).toBe(0)
    expect((await mia.run(['replication', 'runs', 'out/team/web'])).status).toBe(0)
    for (const args of [
      ['sync', 'out/team/web'],
      ['pause', 'out/team/web'],
      ['stop', 'out/team/web'],
      ['change', 'out/team/web', '--every', '3h'],
      ['start', 'acme/web', 'out/mine'],
      ['start', 'out', '--match', '*', '--org', 'acme'],
    ]) {
      const ended = await mia.run(['replication', ...args])
      expect([args, ended.status, ended.stderr]).toEqual([args, 1, expect.stringContaining('(DENIED)')])
    }
    const eddy = await at(await kagami.addUser('eddy', { acme: 'editor' }))
    expect((await eddy.run(['replication', 'sync', 'out/team/web', '--wait'])).status).toBe(0)
    expect((await eddy.run(['replication', 'stop', 'out/team/web'])).stderr).toContain('(DENIED)')
  })
})

/** Until what the server does by itself is done. */
async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 50_000
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error('it never was')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
