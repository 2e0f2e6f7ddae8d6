// The verbs of people on the command line: what they print, and what they refuse to do.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { Secret, TOTP } from 'otpauth'
import { type CommandLineUser, commandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
})
afterAll(() => kagami.stop())

const guest = (token?: string) => commandLineUser(kagami.url, kagami.directory, token)

async function signIn(username: string): Promise<CommandLineUser> {
  const { password } = await kagami.addUser(username)
  const user = guest()
  const ended = await user.run(['login', '--username', username, '--password-stdin'], { input: password })
  expect(ended.status).toBe(0)
  return user
}

async function json(user: CommandLineUser, args: readonly string[], input = '') {
  const ended = await user.run([...args, '--json'], { input })
  expect([args, ended.status, ended.stderr]).toEqual([args, 0, expect.any(String)])
  return JSON.parse(ended.stdout)
}

describe('invitation', () => {
  test('create prints the link alone, list never shows it, and says what became of each', async () => {
    const ended = await owner.run(['invitation', 'create', 'acme', '--email', 'ann@example.com'])
    expect(ended.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/invitations#kgm_inv_\w+$/)
    expect(ended.stderr).toBe(
      'The link was not sent to ann@example.com: this server sends no mail. Hand it on yourself:',
    )
    const accepted = await json(
      guest(),
      ['invitation', 'accept', ended.stdout, '--new-user', 'ann', '--password-stdin'],
      'password of ann',
    )
    expect(accepted).toMatchObject({ user: { username: 'ann' }, organization: 'acme', role: 'member' })
    const list = await owner.run(['invitation', 'list', 'acme'])
    expect(list.stdout).toMatch(/member +- +ann@example\.com +accepted +owner .* ann$/m)
    expect(list.stdout).not.toContain('kgm_inv_')
  })

  test('accept wants the whole link, an account, and tells its token to the server of the link alone', async () => {
    const { url } = await json(owner, ['invitation', 'create', 'acme'])
    for (const link of ['acme', 'kgm_inv_abc', url.replace('#', '/'), url.replace('http', 'ftp')]) {
      const ended = await owner.run(['invitation', 'accept', link])
      expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining('want the whole link')])
    }
    expect((await guest().run(['invitation', 'accept', url])).stderr).toContain(
      `you are not signed in to ${kagami.url}`,
    )
    const seen: (string | null)[] = []
    const other = Bun.serve({
      port: 0,
      fetch(request) {
        seen.push(request.headers.get('authorization'))
        return new Response('{}')
      },
    })
    const elsewhere = url.replace(kagami.url, `http://127.0.0.1:${other.port}`)
    expect((await guest('kgm_pat_mine').run(['invitation', 'accept', elsewhere])).status).toBe(2)
    expect(seen).toEqual([])
    await other.stop(true)
    const bea = await signIn('bea')
    expect((await bea.run(['invitation', 'accept', url])).stdout).toBe('You are member of acme.')
    const again = await bea.run(['invitation', 'accept', url])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('this invitation is not valid')])
    expect((await bea.run(['member', 'leave', 'acme'])).stdout).toBe('You are no longer a member of acme.')
    expect((await bea.run(['member', 'leave', 'acme'])).stderr).toContain('DENIED')
  })

  test('the last owner is told why they cannot leave', async () => {
    const ended = await owner.run(['member', 'leave', 'acme'])
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringContaining('an organization needs an owner')])
  })
})

describe('login with two-factor authentication', () => {
  test('asks for a code, takes it by --code, and keeps a token but no session', async () => {
    const cat = await signIn('cat')
    const begun = await json(cat, ['two-factor', 'enable', '--password-stdin'], 'password of cat')
    const totp = new TOTP({ secret: Secret.fromBase32(begun.secret) })
    expect((await cat.run(['two-factor', 'confirm'])).stderr).toContain('give it by --code')
    const confirmed = await cat.run(['two-factor', 'confirm', '--code', totp.generate()])
    const codes = confirmed.stdout.split('\n')
    expect(codes).toHaveLength(10)
    expect((await cat.run(['user', 'show'])).stdout).toMatch(/^Two-factor +on$/m)

    const user = guest()
    const login = (...more: string[]) =>
      user.run(['login', '--username', 'cat', '--password-stdin', ...more], { input: 'password of cat' })
    const without = await login()
    expect([without.status, without.stderr]).toEqual([2, expect.stringContaining('give it by --code')])
    const wrong = await login('--code', '000000')
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('the code is not right')])
    expect((await login('--code', codes[0] ?? '')).status).toBe(0)
    expect(readFileSync(user.credentialsPath, 'utf8')).toContain('kgm_pat_')
    expect((await json(user, ['session', 'list'])).sessions).toEqual([])
    expect((await user.run(['two-factor', 'show'])).stdout).toMatch(/left +9$/m)
  })
})

describe('user and session', () => {
  test('password wants two lines; a session is ended by its id, or all others', async () => {
    const dan = await signIn('dan')
    for (const input of ['', 'one line', 'one\ntwo\nthree', '\ntwo']) {
      expect((await dan.run(['user', 'password', '--password-stdin'], { input })).status).toBe(2)
    }
    const wrong = await dan.run(['user', 'password', '--password-stdin'], { input: 'wrong one\nanother password' })
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('the current password is not right')])
    const changed = await dan.run(['user', 'password', '--password-stdin'], {
      input: 'password of dan\r\nanother password\r\n',
    })
    expect([changed.status, changed.stdout]).toEqual([0, 'Changed your password; your other sessions have ended.'])
    const body = { username: 'dan', password: 'another password' }
    const agent = 'a \u001b[2Jclient'
    for (let index = 0; index < 3; index++) {
      await kagami.call('POST', '/user/sessions', { body, headers: { 'user-agent': agent.replace('\u001b', '') } })
    }
    const [first] = (await json(dan, ['session', 'list'])).sessions
    expect((await dan.run(['session', 'list'])).stdout).toContain('a [2Jclient')
    expect((await dan.run(['session', 'end'])).status).toBe(2)
    expect((await dan.run(['session', 'end', first.id, '--others'])).status).toBe(2)
    expect((await dan.run(['session', 'end', first.id])).stdout).toBe(`Ended session ${first.id}.`)
    expect((await dan.run(['session', 'end', '--others'])).stdout).toBe('Ended 2 sessions.')
    expect((await dan.run(['session', 'list'])).stdout).toBe('No sessions.')
  })

  test('change says what there is to change; reset-password --online is for operators', async () => {
    const eve = await signIn('eve')
    expect((await eve.run(['user', 'change'])).status).toBe(2)
    const shown = await eve.run(['user', 'change', '--display-name', 'Eve', '--email', 'eve@example.com'])
    expect(shown.stdout).toMatch(/^Mail +eve@example\.com$/m)
    expect((await json(eve, ['user', 'change', '--email', 'none'])).user).toMatchObject({
      displayName: 'Eve',
      email: null,
    })
    expect((await eve.run(['user', 'reset-password', 'cat', '--online'])).stderr).toContain('DENIED')
    const made = await owner.run(['user', 'reset-password', 'eve', '--online'])
    expect((await kagami.call('GET', '/user', { login: { username: 'eve', password: made.stdout } })).status).toBe(200)
  })
})
