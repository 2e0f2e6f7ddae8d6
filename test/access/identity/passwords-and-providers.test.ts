// Where the two ways to sign in meet: what a provider opens, and each place where a password is refused for its sake.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import type { IdentityProvider } from '../../../src/api/identities.ts'
import { sessionListSchema, signedInSchema } from '../../../src/api/sessions.ts'
import { tokenCreatedSchema } from '../../../src/api/tokens.ts'
import { recoveryCodesSchema, twoFactorBegunSchema } from '../../../src/api/two-factor.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid-provider.ts'
import { addProvider, answerAtCommandLine, signInByProvider, VERIFIER } from '../../support/provider-people.ts'
import {
  authorization,
  type CallOptions,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('passwords and providers', (start) => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  let shared: IdentityProvider
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await start()
    shared = await addProvider(kagami, openid, { path: '/identities', login: OWNER, name: 'house', trustEmail: true })
  })
  afterAll(async () => {
    await kagami?.stop()
    await openid?.stop()
  })

  const signIn = (provider: IdentityProvider, person: OpenIdProvider['person']) =>
    signInByProvider(kagami, openid, provider, person)
  const secretOf = (cookie: string) => /kagami_session=([^;]+)/.exec(cookie)?.[1] ?? ''
  const userBy = async (login: Login | string) => (await kagami.call('GET', '/user', { login })).status
  const userByCookie = async (cookie: string) => (await kagami.call('GET', '/user', { headers: { cookie } })).status
  const byPassword = (login: Login, code?: string) =>
    kagami.call('POST', '/user/sessions', { body: { ...login, ...(code === undefined ? {} : { code }) } })
  const onlyAt = (organization: string, login: Login) =>
    addProvider(kagami, openid, { path: `/organizations/${organization}/identities`, login, name: 'sso', only: true })

  /** Both ways of the token service, and what its refresh token opens later. */
  async function tokenService(login: Login, refreshToken?: string) {
    const of = refreshToken === undefined ? { grant_type: 'password', ...login } : { grant_type: 'refresh_token' }
    const form = { client_id: 'a-test', service: 'kagami', access_type: 'offline', ...of }
    const body = new URLSearchParams(refreshToken === undefined ? form : { ...form, refresh_token: refreshToken })
    const answer = await fetch(`${kagami.url}/token`, { method: 'POST', body })
    return { status: answer.status, text: await answer.text() }
  }

  test('what a provider opens is a session like any other: listed, ended at once, and kept as a hash', async () => {
    const { cookie, username } = await signIn(shared, { sub: 'ann', preferred_username: 'ann' })
    const secret = secretOf(cookie)
    expect([username, secret.slice(0, 8), await userBy(secret)]).toEqual(['ann', 'kgm_ses_', 200])
    const other = await signIn(shared, { sub: 'ann' })
    const headers = { cookie, origin: kagami.url }
    const { sessions } = (await kagami.call('GET', '/user/sessions', { headers })).as(sessionListSchema)
    expect(sessions.map(({ kind, current }) => [kind, current]).sort()).toEqual([
      ['session', false],
      ['session', true],
    ])
    const ended = sessions.find(({ current }) => !current)?.id
    expect((await kagami.call('DELETE', `/user/sessions/${ended}`, { headers })).status).toBe(204)
    expect([await userByCookie(other.cookie), await userByCookie(cookie)]).toEqual([401, 200])
    // A cookie holds a session, and nothing else.
    const { token } = (await kagami.call('POST', '/tokens', { headers, body: { label: 'x' } })).as(tokenCreatedSchema)
    expect([await userBy(token), await userByCookie(`kagami_session=${token}`)]).toEqual([200, 401])
  })

  test('only by the provider: every door for a password is shut, and what one has opened before', async () => {
    const boss = await kagami.addUser('boss', { strict: 'owner' })
    const pat = await kagami.addUser('pat', { strict: 'member' })
    const session = (await byPassword(pat)).as(signedInSchema).token
    const { refresh_token: refreshToken } = JSON.parse((await tokenService(pat)).text)
    const { token } = (await kagami.call('POST', '/tokens', { login: pat, body: { label: 'x' } })).as(
      tokenCreatedSchema,
    )
    const withToken = { ...pat, password: token }
    const { refresh_token: ofToken } = JSON.parse((await tokenService(withToken)).text)
    const doors = async () => {
      const headers = { authorization: authorization(pat) }
      const registry = await fetch(`${kagami.url}/v2/strict/app/tags/list`, { headers })
      const service = await fetch(`${kagami.url}/token?service=kagami`, { headers })
      const answers = [
        await kagami.call('GET', '/user', { login: pat }),
        await byPassword(pat),
        await kagami.call('GET', '/user', { login: session }),
        { status: registry.status, text: await registry.text() },
        { status: service.status, text: await service.text() },
        await tokenService(pat),
        await tokenService(pat, refreshToken),
      ]
      return answers.map(({ status, text }) => [status, text.includes('sign in by sso')])
    }
    const before = await doors()
    expect(before).toEqual([200, 201, 200, 404, 200, 200, 200].map((status) => [status, false]))
    const only = await onlyAt('strict', boss)
    expect(await doors()).toEqual(before.map(() => [401, true]))
    expect(await userByCookie(`kagami_session=${session}`)).toBe(401)
    // Tokens, and what they have opened, work on; so does whom the provider vouches for.
    expect([await userBy(token), (await tokenService(pat, ofToken)).status]).toEqual([200, 200])
    const { cookie, username } = await signIn(only, { sub: 'zoe', preferred_username: 'zoe' })
    expect([username, await userBy(secretOf(cookie))]).toEqual(['zoe.strict', 200])
    // A wrong password tells nothing of it, at the new door neither.
    const guessed = await byPassword({ ...pat, password: 'wrong password' })
    expect([guessed.status, guessed.text.includes('strict')]).toEqual([401, false])
    // A provider that is removed opens nothing any more, nor does what it opened.
    expect((await kagami.call('DELETE', '/organizations/strict/identities/sso', { login: OWNER })).status).toBe(204)
    expect([await userByCookie(cookie), await userBy(session), await userBy(pat)]).toEqual([401, 200, 200])
  })

  test('a provider asks for its own second factor, not for ours; the password alone lets no device in', async () => {
    const cat = await kagami.addUser('cat')
    const opened = (await byPassword(cat)).as(signedInSchema).token
    const post = (path: string, body: unknown, o: CallOptions) => kagami.call('POST', path, { ...o, body })
    const begun = await post('/user/two-factor', { password: cat.password }, { login: opened })
    const totp = new TOTP({ secret: Secret.fromBase32(begun.as(twoFactorBegunSchema).secret) })
    const confirmed = await post('/user/two-factor/confirm', { code: totp.generate() }, { login: opened })
    const [recovery] = confirmed.as(recoveryCodesSchema).recoveryCodes
    const login = (await byPassword(cat, recovery)).as(signedInSchema).token

    const code = (await answerAtCommandLine(openid, shared, { sub: 'cat' })).get('code')
    const link = { code, verifier: VERIFIER }
    expect((await post('/user/identities', link, { login })).status).toBe(201)
    const { cookie, username } = await signIn(shared, { sub: 'cat' })
    expect(username).toBe('cat')

    const form = new URLSearchParams({ client_id: 'laptop' })
    const waiting = async () =>
      (await (await fetch(`${kagami.url}/api/v1/device/code`, { method: 'POST', body: form })).json()) as {
        readonly user_code: string
      }
    const approve = async (o: CallOptions) => {
      const { user_code: userCode } = await waiting()
      const { status, text } = await post('/device/approve', { userCode }, o)
      return [status, JSON.parse(text).error?.detail?.error ?? JSON.parse(text).device?.name]
    }
    expect(await approve({ login: cat })).toEqual([401, 'two_factor_required'])
    expect(await approve({ login })).toEqual([200, 'laptop'])
    expect(await approve({ headers: { cookie, origin: kagami.url } })).toEqual([200, 'laptop'])
    expect((await approve({ headers: { cookie, origin: 'https://evil.example' } }))[0]).toBe(403)
  })

  test('an address that somebody gave themselves is not proved, whatever the one before was', async () => {
    const eve = { sub: 'eve', preferred_username: 'eve', email: 'eve@corp.example', email_verified: true }
    const { cookie } = await signIn(shared, eve)
    const headers = { cookie, origin: kagami.url }
    const change = (body: unknown) => kagami.call('PATCH', '/user', { headers, body })
    // The same one again stays proved: the provider's next account of that address is still eve.
    expect((await change({ email: 'eve@corp.example', displayName: 'Eve' })).status).toBe(200)
    expect((await signIn(shared, { ...eve, sub: 'eve-anew' })).username).toBe('eve')
    expect((await change({ email: 'victim@corp.example' })).status).toBe(200)
    const victim = { sub: 'victim', preferred_username: 'victim', email: 'victim@corp.example', email_verified: true }
    expect((await signIn(shared, victim)).username).toBe('victim')
  })
})
