import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from 'zod'
import type { IdentityProvider } from '../../../src/api/identities.ts'
import { tokenCreatedSchema } from '../../../src/api/tokens.ts'
import { newBrowser } from '../../support/browser.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid-provider.ts'
import { addProvider, answerAtCommandLine, signInByProvider, VERIFIER } from '../../support/provider-people.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

const memberList = z.object({ members: z.array(z.object({ username: z.string(), role: z.string() })) })

describeOnEachDatabase('somebody who signs in by a provider', (start) => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  let acme: IdentityProvider
  let shared: IdentityProvider
  let owner: Login
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await start()
    owner = await kagami.addUser('boss', { corp: 'owner' })
    acme = await add('/organizations/corp/identities', { name: 'okta', clientSecret: 'a secret of corp' }, owner)
    shared = await add('/identities', { name: 'house', trustEmail: true }, OWNER)
  })
  afterAll(async () => {
    await kagami?.stop()
    await openid?.stop()
  })

  const add = (path: string, fields: { readonly name: string } & Record<string, unknown>, login: Login) =>
    addProvider(kagami, openid, { path, login, ...fields })
  const signIn = (provider: IdentityProvider, person: OpenIdProvider['person']) =>
    signInByProvider(kagami, openid, provider, person)
  const verifier = VERIFIER
  const codeOf = (provider: IdentityProvider, person: OpenIdProvider['person']) =>
    answerAtCommandLine(openid, provider, person)
  const membersOf = async () =>
    (await kagami.call('GET', '/organizations/corp/members', { login: owner })).as(memberList).members

  test('becomes a member at the first time, with a session that reads and changes', async () => {
    const { landing, cookie, username } = await signIn(acme, { sub: 'alice-1', preferred_username: 'Alice' })
    expect([landing.url, username]).toEqual([`${kagami.url}/`, 'alice.corp'])
    expect(await membersOf()).toContainEqual({ username: 'alice.corp', role: 'member' })
    const again = await signIn(acme, { sub: 'alice-1', preferred_username: 'renamed' })
    expect(again.username).toBe('alice.corp')
    const namesake = await signIn(acme, { sub: 'alice-2', preferred_username: 'alice' })
    expect(namesake.username).toBe('alice.corp-2')
    // A page of another site must not use the session; one of this server does.
    const body = { label: 'mine' }
    const foreign = await kagami.call('POST', '/tokens', { body, headers: { cookie, origin: 'https://evil.example' } })
    expect([foreign.status, foreign.code]).toEqual([403, 'DENIED'])
    expect((await kagami.call('POST', '/tokens', { body, headers: { cookie } })).status).toBe(403)
    expect((await kagami.call('POST', '/tokens', { body, headers: { cookie, origin: kagami.url } })).status).toBe(201)
    expect((await kagami.call('GET', '/user', { headers: { cookie: 'kagami_session=made-up' } })).status).toBe(401)
  })

  test('whom owners removed stays removed', async () => {
    const { username } = await signIn(acme, { sub: 'bob', preferred_username: 'bob' })
    await kagami.call('DELETE', `/organizations/corp/members/${username}`, { login: owner })
    const again = await signIn(acme, { sub: 'bob' })
    expect(again.username).toBe('bob.corp')
    expect((await membersOf()).map((one) => one.username)).not.toContain('bob.corp')
  })

  test('first sign-ins of one person at once make one account', async () => {
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(acme, { sub: 'carol', preferred_username: 'carol' })))
    const made = await Promise.all(
      codes.map((one) => kagami.call('POST', '/sign-in/token', { body: { code: one.get('code'), verifier } })),
    )
    expect(made.map((one) => one.as(tokenCreatedSchema).username)).toEqual(['carol.corp', 'carol.corp', 'carol.corp'])
  })

  test('a command line gets a token for its code, once, and only with what it knows', async () => {
    const person = { sub: 'dan', preferred_username: 'dan' }
    const code = (await codeOf(acme, person)).get('code')
    const made = await kagami.call('POST', '/sign-in/token', { body: { code, verifier } })
    const { token, scope, username } = made.as(tokenCreatedSchema)
    expect([username, scope, (await kagami.call('GET', '/user', { login: token })).status]).toEqual([
      'dan.corp',
      'admin',
      200,
    ])
    const used = await kagami.call('POST', '/sign-in/token', { body: { code, verifier } })
    expect([used.status, used.message]).toEqual([401, expect.stringContaining('used already')])
    const other = (await codeOf(acme, person)).get('code')
    const wrong = await kagami.call('POST', '/sign-in/token', { body: { code: other, verifier: 'w'.repeat(43) } })
    expect([wrong.status, wrong.message]).toEqual([401, used.message])
    expect((await kagami.call('POST', '/sign-in/token', { body: { code: other, verifier } })).status).toBe(401)
  })

  test('who says no at the provider reads so, in the browser and at the command line', async () => {
    openid.refuses = true
    const { landing } = await signIn(acme, { sub: 'eve' })
    const atCommandLine = await codeOf(acme, { sub: 'eve' })
    openid.refuses = false
    const message = 'you cannot sign in by okta: it answered access_denied (the person said no)'
    expect([landing.status, JSON.parse(landing.text).error.message]).toEqual([401, message])
    expect(atCommandLine.get('error')).toBe(message)
  })

  test('a state serves once, in the browser that began, at its own provider', async () => {
    openid.person = { sub: 'frank', preferred_username: 'frank' }
    const browser = newBrowser()
    const isCallback = (url: string) => url.includes('/callback?')
    const { url } = await browser.open(acme.signIn, { stopAt: isCallback })
    const stranger = await newBrowser().open(url)
    expect([stranger.status, stranger.text]).toEqual([401, expect.stringContaining('not begun by this browser')])
    const elsewhere = await browser.open(url.replace(acme.id, shared.id))
    expect([elsewhere.status, elsewhere.text]).toEqual([401, expect.stringContaining('unknown, over, or was used')])
    expect((await browser.open(url, { stopAt: (one) => one === `${kagami.url}/` })).status).toBe(302)
    const replayed = await browser.open(url)
    expect([replayed.status, replayed.text]).toEqual([401, expect.stringContaining('unknown, over, or was used')])
    const madeUp = await browser.open(`${acme.redirectUri}?code=x&state=nonsense`)
    expect(madeUp.status).toBe(401)
  })

  test('an answer that names another issuer is a mix-up', async () => {
    openid.person = { sub: 'mallory' }
    const browser = newBrowser()
    const { url } = await browser.open(acme.signIn, { stopAt: (one) => one.includes('/callback?') })
    const mixed = new URL(url)
    mixed.searchParams.set('iss', 'https://another.example')
    const { status, text } = await browser.open(mixed.href)
    expect([status, text]).toEqual([401, expect.stringContaining('its answer is not one to this sign-in')])
  })

  test('a provider of the instance links by a verified address alone, and never an operator', async () => {
    await kagami.addUser('grace')
    const person = {
      sub: 'grace-at-house',
      preferred_username: 'grace',
      email: 'grace@users.invalid',
      email_verified: true,
    }
    // Nobody has verified the address of the account that is here.
    expect((await signIn(shared, person)).username).toBe('grace-2')
    const heidi = { sub: 'heidi', preferred_username: 'heidi', email: 'Heidi@corp.example', email_verified: true }
    expect((await signIn(shared, heidi)).username).toBe('heidi')
    // Her address is verified now: another provider account of the same address is her; an unverified one is not.
    expect((await signIn(shared, { ...heidi, sub: 'heidi-anew' })).username).toBe('heidi')
    expect((await signIn(shared, { ...heidi, sub: 'not-heidi', email_verified: false })).username).toBe('heidi-2')
    // An organization's own provider is trusted with no address.
    expect((await signIn(acme, { ...heidi, sub: 'heidi-of-corp' })).username).toBe('heidi.corp')
  })

  test('an account that is there is linked by who is signed in to it, where that takes nothing from others', async () => {
    const ivan = await kagami.addUser('ivan')
    const judy = await kagami.addUser('judy', { elsewhere: 'member' })
    const linkBy = async (provider: IdentityProvider, sub: string, login: Login) => {
      const code = (await codeOf(provider, { sub })).get('code')
      return kagami.call('POST', '/user/identities', { login, body: { code, verifier } })
    }
    expect((await linkBy(acme, 'ivan', ivan)).status).toBe(201)
    expect((await signIn(acme, { sub: 'ivan' })).username).toBe('ivan')
    const taken = await linkBy(acme, 'ivan', judy)
    expect([taken.status, taken.code]).toEqual([409, 'CONFLICT'])
    const elsewhere = await linkBy(acme, 'judy', judy)
    expect([elsewhere.status, elsewhere.message]).toEqual([
      403,
      expect.stringContaining('belongs to other organizations too'),
    ])
    expect((await linkBy(shared, 'judy', judy)).status).toBe(201)
    const operator = await linkBy(acme, 'operator', OWNER)
    expect([operator.status, operator.message]).toEqual([403, expect.stringContaining('operator')])
    const anonymous = await kagami.call('POST', '/user/identities', { body: { code: 'x', verifier } })
    expect(anonymous.status).toBe(401)
  })

  test('groups stand for teams: each sign-in puts people in, and takes them out, and other teams are left alone', async () => {
    const boss = await kagami.addUser('boss', { grouped: 'owner' })
    const team = async (name: string) => {
      const answer = await kagami.call('POST', '/organizations/grouped/teams', { login: boss, body: { name } })
      expect(answer.status).toBe(201)
    }
    for (const name of ['web', 'ops', 'own']) await team(name)
    const groups = [
      { group: 'cn=web,ou=groups', team: 'web' },
      { group: 'admins', team: 'ops' },
      { group: 'admins', team: 'web' },
    ]
    const unknown = { group: 'x', team: 'absent' }
    const path = '/organizations/grouped/identities'
    const provider = await add(path, { name: 'sso', groups }, boss)
    const change = (body: unknown) => kagami.call('PATCH', `${path}/sso`, { login: boss, body })
    const teamsOf = async (username: string | undefined) => {
      const names: string[] = []
      for (const name of ['ops', 'own', 'web']) {
        const answer = await kagami.call('GET', `/organizations/grouped/teams/${name}/members`, { login: boss })
        if (answer.text.includes(`"${username}"`)) names.push(name)
      }
      return names
    }
    const person = (listed: unknown) => signIn(provider, { sub: 'g-1', preferred_username: 'gina', groups: listed })

    const { username } = await person(['cn=web,ou=groups', 'others'])
    expect(await teamsOf(username)).toEqual(['web'])
    const own = `/organizations/grouped/teams/own/members/${username}`
    expect((await kagami.call('PUT', own, { login: boss })).status).toBe(204)
    await person(['admins'])
    expect(await teamsOf(username)).toEqual(['ops', 'own', 'web'])
    // A list of one, as some providers write it.
    await person('cn=web,ou=groups')
    expect(await teamsOf(username)).toEqual(['own', 'web'])
    for (const none of [undefined, 7, { admins: true }, [['admins']]]) {
      await person(['admins'])
      await person(none)
      expect(await teamsOf(username)).toEqual(['own'])
    }

    expect((await change({ groups: [unknown] })).status).toBe(404)
    expect((await change({})).status).toBe(400)
    expect((await change({ groupsClaim: 'access.roles', groups: groups.slice(1, 2) })).status).toBe(200)
    await signIn(provider, { sub: 'g-1', access: { roles: ['admins'] } })
    expect(await teamsOf(username)).toEqual(['ops', 'own'])
    // Whom owners have removed stays removed.
    await kagami.call('DELETE', `/organizations/grouped/members/${username}`, { login: boss })
    await signIn(provider, { sub: 'g-1', access: { roles: ['admins'] } })
    expect(await teamsOf(username)).toEqual([])
  })

  test('only by the provider: passwords of members are refused, but for the last owner, and tokens work on', async () => {
    const lone = await kagami.addUser('lone', { strict: 'owner' })
    const member = await kagami.addUser('pat', { strict: 'member' })
    // Who made it is its owner too.
    expect((await kagami.call('DELETE', '/organizations/strict/members/owner', { login: lone })).status).toBe(204)
    const token = (await kagami.call('POST', '/tokens', { login: member, body: { label: 'x' } })).as(tokenCreatedSchema)
    const only = await add('/organizations/strict/identities', { name: 'sso', only: true }, lone)
    const status = async (login: Login | string) => (await kagami.call('GET', '/user', { login })).status
    const refusal = await kagami.call('GET', '/user', { login: member })
    expect([refusal.status, refusal.message]).toEqual([
      401,
      expect.stringContaining('members of strict sign in by sso'),
    ])
    expect(refusal.message).toContain(only.id)
    const guessed = await kagami.call('GET', '/user', { login: { ...member, password: 'wrong password' } })
    expect(guessed.message).not.toContain('strict')
    expect([await status(lone), await status(token.token), await status(OWNER)]).toEqual([200, 200, 200])
    await kagami.call('PUT', '/organizations/strict/members/pat', { login: lone, body: { role: 'owner' } })
    expect([await status(lone), await status(member)]).toEqual([401, 401])
    expect((await signIn(only, { sub: 'sso-1', preferred_username: 'zoe' })).username).toBe('zoe.strict')
    // A provider that fails: the operator ends it.
    expect((await kagami.call('DELETE', '/organizations/strict/identities/sso', { login: OWNER })).status).toBe(204)
    expect([await status(lone), await status(member)]).toEqual([200, 200])
  })

  test('what cannot be a provider is not kept, and what is not there is not told apart', async () => {
    const body = { kind: 'provider', name: 'bad', clientId: 'x' }
    const wrong = await kagami.call('POST', '/organizations/corp/identities', {
      login: owner,
      body: { ...body, issuer: `${openid.url}/other` },
    })
    expect([wrong.status, wrong.code]).toEqual([502, 'UPSTREAM_INVALID'])
    expect((await kagami.call('GET', '/organizations/corp/identities/bad', { login: owner })).status).toBe(404)
    const shown = await kagami.call('GET', '/organizations/corp/identities/okta', { login: owner })
    expect(shown.text).not.toContain('a secret of corp')
    // By its name an organization's provider is nobody's.
    const byName = await kagami.call('GET', '/sign-in/okta/start')
    const absent = await kagami.call('GET', '/sign-in/absent/start')
    expect([byName.status, byName.text]).toEqual([404, absent.text])
  })
})
