// Whose a link is for as long as there are people: under `only`, through a change or a new beginning of the provider, and by its own end.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { IdentityProvider } from '../../../src/api/identities.ts'
import { sessionListSchema } from '../../../src/api/sessions.ts'
import { ownIdentityListSchema } from '../../../src/api/sign-in.ts'
import { tokenCreatedSchema } from '../../../src/api/tokens.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid-provider.ts'
import { addProvider, answerAtCommandLine, signInByProvider, VERIFIER } from '../../support/provider-people.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('a link to a provider', (start) => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await start()
  })
  afterAll(async () => {
    await kagami?.stop()
    await openid?.stop()
  })

  const call = (method: string, path: string, login: Login | string, body?: unknown) =>
    kagami.call(method, path, { login, body })
  const must = async (...o: Parameters<typeof call>) => {
    const answer = await call(...o)
    expect([o[0], o[1], answer.status < 300, answer.text]).toEqual([o[0], o[1], true, answer.text])
    return answer
  }
  const identitiesOf = (organization: string) => `/organizations/${organization}/identities`
  const add = (organization: string, login: Login, fields: object = {}) =>
    addProvider(kagami, openid, {
      path: identitiesOf(organization),
      login,
      name: 'sso',
      clientId: `kagami at ${organization}`,
      ...fields,
    })
  const signIn = (provider: IdentityProvider, sub: string) =>
    signInByProvider(kagami, openid, provider, { sub, preferred_username: sub })
  const codeOf = async (provider: IdentityProvider, sub: string) => {
    const answer = await answerAtCommandLine(openid, provider, { sub, preferred_username: sub })
    return { code: answer.get('code'), verifier: VERIFIER }
  }
  const link = async (provider: IdentityProvider, sub: string, login: Login | string, more: object = {}) =>
    call('POST', '/user/identities', login, { ...(await codeOf(provider, sub)), ...more })
  const linksOf = async (login: Login | string) =>
    (await call('GET', '/user/identities', login)).as(ownIdentityListSchema).identities
  const userBy = async (login: Login | string) => (await call('GET', '/user', login)).status
  const userByCookie = async (cookie: string) => (await kagami.call('GET', '/user', { headers: { cookie } })).status
  // An operator knows everybody by name.
  const put = (organization: string, user: string) =>
    must('PUT', `/organizations/${organization}/members/${user}`, OWNER, { role: 'member' })
  const rolesIn = async (organization: string, login: Login) => {
    const { members } = JSON.parse((await call('GET', `/organizations/${organization}/members`, login)).text)
    return Object.fromEntries(
      members.map(({ username, role }: { username: string; role: string }) => [username, role]),
    ) as Record<string, string>
  }
  const tokenOf = async (login: Login) =>
    (await must('POST', '/tokens', login, { label: 'x', scope: 'admin' })).as(tokenCreatedSchema)

  test('only locks nobody out whom an owner has merely added: they belong elsewhere, and are not linked', async () => {
    const owner = await kagami.addUser('ann1', { lock1: 'owner' })
    const bob = await kagami.addUser('bob1', { beta1: 'owner' })
    await put('lock1', 'bob1')
    const only = await add('lock1', owner, { only: true })
    expect(await userBy(bob)).toBe(200)
    const session = await kagami.call('POST', '/user/sessions', { body: bob })
    expect(session.status).toBe(201)
    // Whoever belongs to that organization alone signs in by its provider; so does who is linked to it, wherever they belong later.
    const cat = await kagami.addUser('cat1')
    const dan = await kagami.addUser('dan1')
    expect((await link(only, 'dan1', dan)).status).toBe(201)
    await put('lock1', 'cat1')
    await put('beta1', 'dan1')
    expect([await userBy(cat), await userBy(dan)]).toEqual([401, 401])
    await put('beta1', 'cat1')
    expect([await userBy(cat), await userBy(dan)]).toEqual([200, 401])
  })

  test('only wants the provider of that very organization: one of another, or of the instance, does not stand for it', async () => {
    const owner = await kagami.addUser('ann2', { lock2: 'owner' })
    const other = await kagami.addUser('bob2', { beta2: 'owner' })
    const [theirs, shared] = [await add('beta2', other), await add2()]
    const eve = await kagami.addUser('eve2')
    const acme = await add('lock2', owner)
    for (const one of [acme, shared]) expect((await link(one, 'eve2', eve)).status).toBe(201)
    await must('DELETE', '/organizations/lock2/members/eve2', owner)
    expect((await link(theirs, 'eve2', eve)).status).toBe(201)
    await put('lock2', 'eve2')
    const sessions = [await signIn(acme, 'eve2'), await signIn(theirs, 'eve2'), await signIn(shared, 'eve2')]
    const opened = async () => Promise.all(sessions.map(({ cookie }) => userByCookie(cookie)))
    expect(await opened()).toEqual([200, 200, 200])
    const token = (await tokenOf(eve)).token
    await must('PATCH', `${identitiesOf('lock2')}/sso`, owner, { only: true })
    expect(await opened()).toEqual([200, 401, 401])
    for (const one of [theirs, shared]) {
      const refused = await kagami.call('POST', '/sign-in/token', { body: await codeOf(one, 'eve2') })
      expect([refused.status, refused.message]).toEqual([
        401,
        expect.stringContaining(
          `members of lock2 sign in by sso and by no other provider: kagami login --identity ${acme.id}`,
        ),
      ])
      const { landing } = await signIn(one, 'eve2')
      expect([landing.status, landing.text]).toEqual([401, expect.stringContaining('members of lock2 sign in by sso')])
    }
    expect((await kagami.call('POST', '/sign-in/token', { body: await codeOf(acme, 'eve2') })).status).toBe(201)
    expect(await userBy(token)).toBe(200)
  })
  const add2 = () => addProvider(kagami, openid, { path: '/identities', login: OWNER, name: 'house' })

  test('a new secret, a new client and new certificates leave everybody who they are', async () => {
    const owner = await kagami.addUser('ann3', { corp3: 'owner' })
    const provider = await add('corp3', owner, { clientSecret: 'the first secret' })
    expect((await signIn(provider, 'fay')).username).toBe('fay.corp3')
    const path = `${identitiesOf('corp3')}/sso`
    const client = { clientId: 'kagami anew', clientSecret: 'the second secret' }
    openid.allow({ id: client.clientId, secret: client.clientSecret, redirectUris: [provider.redirectUri] })
    const changed = await must('PATCH', path, owner, client)
    expect(changed.text).not.toContain('secret"')
    expect(JSON.parse(changed.text).identity).toMatchObject({ clientId: 'kagami anew', hasClientSecret: true })
    const since = new Date().toISOString()
    expect((await signIn(provider, 'fay')).username).toBe('fay.corp3')
    // When it was used is written beside the sign-in.
    let before = ''
    do before = (await call('GET', path, owner)).text
    while (JSON.parse(before).identity.lastUsedAt < since)
    const ca = await call('PATCH', path, owner, { ca: 'no certificate' })
    expect([ca.status, ca.message]).toEqual([400, expect.stringContaining('ca')])
    expect((await call('PATCH', path, owner, { trustEmail: true })).status).toBe(400)
    expect((await call('PATCH', path, owner, {})).status).toBe(400)
    expect((await call('GET', path, owner)).text).toBe(before)
    openid.allow({ id: 'open', redirectUris: [provider.redirectUri] })
    const open = await must('PATCH', path, owner, { clientId: 'open', clientSecret: null, ca: null })
    expect(JSON.parse(open.text).identity).toMatchObject({ clientId: 'open', hasClientSecret: false, ca: null })
    expect((await signIn(provider, 'fay')).username).toBe('fay.corp3')
    const { entries } = JSON.parse((await call('GET', '/organizations/corp3/audit', owner)).text)
    expect(entries.filter(({ action }: { action: string }) => action === 'identity.change').length).toBe(2)
  })

  test('operators change those of the instance, and nobody else does', async () => {
    const shared = await addProvider(kagami, openid, { path: '/identities', login: OWNER, name: 'all3' })
    const body = { trustEmail: true, clientSecret: 'of all' }
    const nobody = await kagami.addUser('nobody3')
    expect((await call('PATCH', '/identities/all3', nobody, body)).status).toBe(403)
    const changed = await must('PATCH', '/identities/all3', OWNER, body)
    expect(JSON.parse(changed.text).identity).toMatchObject({
      trustEmail: true,
      hasClientSecret: true,
      organization: null,
    })
    openid.allow({ id: shared.clientId, secret: 'of all', redirectUris: [shared.redirectUri] })
    expect((await signIn(shared, 'gil')).username).toBe('gil')
    expect((await call('PATCH', '/identities/all3', OWNER, { role: 'owner' })).status).toBe(400)
    expect((await call('PATCH', '/identities/absent', OWNER, body)).status).toBe(404)
  })

  test('a provider that is removed and added again knows its people, and whom owners removed stays removed', async () => {
    const owner = await kagami.addUser('ann4', { corp4: 'owner' })
    const first = await add('corp4', owner)
    const { cookie } = await signIn(first, 'hal')
    await signIn(first, 'ida')
    await must('DELETE', '/organizations/corp4/members/ida.corp4', owner)
    await must('DELETE', `${identitiesOf('corp4')}/sso`, owner)
    expect(await userByCookie(cookie)).toBe(401)
    const again = await add('corp4', owner, { name: 'sso-anew', role: 'editor' })
    expect([(await signIn(again, 'hal')).username, (await signIn(again, 'ida')).username]).toEqual([
      'hal.corp4',
      'ida.corp4',
    ])
    expect(await rolesIn('corp4', owner)).toMatchObject({ 'hal.corp4': 'member' })
    expect(Object.keys(await rolesIn('corp4', owner))).not.toContain('ida.corp4')
    // Of another owner the same issuer is another one.
    const other = await kagami.addUser('bob4', { other4: 'owner' })
    expect((await signIn(await add('other4', other), 'hal')).username).toBe('hal.other4')
  })

  test('somebody who came by without a link takes over what the provider made for them, and nothing else', async () => {
    const owner = await kagami.addUser('ann5', { corp5: 'owner' })
    const provider = await add('corp5', owner, { role: 'editor' })
    const jan = await kagami.addUser('jan5')
    const { cookie, username } = await signIn(provider, 'jan')
    expect(username).toBe('jan.corp5')
    const conflict = await link(provider, 'jan', jan)
    expect([conflict.status, conflict.message]).toEqual([
      409,
      expect.stringContaining(`kagami login --identity ${provider.id} --link --take-over`),
    ])
    const headers = { cookie, origin: kagami.url }
    const made = (await kagami.call('POST', '/tokens', { headers, body: { label: 'x' } })).as(tokenCreatedSchema)
    const busy = await link(provider, 'jan', jan, { takeOver: true })
    expect([busy.status, busy.message]).toEqual([409, expect.stringContaining('has tokens of its own')])
    expect((await kagami.call('DELETE', `/tokens/${made.id}`, { headers })).status).toBe(204)
    expect((await link(provider, 'jan', jan, { takeOver: true })).status).toBe(201)
    expect([(await signIn(provider, 'jan')).username, await userByCookie(cookie)]).toEqual(['jan5', 401])
    expect(await rolesIn('corp5', owner)).toEqual({ ann5: 'owner', owner: 'owner', jan5: 'editor' })
    // An account that somebody made otherwise is nobody's to take, nor one that owners have removed a way back.
    const kim = await kagami.addUser('kim5')
    const foreign = await link(provider, 'jan', kim, { takeOver: true })
    expect([foreign.status, foreign.message]).toEqual([409, expect.stringContaining('jan5, which sso has not made')])
    await signIn(provider, 'kim')
    await must('DELETE', '/organizations/corp5/members/kim.corp5', owner)
    expect((await link(provider, 'kim', kim, { takeOver: true })).status).toBe(201)
    expect(Object.keys(await rolesIn('corp5', owner))).not.toContain('kim5')
  })

  test('is listed to whose it is and ended by them, where another way in is left, and opens nothing again', async () => {
    const owner = await kagami.addUser('ann6', { corp6: 'owner' })
    const provider = await add('corp6', owner)
    const lea = await kagami.addUser('lea6')
    expect((await link(provider, 'lea', lea)).status).toBe(201)
    const [own] = await linksOf(lea)
    expect(own).toMatchObject({ provider: 'sso', organization: 'corp6', issuer: openid.url, subject: 'lea' })
    const { cookie } = await signIn(provider, 'lea')
    const token = await tokenOf(lea)
    await must('PATCH', `${identitiesOf('corp6')}/sso`, OWNER, { only: true })
    const only = await call('DELETE', `/user/identities/${own?.id}`, token.token)
    expect([only.status, only.message]).toEqual([409, expect.stringContaining('no other way in')])
    await must('PATCH', `${identitiesOf('corp6')}/sso`, OWNER, { only: false })
    const nobody = await kagami.addUser('max6')
    expect((await call('DELETE', `/user/identities/${own?.id}`, nobody)).status).toBe(404)
    expect(await userByCookie(cookie)).toBe(200)
    await must('DELETE', `/organizations/corp6/members/lea6`, owner)
    await must('DELETE', `/user/identities/${own?.id}`, lea)
    expect([await userByCookie(cookie), await linksOf(lea)]).toEqual([401, []])
    // Neither a new link nor a new account makes a member of whom owners have removed.
    expect((await link(provider, 'lea', lea)).status).toBe(201)
    await must('DELETE', `/user/identities/${(await linksOf(lea))[0]?.id}`, lea)
    expect((await signIn(provider, 'lea')).username).toBe('lea.corp6')
    expect(await rolesIn('corp6', owner)).toEqual({ ann6: 'owner', owner: 'owner' })
    const without = await signIn(provider, 'ned')
    const headers = { cookie: without.cookie, origin: kagami.url }
    const { identities } = (await kagami.call('GET', '/user/identities', { headers })).as(ownIdentityListSchema)
    const lone = await kagami.call('DELETE', `/user/identities/${identities[0]?.id}`, { headers })
    expect([lone.status, lone.code]).toEqual([409, 'CONFLICT'])
    const { sessions } = (await kagami.call('GET', '/user/sessions', { headers })).as(sessionListSchema)
    expect(sessions.length).toBe(1)
  })
})
