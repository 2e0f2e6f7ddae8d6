// The first run by a page: the routes that are there as long as there is no owner, and the links that open a page signed in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { auditListSchema } from '../../src/api/audit.ts'
import { browserSignedInSchema } from '../../src/api/sessions.ts'
import { setupDoneSchema } from '../../src/api/setup.ts'
import { twoFactorBegunSchema } from '../../src/api/two-factor.ts'
import { profileAnswerSchema } from '../../src/api/users.ts'
import { describeOnEachDatabase, type WholeServer } from '../support/whole-server.ts'

const ANN = { username: 'ann', password: 'a very secret password' }
const DOCUMENT = { accept: 'text/html' }

describeOnEachDatabase('a server without an owner', (start) => {
  let kagami: WholeServer
  /** Of two at once who was first. */
  let username = ''
  beforeAll(async () => {
    kagami = await start({ withSetup: true })
  })
  afterAll(() => kagami?.stop())

  const setUp = (code: string, o: object = {}) =>
    kagami.call('POST', '/setup', { body: { code, organization: 'harbour', ...ANN, ...o } })
  const isToldOf = async (name: string, cookie = '') => {
    const text = await (await fetch(`${kagami.url}/`, { headers: { ...DOCUMENT, cookie } })).text()
    return new RegExp(`<meta name="${name}" content="(\\w+)">`).exec(text)?.[1]
  }

  test('tells the page so, whatever cookie an earlier instance left there; it makes no owner by itself', async () => {
    expect([await isToldOf('setup', 'kagami_session=old'), await isToldOf('session', 'kagami_session=old')]).toEqual([
      'true',
      'false',
    ])
    expect(kagami.server.firstOwner).toBeUndefined()
    expect((await kagami.call('POST', '/user/sessions', { body: ANN })).status).toBe(401)
  })

  test('refuses a wrong code, and what makes no owner, and is unchanged', async () => {
    expect([(await setUp('BCDF-GHJK-LMNP-QRST')).status, (await setUp('')).status]).toEqual([403, 400])
    const code = kagami.server.setupCode?.reveal() ?? ''
    for (const bad of [{ organization: 'Not One' }, { username: 'x y' }, { password: 'short' }, { more: 1 }]) {
      expect((await setUp(code, bad)).status).toBe(400)
    }
    expect(await isToldOf('setup')).toBe('true')
  })

  test('makes the owner by the code; then there is no such route, whatever is sent', async () => {
    const code = kagami.server.setupCode?.reveal() ?? ''
    const [one, two] = await Promise.all([setUp(code), setUp(code, { username: 'bob' })])
    const made = [one, two].filter(({ status }) => status === 201)
    expect(made.length).toBe(1)
    const { user, organization } = (made[0] ?? one).as(setupDoneSchema)
    username = user.username
    expect([user.operator, organization]).toEqual([true, 'harbour'])
    const login = { username: user.username, password: ANN.password }
    const absent = await kagami.call('POST', '/nothing-here', { body: {} })
    for (const answer of [await setUp(code), await kagami.call('POST', '/setup', { body: { nonsense: 1 } })]) {
      expect([answer.status, answer.text.replace(/"id":"[^"]+"/, '').replace('/setup', '/nothing-here')]).toEqual([
        404,
        absent.text.replace(/"id":"[^"]+"/, ''),
      ])
    }
    expect(await isToldOf('setup')).toBe('false')
    const { entries } = (await kagami.call('GET', '/audit', { login })).as(auditListSchema)
    expect(entries.map(({ actor, action }) => `${actor} ${action}`).toReversed()).toEqual([
      `user:${user.username} user.create`,
      `user:${user.username} organization.create`,
      `user:${user.username} user.operator`,
    ])
  })

  test('a link opens a page of this server alone, once, in a cookie that no script reads', async () => {
    const secret = (await kagami.server.linkFor(username))?.secret.reveal() ?? ''
    const enter = (headers: Record<string, string>) =>
      kagami.call('POST', '/user/sessions/link', { body: { secret }, headers })
    for (const origin of ['https://evil.example', 'null', `${kagami.url}.evil.example`]) {
      expect((await enter({ origin })).status).toBe(403)
    }
    expect((await enter({})).status).toBe(403)
    const entered = await enter({ origin: kagami.url })
    expect(entered.as(browserSignedInSchema).username).toBe(username)
    expect(entered.text).not.toContain('kgm_')
    const set = entered.headers.get('set-cookie') ?? ''
    expect(set).toMatch(/^kagami_session=kgm_ses_\w+;.*HttpOnly/)
    expect(set).toContain('SameSite=Lax')
    const cookie = set.split(';', 1)[0] ?? ''
    const who = (await kagami.call('GET', '/user', { headers: { cookie } })).as(profileAnswerSchema).user
    expect([who.username, (await enter({ origin: kagami.url })).status]).toEqual([username, 404])
    // Signing out takes the cookie away too.
    const { id } = entered.as(browserSignedInSchema)
    const ended = await kagami.call('DELETE', `/user/sessions/${id}`, { headers: { cookie, origin: kagami.url } })
    expect([ended.status, ended.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
  })

  test('for nobody, and for whom a code is to be asked for, no link is made', async () => {
    expect(await kagami.server.linkFor('nobody')).toBeUndefined()
    const owner = { ...ANN, username }
    const begun = await kagami.call('POST', '/user/two-factor', { login: owner, body: { password: ANN.password } })
    const { secret } = begun.as(twoFactorBegunSchema)
    expect(await kagami.server.linkFor(owner.username)).toBeDefined()
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
    await kagami.call('POST', '/user/two-factor/confirm', { login: owner, body: { code } })
    expect(await kagami.server.linkFor(owner.username)).toBeUndefined()
  })
})
