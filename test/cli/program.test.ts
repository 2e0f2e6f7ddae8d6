import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandLineUser, commandLineUser } from '../support/command-line.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const CATALOG_KEYS = [
  ...['categories', 'compliance', 'description', 'distributions', 'kind', 'logo', 'mirrors', 'repository'],
  ...['support', 'supportedUntil', 'title', 'updatedAt', 'upstream', 'words'],
]

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  owner = commandLineUser(kagami.url, kagami.directory)
  const signedIn = await owner.run(['login', '--username', 'owner', '--password-stdin'], {
    input: `${OWNER.password}\n`,
  })
  expect(signedIn.status).toBe(0)
})
afterAll(() => kagami.stop())

/** The one JSON document that a command printed. */
async function json(args: readonly string[]) {
  const ended = await owner.run([...args, '--json'])
  expect([args, ended.status, ended.stderr]).toEqual([args, 0, expect.any(String)])
  return JSON.parse(ended.stdout)
}

describe('signing in', () => {
  test('keeps a token for the server in a file that only its owner reads', async () => {
    expect(statSync(owner.credentialsPath).mode & 0o777).toBe(0o600)
    const kept = JSON.parse(readFileSync(owner.credentialsPath, 'utf8'))
    expect(kept.servers[kagami.url]).toMatchObject({ username: 'owner', token: expect.stringMatching(/^kgm_pat_/) })
    expect(readFileSync(owner.credentialsPath, 'utf8')).not.toContain(OWNER.password)
  })

  test('with a wrong password ends with 1 and keeps nothing', async () => {
    const user = commandLineUser(kagami.url, kagami.directory)
    const ended = await user.run(['login', '--username', 'owner', '--password-stdin'], { input: 'wrong' })
    expect(ended.status).toBe(1)
    expect(ended.stderr).toContain('UNAUTHORIZED')
    expect(existsSync(user.credentialsPath)).toBe(false)
  })

  test('again revokes the token of before, and logout revokes and forgets the last', async () => {
    const user = commandLineUser(kagami.url, kagami.directory)
    const tokens: string[] = []
    for (let i = 0; i < 2; i++) {
      await user.run(['login', '--username', 'owner', '--password-stdin'], { input: OWNER.password })
      tokens.push(JSON.parse(readFileSync(user.credentialsPath, 'utf8')).servers[kagami.url].token)
    }
    expect((await kagami.call('GET', '/user', { login: tokens[0] })).status).toBe(401)
    expect((await kagami.call('GET', '/user', { login: tokens[1] })).status).toBe(200)
    expect(JSON.parse((await user.run(['logout', '--json'])).stdout)).toMatchObject({ revoked: true })
    expect((await kagami.call('GET', '/user', { login: tokens[1] })).status).toBe(401)
    expect((await user.run(['repository', 'list'])).status).toBe(1)
  })

  test('a file that somebody else wrote is an error that names it and quotes nothing of it', async () => {
    const user = commandLineUser(kagami.url, kagami.directory)
    await user.run(['login', '--username', 'owner', '--password-stdin'], { input: OWNER.password })
    writeFileSync(user.credentialsPath, '{"servers": "kgm_pat_quoted"}')
    chmodSync(user.credentialsPath, 0o600)
    const ended = await user.run(['repository', 'list'])
    expect(ended.status).toBe(1)
    expect(ended.stderr).toContain(user.credentialsPath)
    expect(ended.stderr).not.toContain('kgm_pat_quoted')
  })
})

describe('answers', () => {
  test('with --json every list is one document with all pages, in the shape of the API', async () => {
    const lists: [string[], string, string[]][] = [
      [
        ['mirror', 'list'],
        'mirrors',
        [
          'createdAt',
          'freshness',
          'id',
          'lastRun',
          'leftOut',
          'nextRunAt',
          'organization',
          'pauses',
          'reason',
          'remedy',
          'repository',
          'schedule',
          'selection',
          'settings',
          'since',
          'source',
          'state',
          'subscription',
          'tags',
          'waiting',
          'whims',
        ],
      ],
      [
        ['repository', 'list'],
        'repositories',
        ['lastPulledAt', 'mirror', 'name', 'pulls', 'sizeBytes', 'tags', 'updatedAt', 'visibility'],
      ],
      [
        ['tag', 'list', 'acme/dhi-python'],
        'tags',
        [
          'attested',
          'configType',
          'digest',
          'diverged',
          'excluded',
          'immutable',
          'isPartial',
          'lastPulledAt',
          'mediaType',
          'mirrored',
          'movedAt',
          'name',
          'pinned',
          'platformCount',
          'platforms',
          'pulls',
          'referrers',
          'sizeBytes',
        ],
      ],
      [['token', 'list'], 'tokens', ['expiresAt', 'id', 'label', 'lastUsedAt', 'scope', 'username']],
      [
        ['upstream', 'list'],
        'upstreams',
        [
          'ca',
          'ceilings',
          'createdAt',
          'isMaxRateSet',
          'maxRate',
          'name',
          'organization',
          'plainHttp',
          'prefix',
          'referrersFrom',
          'url',
          'username',
        ],
      ],
      [['catalog', 'list', 'sample'], 'entries', CATALOG_KEYS],
    ]
    for (const [args, nouns, keys] of lists) {
      const document = await json(args)
      // Besides the tags that are here, those that people keep away, and those that they pinned.
      const besides = nouns === 'tags' ? ['excluded', 'pins'] : []
      expect(Object.keys(document).sort()).toEqual([nouns, 'next', ...besides].sort())
      expect(document.next).toBeNull()
      expect(document[nouns].length).toBeGreaterThan(0)
      for (const item of document[nouns]) expect(Object.keys(item).sort()).toEqual(keys)
    }
  })

  test('for people they are tables with headings, and say what to do when there is nothing', async () => {
    const tags = await owner.run(['tag', 'list', 'acme/dhi-python'])
    const [heading, ...rows] = tags.stdout.split('\n')
    expect(heading).toMatch(/^TAG +DIGEST +SIZE +PLATFORMS +REFERRERS +ATTESTED +MOVED +MIRRORED$/)
    expect(rows).toHaveLength(21)
    expect(rows[0]).toMatch(/^3 +sha256:[a-f0-9]{12} +[\d.]+ kB +linux\/amd64, linux\/arm64/)
    expect(rows[0]).toMatch(/ sig sbom prov vex scan /)
    expect((await owner.run(['tag', 'list', 'acme/dhi-python', '--lacks', 'sbom'])).stdout).toBe('No such tags.')
    const attested = await owner.run(['tag', 'list', 'acme/dhi-python', '--attested', 'signature'])
    expect(attested.stdout.split('\n')).toHaveLength(22)
    expect(tags.stderr).toBe('')
    await owner.run(['repository', 'create', 'acme/empty'])
    expect((await owner.run(['tag', 'list', 'acme/empty'])).stdout).toBe('No tags yet.')
  })

  test('token create prints the token alone', async () => {
    const ended = await owner.run(['token', 'create', '--label', 'ci', '--scope', 'write'])
    expect(ended.stdout).toMatch(/^kgm_pat_[0-9A-Za-z]+$/)
    const user = commandLineUser(kagami.url, kagami.directory, ended.stdout)
    expect((await user.run(['repository', 'list'])).status).toBe(0)
    const { tokens } = await json(['token', 'list'])
    const { id } = tokens.find((token: { label: string }) => token.label === 'ci')
    expect((await owner.run(['token', 'revoke', id])).status).toBe(0)
    expect((await user.run(['repository', 'list'])).status).toBe(1)
  })

  test('a failure is told on standard error, message first; with --json as a document too', async () => {
    const plain = await owner.run(['mirror', 'show', 'acme/absent'])
    expect([plain.status, plain.stdout]).toEqual([1, ''])
    expect(plain.stderr).toStartWith('error: there is no mirror acme/absent (NOT_FOUND)')
    const document = await owner.run(['mirror', 'show', 'acme/absent', '--json'])
    expect(document.status).toBe(1)
    expect(JSON.parse(document.stdout)).toEqual({
      error: {
        ...{ code: 'NOT_FOUND', message: 'there is no mirror acme/absent', detail: null },
        about: { reason: 'absent', what: 'mirror', name: 'acme/absent' },
      },
    })
  })

  test('a server that is not there is named', async () => {
    const lost = commandLineUser('http://127.0.0.1:1', kagami.directory, 'kgm_pat_x')
    const ended = await lost.run(['mirror', 'list'])
    expect(ended.status).toBe(1)
    expect(ended.stderr).toContain('cannot reach http://127.0.0.1:1')
  })
})

describe('wrong use', () => {
  test('ends with 2 and the usage', async () => {
    for (const args of [
      [],
      ['bogus'],
      ['mirror'],
      ['mirror', 'bogus'],
      ['mirror', 'start'],
      ['mirror', 'start', 'python'],
      ['mirror', 'show', 'python'],
      ['mirror', 'list', '--bogus'],
      ['token', 'create'],
      ['token', 'create', '--label', 'x', '--scope', 'all'],
      ['member', 'add', 'acme', 'bob', 'king'],
      ['upstream', 'add', 'x', 'https://example.com', '--shared', '--org', 'acme'],
      ['upstream', 'add', 'x', 'https://example.com', '--username', 'me'],
      ['repository', 'delete', 'acme/x', '--confirm', 'acme/y'],
      ['repository', 'change', 'acme/x'],
      ['login', '--username', 'owner', '--password-stdin'],
    ]) {
      const ended = await owner.run(args)
      expect([args, ended.status, ended.stdout]).toEqual([args, 2, ''])
      expect(ended.stderr).toContain('Usage: kagami')
    }
  })

  test('an error of one command stays in sight; the server says what is wrong once', async () => {
    for (const args of [
      ['mirror', 'start', 'python'],
      ['mirror', 'list', '--bogus'],
    ]) {
      const lines = (await owner.run(args)).stderr.trimEnd().split('\n')
      expect([args, lines.length <= 5, lines[0]]).toEqual([args, true, expect.stringMatching(/^error: /)])
      expect(lines.at(-1)).toBe(`All of it: kagami ${args.slice(0, 2).join(' ')} --help`)
    }
    expect((await owner.run(['mirror', 'bogus'])).stderr).toContain('keep repositories of upstreams in sync')
    const refused = await owner.run(['mirror', 'change', 'acme/x', '--every', '0s'])
    expect(refused.stderr).toBe(
      'error: schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w (INVALID_REQUEST)',
    )
  })

  test('help and version are no errors', async () => {
    for (const args of [['--help'], ['--version'], ['mirror', 'start', '--help']]) {
      const ended = await owner.run(args)
      expect([ended.status, ended.stderr]).toEqual([0, ''])
    }
  })
})

describe('organizations and repositories', () => {
  test('members are added, listed and removed; a made password is printed alone', async () => {
    const made = await owner.run(['user', 'create', 'bob'])
    expect(made.stdout).toMatch(/^[0-9A-Za-z]{20}$/)
    expect((await owner.run(['member', 'add', 'acme', 'bob', 'editor'])).stdout).toBe('bob is editor of acme.')
    const bob = commandLineUser(kagami.url, kagami.directory)
    await bob.run(['login', '--username', 'bob', '--password-stdin'], { input: made.stdout })
    expect((await bob.run(['repository', 'create', 'acme/of-bob'])).status).toBe(0)
    expect((await bob.run(['mirror', 'start', 'sample/node'])).stderr).toContain('DENIED')
    expect((await owner.run(['member', 'remove', 'acme', 'bob'])).status).toBe(0)
    expect((await bob.run(['repository', 'show', 'acme/of-bob'])).stderr).toContain('DENIED')
  })

  test('settings of a repository are shown, changed, and it is archived and deleted', async () => {
    await owner.run([
      'repository',
      'create',
      'acme/team/app',
      '--description',
      'ours',
      '--immutable-pattern',
      'v.*',
      'r.*',
    ])
    const { repository } = await json(['repository', 'show', 'acme/team/app'])
    expect(repository).toMatchObject({
      description: 'ours',
      immutableTags: { mode: 'patterns', patterns: ['v.*', 'r.*'] },
    })
    const changed = await json(['repository', 'change', 'acme/team/app', '--immutable-tags', 'all', '--allow-sparse'])
    expect(changed.repository).toMatchObject({ description: 'ours', immutableTags: { mode: 'all' }, allowSparse: true })
    const strict = await json(['repository', 'change', 'acme/team/app', '--no-allow-sparse'])
    expect(strict.repository.allowSparse).toBe(false)
    expect((await json(['repository', 'archive', 'acme/team/app'])).repository.archivedAt).not.toBeNull()
    expect((await json(['repository', 'unarchive', 'acme/team/app'])).repository.archivedAt).toBeNull()
    expect((await owner.run(['repository', 'delete', 'acme/team/app', '--confirm', 'acme/team/app'])).status).toBe(0)
    expect((await owner.run(['repository', 'show', 'acme/team/app'])).status).toBe(1)
  })

  test('whoever belongs to several organizations is asked which one is meant', async () => {
    await owner.run(['organization', 'create', 'beta'])
    const ended = await owner.run(['mirror', 'start', 'sample/nginx'])
    expect(ended.status).toBe(2)
    expect(ended.stderr).toContain('acme, beta')
    expect((await owner.run(['mirror', 'start', 'sample/nginx', '--org', 'beta', '--wait'])).status).toBe(0)
  })
})

test('a password is reset on the data directory, beside a running server, and the old one is refused', async () => {
  const before = process.env.KAGAMI_DATA
  process.env.KAGAMI_DATA = kagami.directory
  try {
    await owner.run(['user', 'create', 'eve', '--password-stdin'], { input: 'first password' })
    const reset = await owner.run(['user', 'reset-password', 'eve', '--password-stdin'], { input: 'second password' })
    expect([reset.status, reset.stdout]).toEqual([0, 'Set the password of eve; earlier sessions have ended.'])
    const login = (password: string) => kagami.call('GET', '/user', { login: { username: 'eve', password } })
    expect((await login('first password')).status).toBe(401)
    expect((await login('second password')).status).toBe(200)
    const unknown = await owner.run(['user', 'reset-password', 'nobody'])
    expect([unknown.status, unknown.stdout]).toEqual([1, ''])
    expect(existsSync(join(kagami.directory, 'kagami.sqlite'))).toBe(true)
  } finally {
    if (before === undefined) delete process.env.KAGAMI_DATA
    else process.env.KAGAMI_DATA = before
  }
})
