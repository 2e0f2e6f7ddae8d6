// `kagami login` in its ways, each against a real server, and the last two against a real provider or issuer.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as client from 'openid-client'
import { runProgram } from '../../src/cli/program.ts'
import { newBrowser } from '../support/browser.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { githubClaims, type IdentityIssuer, startIdentityIssuer } from '../support/identity-issuer.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let openid: OpenIdProvider
let issuer: IdentityIssuer
let owner: CommandLineUser
beforeAll(async () => {
  openid = await startOpenIdProvider()
  issuer = await startIdentityIssuer()
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
})
afterAll(async () => {
  await kagami?.stop()
  await openid?.stop()
  await issuer?.stop()
})

interface Run {
  /** Hears what is said while the command runs. */
  readonly onNote?: (text: string) => void
  readonly sleep?: (ms: number) => Promise<void>
  readonly credentialsPath?: string
  readonly input?: string
}

/** A command line of its own, nobody's so far. */
async function run(args: readonly string[], o: Run = {}) {
  const credentialsPath = o.credentialsPath ?? join(mkdtempSync(join(kagami.directory, 'home-')), 'credentials.json')
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const status = await runProgram(args, {
    program: 'kagami',
    credentialsPath,
    clientSettings: () => ({ server: kagami.url, token: undefined }),
    sleep: o.sleep ?? (async () => {}),
    terminal: {
      isInteractive: false,
      columns: 100,
      print: (text) => void stdout.push(text),
      note(text) {
        stderr.push(text)
        o.onNote?.(text)
      },
      paint: () => {},
      readInput: async () => o.input ?? '',
    },
  })
  const kept = () => JSON.parse(readFileSync(credentialsPath, 'utf8')).servers[kagami.url]
  return { status, stdout: stdout.join('\n'), stderr: stderr.join('\n'), credentialsPath, kept }
}

test('without options: shows a code, waits as it is told, and is let in by another command line', async () => {
  let code = ''
  const waited: number[] = []
  const ended = await run(['login', '--json'], {
    onNote: (text) => {
      code = /device approve (\S+)/.exec(text)?.[1] ?? code
    },
    async sleep(ms) {
      waited.push(ms)
      const approved = await owner.run(['device', 'approve', code, '--yes', '--json'])
      expect(JSON.parse(approved.stdout).device).toMatchObject({
        name: expect.stringContaining('kagami login on '),
        address: '127.0.0.1',
      })
    },
  })
  expect([ended.status, JSON.parse(ended.stdout)]).toEqual([
    0,
    { server: kagami.url, username: 'owner', expiresAt: expect.any(String) },
  ])
  expect(waited).toEqual([5000])
  expect(ended.stderr).toContain(`${kagami.url}/device?code=${code}`)
  expect(ended.stdout + ended.stderr).not.toContain('kgm_pat_')
  expect(statSync(ended.credentialsPath).mode & 0o777).toBe(0o600)
  const listed = await run(['organization', 'list'], { credentialsPath: ended.credentialsPath })
  expect([listed.status, listed.stdout]).toEqual([0, expect.stringContaining('acme')])
})

test('without options: one that is turned away says so and keeps nothing', async () => {
  let code = ''
  const ended = await run(['login'], {
    onNote: (text) => {
      code = /device approve (\S+)/.exec(text)?.[1] ?? code
    },
    sleep: async () => void (await owner.run(['device', 'deny', code])),
  })
  expect([ended.status, ended.stderr]).toEqual([1, expect.stringContaining('this command line was turned away')])
  expect(ended.kept).toThrow()
})

test("another program's client of RFC 8628 is let in the same way", async () => {
  const server = {
    issuer: kagami.url,
    device_authorization_endpoint: `${kagami.url}/api/v1/device/code`,
    token_endpoint: `${kagami.url}/api/v1/device/token`,
  }
  const configuration = new client.Configuration(server, 'their-tool', {}, client.None())
  client.allowInsecureRequests(configuration)
  const device = await client.initiateDeviceAuthorization(configuration, {})
  const body = { userCode: device.user_code }
  const approved = await kagami.call('POST', '/device/approve', { login: OWNER, body })
  expect(JSON.parse(approved.text).device.name).toBe('their-tool')
  // Its wait is between polls: told to wait for none, it asks at once.
  const tokens = await client.pollDeviceAuthorizationGrant(configuration, { ...device, interval: 0 })
  expect([tokens.access_token.slice(0, 8), tokens.scope]).toEqual(['kgm_pat_', 'admin'])
})

test('by a provider: a browser of this machine comes back with a code', async () => {
  const added = await owner.run(
    [
      'identity',
      'add',
      'acme',
      'sso',
      '--issuer',
      openid.url,
      '--client-id',
      'kagami',
      '--client-secret-stdin',
      '--json',
    ],
    { input: 'a client secret\n' },
  )
  const { identity } = JSON.parse(added.stdout)
  openid.allow({ id: 'kagami', secret: 'a client secret', redirectUris: [identity.redirectUri] })
  openid.person = { sub: 'wendy', preferred_username: 'wendy' }
  const browse = (text: string) => {
    const url = /http:\S+/.exec(text)?.[0]
    if (url !== undefined) void newBrowser().open(url)
  }
  for (const named of [identity.id, identity.signIn]) {
    const ended = await run(['login', '--identity', named], { onNote: browse })
    expect([ended.status, ended.stdout]).toEqual([0, `Signed in to ${kagami.url} as wendy.acme.`])
    expect(ended.kept().username).toBe('wendy.acme')
  }
  openid.refuses = true
  const refused = await run(['login', '--identity', identity.id], { onNote: browse })
  openid.refuses = false
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('the person said no')])
  const foreign = await run(['login', '--identity', 'https://evil.example/api/v1/sign-in/x/start'])
  expect([foreign.status, foreign.stderr]).toEqual([1, expect.stringContaining('another server')])
})

test('by a provider, linked: who is signed in signs in by it from now on', async () => {
  const quinn = await kagami.addUser('quinn')
  let userCode = ''
  const home = await run(['login'], {
    onNote: (text) => {
      userCode = /device approve (\S+)/.exec(text)?.[1] ?? userCode
    },
    sleep: async () => void (await kagami.call('POST', '/device/approve', { login: quinn, body: { userCode } })),
  })
  const { credentialsPath } = home
  const shown = await owner.run(['identity', 'show', 'acme', 'sso', '--json'])
  const { identity } = JSON.parse(shown.stdout)
  openid.person = { sub: 'quinn', preferred_username: 'q' }
  const onNote = (text: string) => {
    const url = /http:\S+/.exec(text)?.[0]
    if (url?.includes('/sign-in/')) void newBrowser().open(url)
  }
  const linked = await run(['login', '--identity', identity.id, '--link'], { credentialsPath, onNote })
  expect([linked.status, linked.stdout]).toEqual([0, 'quinn signs in by sso from now on.'])
  const again = await run(['login', '--identity', identity.id], { onNote })
  expect(again.stdout).toContain('as quinn.')
  const links = await run(['user', 'identities', '--json'], { credentialsPath })
  const [{ id, ...link }] = JSON.parse(links.stdout).identities
  expect(link).toMatchObject({ provider: 'sso', organization: 'acme', issuer: openid.url, subject: 'quinn' })
  const ended = await run(['user', 'unlink', id], { credentialsPath })
  expect([ended.status, ended.stdout]).toEqual([0, `Ended link ${id}.`])
  const none = await run(['user', 'identities'], { credentialsPath })
  expect(none.stdout).toBe('No provider vouches for you.')
  // Who comes by before the link gets an account of its own, and takes it over.
  expect((await run(['login', '--identity', identity.id], { onNote })).stdout).toContain('as q.acme.')
  const busy = await run(['login', '--identity', identity.id, '--link', '--take-over'], { credentialsPath, onNote })
  expect([busy.status, busy.stderr]).toEqual([1, expect.stringContaining('has tokens of its own')])
  openid.person = { sub: 'quinn too', preferred_username: 'qq' }
  await newBrowser().open(identity.signIn, { stopAt: (url) => url === `${kagami.url}/` })
  const told = await run(['login', '--identity', identity.id, '--link'], { credentialsPath, onNote })
  expect(told.stderr).toContain('--link --take-over')
  const taken = await run(['login', '--identity', identity.id, '--link', '--take-over'], { credentialsPath, onNote })
  expect([taken.status, taken.stdout]).toEqual([0, 'quinn signs in by sso from now on.'])
})

test('a provider is changed: its client, its secret, and what it may', async () => {
  const change = (args: readonly string[], input = '') => owner.run(['identity', 'change', ...args], { input })
  const one = ['acme', 'sso', '--json']
  const changed = await change([...one, '--client-id', 'kagami-2', '--client-secret-stdin'], 'another secret\n')
  expect(JSON.parse(changed.stdout).identity).toMatchObject({ clientId: 'kagami-2', hasClientSecret: true })
  expect(changed.stdout).not.toContain('another secret')
  const open = await change([...one, '--no-client-secret', '--no-ca-file'])
  expect(JSON.parse(open.stdout).identity).toMatchObject({ clientId: 'kagami-2', hasClientSecret: false, ca: null })
  for (const [args, message] of [
    [['acme', 'sso'], 'nothing to change'],
    [['acme', 'sso', '--client-secret', 'plain'], 'wants env:NAME or file:PATH'],
    [['acme', 'sso', '--trust-email'], 'wants --shared'],
    [['house', '--shared', '--only'], 'are for providers of an organization'],
    [['house', '--shared', '--client-secret-stdin', '--client-secret', 'env:X'], 'exclude each other'],
  ] as const) {
    const refused = await change(args)
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(message)])
  }
  await owner.run(['identity', 'add', 'house', '--shared', '--issuer', openid.url, '--client-id', 'x'])
  const shared = await change(['house', '--shared', '--trust-email', '--client-id', 'y', '--json'])
  expect(JSON.parse(shared.stdout).identity).toMatchObject({ trustEmail: true, clientId: 'y' })
})

test('by the JWT of a job: keeps its token, or prints it for docker login', async () => {
  const rule = ['identity', 'add', 'acme', 'release', '--issuer', issuer.url, '--claim', 'repository=acme/app']
  const added = await owner.run([...rule, '--ref', 'refs/heads/main', '--allow', 'pull,push', '--json'])
  expect(JSON.parse(added.stdout).identity).toMatchObject({
    audience: kagami.url,
    claims: { repository: 'acme/app', ref: 'refs/heads/main' },
    allow: ['pull', 'push'],
    repositories: ['*'],
    minutes: 15,
  })
  const file = join(kagami.directory, 'jwt')
  const write = async (ref: string) => {
    writeFileSync(file, `${await issuer.sign({ ...githubClaims('acme/app', ref), aud: kagami.url })}\n`)
  }
  await write('refs/heads/main')
  const ended = await run(['login', '--oidc-token-file', file, '--org', 'acme'])
  expect([ended.status, ended.stdout]).toEqual([0, `Signed in to ${kagami.url} as acme.`])
  expect(ended.kept()).toMatchObject({ username: 'acme', token: expect.stringMatching(/^kgm_oat_/) })
  await write('refs/heads/main')
  const printed = await run(['login', '--oidc-token-file', file, '--org', 'acme', '--print-token'])
  expect([printed.status, printed.stdout]).toEqual([0, expect.stringMatching(/^kgm_oat_[0-9A-Za-z]{42}$/)])
  await write('refs/heads/other')
  const refused = await run(['login', '--oidc-token-file', file, '--org', 'acme'])
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('was not accepted for acme')])
  const reason = 'its claim ref is "refs/heads/other", want refs/heads/main'
  // It is written in the background, and seen soon.
  let shown = ''
  for (let tries = 0; tries < 100 && !shown.includes(reason); tries++) {
    shown = (await owner.run(['identity', 'show', 'acme', 'release'])).stdout
  }
  expect(shown).toContain(reason)
})

test('by a password: where only a provider will do it says by which, and a code is looked at after that', async () => {
  const path = join(mkdtempSync(join(kagami.directory, 'home-')), 'credentials.json')
  const kim = await kagami.addUser('kim', { solo: 'member' })
  const login = ['login', '--username', 'kim', '--password-stdin']
  const first = await run(login, { input: kim.password, credentialsPath: path })
  expect([first.status, first.stdout]).toEqual([0, `Signed in to ${kagami.url} as kim.`])
  const add = ['identity', 'add', 'solo', 'door', '--issuer', openid.url, '--client-id', 'door', '--only', '--json']
  const { identity } = JSON.parse((await owner.run(add)).stdout)
  const refused = await run(login, { input: kim.password })
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`kagami login --identity ${identity.id}`),
  ])
  expect((await run([...login, '--code', '000000'], { input: kim.password })).stderr).toBe(refused.stderr)
  expect(refused.kept).toThrow()
  // The token of the first login works on, and lets another command line in.
  let userCode = ''
  const device = await run(['login'], {
    onNote: (text) => {
      userCode = /device approve (\S+)/.exec(text)?.[1] ?? userCode
    },
    sleep: async () => void (await run(['device', 'approve', userCode, '--yes'], { credentialsPath: path })),
  })
  expect([device.status, device.stdout]).toEqual([0, `Signed in to ${kagami.url} as kim.`])
})

test('ways and options that do not go together are wrong use', async () => {
  for (const args of [
    ['login', '--username', 'x', '--identity', 'y'],
    ['login', '--password-stdin'],
    ['login', '--code', '000000'],
    ['login', '--link'],
    ['login', '--org', 'acme'],
    ['login', '--oidc-token-file', 'x'],
    ['login', '--print-token'],
    ['identity', 'add', 'acme', 'x'],
    ['identity', 'add', 'acme', 'x', '--client-id', 'y'],
    ['identity', 'add', 'acme', 'x', '--client-id', 'y', '--issuer', 'https://a.example', '--minutes', '5'],
    ['identity', 'add', 'acme', 'x', '--github', 'a/b', '--gitlab', 'a/b'],
    ['identity', 'add', 'acme', 'x', '--github', 'a/b', '--only'],
    ['identity', 'add', 'acme', 'x', '--github', 'a/b', '--claim', 'repository=c/d'],
    ['identity', 'add', 'acme', 'x', '--client-id', 'y', '--issuer', 'https://a.example', '--trust-email'],
    ['identity', 'add', 'acme', 'x', '--client-id', 'y', '--issuer', 'https://a.example', '--client-secret', 'plain'],
    ['identity', 'list'],
    ['identity', 'show', 'acme'],
  ]) {
    expect([args, (await run(args)).status]).toEqual([args, 2])
  }
})
