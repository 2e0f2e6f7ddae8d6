// People over the API: how they join, what they change of themselves, and that what ends ends at the next request.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Secret, TOTP, URI } from 'otpauth'
import { invitationCreatedSchema, invitationListSchema, registeredSchema } from '../../../src/api/invitations.ts'
import { memberListSchema } from '../../../src/api/members.ts'
import { sessionListSchema, sessionsEndedSchema, signedInSchema } from '../../../src/api/sessions.ts'
import { tokenCreatedSchema } from '../../../src/api/tokens.ts'
import { recoveryCodesSchema, twoFactorAnswerSchema, twoFactorBegunSchema } from '../../../src/api/two-factor.ts'
import { profileAnswerSchema, userCreatedSchema } from '../../../src/api/users.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('people over the API', (startServer) => {
  let kagami: WholeServer
  beforeAll(async () => {
    kagami = await startServer()
  })
  afterAll(() => kagami.stop())

  const call = (method: string, path: string, login?: Login | string, body?: unknown) =>
    kagami.call(method, path, { login, body })
  const signIn = async (login: Login, code?: string) =>
    (await call('POST', '/user/sessions', undefined, { ...login, code })).as(signedInSchema)
  const tokenOf = async (login: Login | string, scope = 'admin') =>
    (await call('POST', '/tokens', login, { label: 'test', scope })).as(tokenCreatedSchema).token
  /** Status of a manifest's GET, with Basic or a bearer token. */
  const pull = (repository: string, header: string) =>
    fetch(`${kagami.url}/v2/${repository}/manifests/v1`, { headers: { authorization: header } }).then(
      async (answer) => {
        await answer.body?.cancel()
        return answer.status
      },
    )

  describe('invitations', () => {
    const invite = async (login: Login | string, body: object = {}, organization = 'inviters') =>
      (await call('POST', `/organizations/${organization}/invitations`, login, body)).as(invitationCreatedSchema)
    const secretOf = ({ url }: { readonly url: string }) => new URL(url).hash.slice(1)

    test('bring in somebody with a new account, and then somebody who has one', async () => {
      const ira = await kagami.addUser('ira', { inviters: 'owner' })
      const made = await invite(ira, { role: 'editor', email: 'Guest@Example.com', expires: '2d' })
      expect(made).toMatchObject({
        organization: 'inviters',
        role: 'editor',
        teams: [],
        email: 'guest@example.com',
        createdBy: 'ira',
        mail: 'off',
        mailProblem: null,
      })
      expect(made.url).toStartWith(`${kagami.url}/invitations#kgm_inv_`)
      expect((Date.parse(made.expiresAt) - Date.parse(made.createdAt)) / 86_400_000).toBe(2)
      const secret = secretOf(made)
      const shown = await call('POST', '/invitations/show', undefined, { secret })
      expect(JSON.parse(shown.text)).toEqual({
        organization: 'inviters',
        role: 'editor',
        teams: [],
        email: 'guest@example.com',
        expiresAt: made.expiresAt,
      })
      const account = { username: 'guest', password: 'password of guest', displayName: 'A Guest' }
      const registered = await call('POST', '/invitations/register', undefined, { secret, ...account })
      expect(registered.as(registeredSchema)).toMatchObject({ organization: 'inviters', role: 'editor' })
      expect((await call('GET', '/user', account)).as(profileAnswerSchema).user).toMatchObject({
        username: 'guest',
        operator: false,
        displayName: 'A Guest',
        email: 'guest@example.com',
        twoFactor: false,
      })
      for (const path of ['show', 'register', 'accept']) {
        const again = await call('POST', `/invitations/${path}`, ira, {
          secret,
          ...(path === 'register' ? account : {}),
        })
        expect([path, again.code, again.text.includes('inviters')]).toEqual([path, 'NOT_FOUND', false])
      }
      const second = secretOf(await invite(ira))
      const jo = await kagami.addUser('jo')
      expect((await call('POST', '/invitations/accept', undefined, { secret: second })).status).toBe(401)
      expect((await call('POST', '/invitations/accept', await tokenOf(jo, 'delete'), { secret: second })).status).toBe(
        403,
      )
      expect(JSON.parse((await call('POST', '/invitations/accept', jo, { secret: second })).text)).toEqual({
        organization: 'inviters',
        role: 'member',
        teams: [],
      })
      const { invitations } = (await call('GET', '/organizations/inviters/invitations', ira)).as(invitationListSchema)
      expect(invitations.map(({ state, acceptedBy }) => `${state} ${acceptedBy}`).sort()).toEqual([
        'accepted guest',
        'accepted jo',
      ])
    })

    test('are made and revoked by owners, and by nobody else', async () => {
      const [kim, kit] = [
        await kagami.addUser('kim', { revokers: 'owner' }),
        await kagami.addUser('kit', { revokers: 'editor' }),
      ]
      const path = '/organizations/revokers/invitations'
      for (const login of [kit, await tokenOf(kim, 'write')]) {
        expect((await call('POST', path, login, {})).code).toBe('DENIED')
        expect((await call('GET', path, login)).code).toBe('DENIED')
      }
      const made = await invite(kim, {}, 'revokers')
      const other = await invite(OWNER, {}, 'acme')
      expect((await call('DELETE', `${path}/${other.id}`, kim)).code).toBe('NOT_FOUND')
      expect((await call('DELETE', `${path}/${made.id}`, kim)).status).toBe(204)
      expect((await call('DELETE', `${path}/${made.id}`, kim)).code).toBe('NOT_FOUND')
      expect((await call('POST', '/invitations/show', undefined, { secret: secretOf(made) })).code).toBe('NOT_FOUND')
      expect((await call('POST', '/invitations/show', undefined, { secret: secretOf(other) })).status).toBe(200)
    })

    test('refuse what is no role, address, length of time or password, by name', async () => {
      const path = '/organizations/acme/invitations'
      for (const [body, name] of [
        [{ role: 'boss' }, 'role'],
        [{ email: 'nobody' }, 'email'],
        [{ email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
        [{ expires: '31d' }, 'expires'],
        [{ expires: '0' }, 'expires'],
        [{ expires: '10s' }, 'expires'],
      ] as const) {
        const answer = await call('POST', path, OWNER, body)
        expect([answer.code, answer.message]).toEqual(['INVALID_REQUEST', expect.stringContaining(name)])
      }
      const { url } = await invite(OWNER, {}, 'acme')
      const account = { secret: new URL(url).hash.slice(1), username: 'shorty', password: 'short' }
      expect((await call('POST', '/invitations/register', undefined, account)).message).toContain('password')
    })
  })

  describe('owners and members', () => {
    test('of two owners who leave at once one stays, who can neither leave, be removed nor become less', async () => {
      const [lea, leo] = [
        await kagami.addUser('lea', { twins: 'owner' }),
        await kagami.addUser('leo', { twins: 'owner' }),
      ]
      // The operator who made the organization.
      expect((await call('POST', '/organizations/twins/leave', OWNER)).status).toBe(204)
      const left = await Promise.all([lea, leo].map((login) => call('POST', '/organizations/twins/leave', login)))
      expect(left.map(({ status }) => status).sort()).toEqual([204, 409])
      const last = left[0]?.status === 409 ? lea : leo
      const path = `/organizations/twins/members/${last.username}`
      expect((await call('DELETE', path, last)).code).toBe('CONFLICT')
      expect((await call('PUT', path, last, { role: 'editor' })).code).toBe('CONFLICT')
      const { members } = (await call('GET', '/organizations/twins/members', last)).as(memberListSchema)
      expect(members.map(({ username, role }) => [username, role])).toEqual([[last.username, 'owner']])
    })

    test('whoever leaves or is removed is refused at the next request, by every kind of token, there and nowhere else', async () => {
      await call('POST', '/organizations', OWNER, { name: 'left' })
      for (const [name, leave] of [
        ['mia', (login: Login) => call('POST', '/organizations/left/leave', login)],
        ['moe', () => call('DELETE', '/organizations/left/members/moe', OWNER)],
      ] as const) {
        const login = await kagami.addUser(name, { left: 'editor', stays: 'editor' })
        const repositories = [`left/of-${name}`, `stays/of-${name}`]
        for (const repository of repositories) {
          expect((await call('POST', '/repositories', login, { name: repository })).status).toBe(201)
          await emptyIndexPushed(kagami.url, repository, 'v1', login)
        }
        const token = await tokenOf(login)
        const scopes = repositories.map((repository) => `scope=repository:${repository}:pull`).join('&')
        const ask = async (header: string) => {
          const answer = await fetch(`${kagami.url}/token?service=kagami&offline_token=true&${scopes}`, {
            headers: { authorization: header },
          })
          return (await answer.json()) as { token: string; refresh_token: string }
        }
        const byPassword = await ask(authorization(login))
        const headers = [
          authorization(login),
          `Bearer ${token}`,
          authorization({ username: name, password: token }),
          `Bearer ${(await signIn(login)).token}`,
          `Bearer ${byPassword.token}`,
        ]
        const statuses = async () =>
          Promise.all(repositories.map((repository) => Promise.all(headers.map((header) => pull(repository, header)))))
        expect(await statuses()).toEqual([headers.map(() => 200), headers.map(() => 200)])
        expect((await leave(login)).status).toBe(204)
        expect((await statuses()).map((all) => [...new Set(all)])).toEqual([[403], [200]])
        const body = new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: byPassword.refresh_token,
          service: 'kagami',
          scope: repositories.map((repository) => `repository:${repository}:pull`).join(' '),
        })
        const refreshed = await (await fetch(`${kagami.url}/token`, { method: 'POST', body })).json()
        expect((refreshed as { scope: string }).scope).toBe(`repository:stays/of-${name}:pull`)
        expect((await call('GET', '/organizations/left', login)).code).toBe('DENIED')
        expect((await call('POST', '/organizations/left/leave', login)).code).toBe('DENIED')
      }
    })
  })

  describe('your account', () => {
    test('has a display name and a mail address by which you sign in, and no address that is taken', async () => {
      const [nia, ned] = [await kagami.addUser('nia'), await kagami.addUser('ned')]
      const before = (await call('GET', '/user', nia)).as(profileAnswerSchema).user
      expect(before).toMatchObject({ displayName: 'nia', email: null, twoFactor: false })
      const changes = { displayName: '  Nia N. ', email: 'Nia@Example.com' }
      const after = (await call('PATCH', '/user', nia, changes)).as(profileAnswerSchema).user
      expect(after).toEqual({ ...before, displayName: 'Nia N.', email: 'nia@example.com' })
      expect((await call('GET', '/user', { ...nia, username: 'nia@example.com' })).status).toBe(200)
      expect((await call('PATCH', '/user', ned, { email: 'nia@example.com' })).code).toBe('CONFLICT')
      expect((await call('PATCH', '/user', nia, { email: 'nia@example.com' })).status).toBe(200)
      expect((await call('PATCH', '/user', nia, { email: null })).as(profileAnswerSchema).user.email).toBeNull()
      expect((await call('PATCH', '/user', ned, { email: 'nia@example.com' })).status).toBe(200)
      for (const body of [
        { displayName: '' },
        { displayName: 'a\nb' },
        { displayName: 'nia\u202etoor' },
        { displayName: 'ad\u200bmin' },
        { email: '' },
        { username: 'x' },
      ])
        expect((await call('PATCH', '/user', nia, body)).code).toBe('INVALID_REQUEST')
    })

    test('changes its password with the current one, which ends the other sessions', async () => {
      const oda = await kagami.addUser('oda')
      const [own, other] = [await signIn(oda), await signIn(oda)]
      const token = await tokenOf(oda, 'read')
      const password = 'another password'
      const wrong = await call('PUT', '/user/password', own.token, { current: 'wrong password', password })
      expect([wrong.status, wrong.message]).toEqual([403, 'the current password is not right'])
      expect(
        (await call('PUT', '/user/password', own.token, { current: oda.password, password: 'short' })).status,
      ).toBe(400)
      expect((await call('GET', '/user', other.token)).status).toBe(200)
      expect((await call('PUT', '/user/password', own.token, { current: oda.password, password })).status).toBe(204)
      const statuses = [oda, { ...oda, password }, own.token, other.token, token].map(
        async (login) => (await call('GET', '/user', login)).status,
      )
      expect(await Promise.all(statuses)).toEqual([401, 200, 200, 401, 200])
    })

    test('guesses at the current password are counted as logins are', async () => {
      const pam = await kagami.addUser('pam')
      const { token } = await signIn(pam)
      const guess = async (current: string) =>
        (await call('PUT', '/user/password', token, { current, password: 'another password' })).status
      for (let index = 0; index < 10; index++) expect(await guess(`guess ${index}`)).toBe(403)
      expect(await guess(pam.password)).toBe(429)
      expect((await call('GET', '/user', token)).status).toBe(200)
    })

    test('sees and ends its sessions', async () => {
      const quin = await kagami.addUser('quin')
      const [own, other] = [await signIn(quin), await signIn(quin)]
      await kagami.call('POST', '/user/sessions', { body: quin, headers: { 'user-agent': 'A browser' } })
      const list = async () => (await call('GET', '/user/sessions', own.token)).as(sessionListSchema).sessions
      const sessions = await list()
      expect(sessions.map(({ id }) => id).sort()).toEqual(expect.arrayContaining([own.id, other.id]))
      expect(sessions.filter(({ current }) => current).map(({ id }) => id)).toEqual([own.id])
      expect(sessions.map(({ userAgent }) => userAgent)).toContain('A browser')
      expect(new Set(sessions.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']))
      const first = (await call('GET', '/user/sessions?limit=2', own.token)).as(sessionListSchema)
      const rest = (await call('GET', `/user/sessions?limit=2&after=${first.next}`, own.token)).as(sessionListSchema)
      expect([...first.sessions, ...rest.sessions]).toEqual(sessions)
      expect((await call('DELETE', `/user/sessions/${other.id}`, OWNER)).code).toBe('NOT_FOUND')
      expect((await call('DELETE', `/user/sessions/${other.id}`, own.token)).status).toBe(204)
      expect((await call('GET', '/user', other.token)).status).toBe(401)
      expect((await call('DELETE', '/user/sessions', own.token)).as(sessionsEndedSchema)).toEqual({ ended: 1 })
      expect((await list()).map(({ id }) => id)).toEqual([own.id])
    })

    test('no session is opened by a token, which would outlive it', async () => {
      const rob = await kagami.addUser('rob')
      const token = await tokenOf(rob)
      expect((await call('POST', '/user/sessions', undefined, { ...rob, password: token })).status).toBe(401)
    })

    test('has its password set by an operator, and by nobody else', async () => {
      const sue = await kagami.addUser('sue', { acme: 'owner' })
      const { token } = await signIn(sue)
      for (const login of [sue, await tokenOf(OWNER, 'delete')])
        expect((await call('PUT', '/users/sue/password', login, {})).code).toBe('DENIED')
      const made = (await call('PUT', '/users/sue/password', OWNER, {})).as(userCreatedSchema)
      expect(made.user.username).toBe('sue')
      expect((await call('GET', '/user', token)).status).toBe(401)
      expect((await call('GET', '/user', { ...sue, password: made.password ?? '' })).status).toBe(200)
      expect((await call('PUT', '/users/nobody/password', OWNER, {})).code).toBe('NOT_FOUND')
    })
  })

  describe('two-factor authentication', () => {
    test('from the secret to the end of it: docker login takes a token, a prompt asks for a code', async () => {
      const tom = await kagami.addUser('tom', { acme: 'member' })
      const token = await tokenOf(tom)
      const { token: session } = await signIn(tom)
      const other = await signIn(tom)
      expect((await call('POST', '/user/two-factor', session, { password: 'wrong password' })).code).toBe('DENIED')
      const begun = await call('POST', '/user/two-factor', session, { password: tom.password })
      const { secret, url } = begun.as(twoFactorBegunSchema)
      const totp = URI.parse(url)
      if (!(totp instanceof TOTP)) throw new Error('want an address of time-based codes')
      expect([totp.issuer, totp.label, totp.secret.base32]).toEqual(['Kagami 127.0.0.1', 'tom', secret])
      const state = async () => (await call('GET', '/user/two-factor', session)).as(twoFactorAnswerSchema).twoFactor
      expect(await state()).toEqual({ enabledAt: null, recoveryCodesLeft: 0 })
      expect((await call('GET', '/user', tom)).status).toBe(200)
      const code = totp.generate()
      const confirmed = await call('POST', '/user/two-factor/confirm', session, { code })
      const [first = '', second = '', third = ''] = confirmed.as(recoveryCodesSchema).recoveryCodes
      expect((await state()).recoveryCodesLeft).toBe(10)
      expect((await call('GET', '/user', session)).as(profileAnswerSchema).user.twoFactor).toBe(true)
      expect((await call('GET', '/user', other.token)).status).toBe(401)

      // The password alone: nowhere, in plain words; a token in its place: as ever.
      const refused = await call('GET', '/user', tom)
      expect([refused.status, JSON.parse(refused.text).error.detail]).toEqual([401, { error: 'two_factor_required' }])
      const words = 'use a personal access token in place of the password'
      for (const [path, init] of [
        ['/v2/', {}],
        ['/token?service=kagami', {}],
        ['/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'password', ...tom }) }],
      ] as const) {
        const headers = path === '/token' ? {} : { authorization: authorization(tom) }
        const answer = await fetch(kagami.url + path, { ...init, headers })
        expect([path, answer.status, await answer.text()]).toEqual([path, 401, expect.stringContaining(words)])
        const withToken = { authorization: authorization({ username: 'tom', password: token }) }
        if (path !== '/token') expect((await fetch(kagami.url + path, { headers: withToken })).status).toBe(200)
      }

      const open = async (given?: string) =>
        (await call('POST', '/user/sessions', undefined, { ...tom, code: given })).status
      // The code that confirmed was used by that.
      const results = [await open(), await open(code), await open('000000'), await open(first), await open(first)]
      expect(results).toEqual([401, 401, 401, 201, 401])

      const proof = { password: tom.password, code: second }
      const wrong = { password: 'wrong password', code: second }
      expect((await call('POST', '/user/two-factor/recovery-codes', session, wrong)).code).toBe('DENIED')
      const renewed = await call('POST', '/user/two-factor/recovery-codes', session, proof)
      const [fresh = ''] = renewed.as(recoveryCodesSchema).recoveryCodes
      const disable = async (given: string) =>
        (await call('POST', '/user/two-factor/disable', session, { password: tom.password, code: given })).status
      expect([await disable(third), await disable(fresh)]).toEqual([403, 204])
      expect((await call('GET', '/user', tom)).status).toBe(200)
      expect(await state()).toEqual({ enabledAt: null, recoveryCodesLeft: 0 })
    })

    test('an operator lets in who has lost it', async () => {
      const uma = await kagami.addUser('uma')
      const { secret } = (await call('POST', '/user/two-factor', uma, { password: uma.password })).as(
        twoFactorBegunSchema,
      )
      const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
      expect((await call('POST', '/user/two-factor/confirm', uma, { code })).status).toBe(200)
      const reset = (endTwoFactor: boolean) =>
        call('PUT', '/users/uma/password', OWNER, { password: uma.password, endTwoFactor })
      expect((await reset(false)).status).toBe(200)
      expect((await call('GET', '/user', uma)).status).toBe(401)
      expect((await reset(true)).status).toBe(200)
      expect((await call('GET', '/user', uma)).status).toBe(200)
    })
  })
})
