// What operators see and do of an instance: its users, how it is, what it goes by.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { invitationListSchema } from '../../../src/api/invitations.ts'
import { memberListSchema } from '../../../src/api/members.ts'
import { instanceHealthAnswerSchema, instanceSettingsAnswerSchema } from '../../../src/api/operator.ts'
import { signedInSchema } from '../../../src/api/sessions.ts'
import { tokenCreatedSchema } from '../../../src/api/tokens.ts'
import { userAccountAnswerSchema, userAccountListSchema } from '../../../src/api/users.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('an operator over the API', (startServer) => {
  let kagami: WholeServer
  beforeAll(async () => {
    kagami = await startServer({ env: { KAGAMI_HISTORY: '90d' } })
  })
  afterAll(() => kagami.stop())

  const call = (method: string, path: string, login: Login | string, body?: unknown) =>
    kagami.call(method, path, { login, body })
  const stand = (name: string, body: object, login: Login | string = OWNER) =>
    call('PATCH', `/users/${name}`, login, body)

  test('sees every user, by pages, and nobody else does', async () => {
    const ann = await kagami.addUser('ann', { acme: 'member', annorg: 'owner' })
    await call('POST', '/user/sessions', ann, ann)
    const first = (await call('GET', '/users?limit=1', OWNER)).as(userAccountListSchema)
    expect(first.users).toMatchObject([
      { username: 'ann', displayName: 'ann', email: null, operator: false, disabledAt: null, organizations: 2 },
    ])
    expect(first.users[0]?.lastSeenAt).not.toBeNull()
    const rest = (await call('GET', `/users?after=${first.next}`, OWNER)).as(userAccountListSchema)
    expect(rest.users).toMatchObject([{ username: 'owner', operator: true }])
    for (const path of ['/users', '/operator/health', '/operator/settings']) {
      expect([path, (await call('GET', path, ann)).status]).toEqual([path, 403])
    }
    expect((await stand('owner', { operator: false }, ann)).status).toBe(403)
  })

  test('shuts a user out of every way in, and lets them in again', async () => {
    const bob = await kagami.addUser('bob', { acme: 'editor' })
    const personal = (await call('POST', '/tokens', bob, { label: 'x', scope: 'admin' })).as(tokenCreatedSchema).token
    const session = (await kagami.call('POST', '/user/sessions', { body: bob })).as(signedInSchema).token
    const tokenUrl = `${kagami.url}/token?service=kagami&scope=repository:acme/x:pull&offline_token=true`
    const ask = (login: Login) => fetch(tokenUrl, { headers: { authorization: authorization(login) } })
    const granted = (await (await ask({ username: 'bob', password: personal })).json()) as {
      token: string
      refresh_token: string
    }
    const refresh = () =>
      fetch(`${kagami.url}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          ...{ grant_type: 'refresh_token', refresh_token: granted.refresh_token },
          ...{ service: 'kagami', client_id: 'test', scope: 'repository:acme/x:pull' },
        }),
      })
    // A link that he makes serves as long as he may make one.
    await call('PUT', '/organizations/acme/members/bob', OWNER, { role: 'owner' })
    expect((await call('POST', '/organizations/acme/invitations', bob, {})).status).toBe(201)
    const ways = async () => ({
      password: (await call('GET', '/organizations', bob)).status,
      session: (await call('GET', '/organizations', session)).status,
      token: (await call('GET', '/organizations', personal)).status,
      docker: (await ask({ username: 'bob', password: personal })).status,
      refresh: (await refresh()).status,
      pull: (
        await fetch(`${kagami.url}/v2/acme/x/tags/list`, { headers: { authorization: `Bearer ${granted.token}` } })
      ).status,
      signIn: (await kagami.call('POST', '/user/sessions', { body: bob })).status,
    })
    const open = { password: 200, token: 200, docker: 200, refresh: 200, pull: 404, signIn: 201 }
    expect(await ways()).toEqual({ ...open, session: 200 })
    const { user } = (await stand('bob', { disabled: true })).as(userAccountAnswerSchema)
    expect(user.disabledAt).not.toBeNull()
    const shut = { password: 401, session: 401, token: 401, docker: 401, refresh: 401, pull: 401, signIn: 401 }
    expect(await ways()).toEqual(shut)
    expect((await kagami.call('POST', '/user/sessions', { body: bob })).message).toContain('this account is disabled')
    const wrong = { username: 'bob', password: 'not the password' }
    expect((await kagami.call('POST', '/user/sessions', { body: wrong })).message).not.toContain('disabled')
    const invitations = (await call('GET', '/organizations/acme/invitations', OWNER)).as(invitationListSchema)
    expect(invitations.invitations).toMatchObject([{ createdBy: 'bob', state: 'void' }])
    // Said twice, it is since the first time.
    const again = (await stand('bob', { disabled: true })).as(userAccountAnswerSchema)
    expect(again.user.disabledAt).toBe(user.disabledAt)
    expect((await stand('bob', { disabled: false })).as(userAccountAnswerSchema).user.disabledAt).toBeNull()
    expect(await ways()).toEqual({ ...open, session: 401 })
  })

  test('makes others operators, is not their own judge, and leaves one', async () => {
    const cid = await kagami.addUser('cid')
    expect((await stand('cid', { operator: true })).as(userAccountAnswerSchema).user.operator).toBe(true)
    expect((await call('GET', '/users', cid)).status).toBe(200)
    expect((await stand('cid', { operator: false }, cid)).code).toBe('CONFLICT')
    expect((await stand('owner', { disabled: true }, cid)).status).toBe(200)
    expect((await call('GET', '/users', OWNER)).status).toBe(401)
    expect((await stand('owner', { disabled: false }, cid)).status).toBe(200)
    expect((await stand('cid', { operator: false })).status).toBe(200)
    expect((await call('GET', '/users', cid)).status).toBe(403)
    expect((await stand('nobody-here', { operator: true })).code).toBe('NOT_FOUND')
    expect((await stand('cid', {})).code).toBe('INVALID_REQUEST')
  })

  test('sees how the server is', async () => {
    const { health } = (await call('GET', '/operator/health', OWNER)).as(instanceHealthAnswerSchema)
    expect(health.database.sizeBytes).toBeGreaterThan(0)
    expect(health.storage.totalBytes ?? 1).toBeGreaterThan(0)
    expect(health.storage).toMatchObject({ blobs: 0, sizeBytes: 0, isWhole: true })
    expect(health.servers.filter(({ isThis }) => isThis)).toHaveLength(1)
    // No mail is sent here, so nobody reads the log for it.
    expect(health.followers.map(({ name }) => name)).toEqual(['images', 'replications', 'webhooks'])
    expect(health.runs).toEqual({ running: 0, waiting: 0 })
  })

  test('sees the settings and where they come from, and no secret', async () => {
    const answer = await call('GET', '/operator/settings', OWNER)
    const { settings } = answer.as(instanceSettingsAnswerSchema)
    const of = (variable: string) => settings.find((one) => one.variable === variable)
    expect(of('KAGAMI_HISTORY')).toMatchObject({ value: '90d', source: 'environment', where: null, key: 'history' })
    expect(of('KAGAMI_AUDIT')).toMatchObject({ value: '365d', source: 'default' })
    expect(of('KAGAMI_OWNER_PASSWORD')).toMatchObject({ value: null, isSecret: true, source: 'environment' })
    expect(answer.text).not.toContain(OWNER.password)
    expect(settings.filter(({ value }) => value?.includes('://'))).toEqual([])
  })

  test('a list of members tells teams and when people were here, to each as much as they may know', async () => {
    const [eve, dan] = [await kagami.addUser('eve', { crew: 'owner' }), await kagami.addUser('dan', { crew: 'member' })]
    await kagami.addUser('fay', { crew: 'member' })
    for (const [team, people] of [
      ['ops', ['dan', 'fay']],
      ['web', ['fay']],
    ] as const) {
      await call('POST', '/organizations/crew/teams', eve, { name: team })
      for (const one of people) await call('PUT', `/organizations/crew/teams/${team}/members/${one}`, eve)
    }
    await kagami.call('POST', '/user/sessions', { body: dan })
    const seenBy = async (login: Login) => {
      const { members } = (await call('GET', '/organizations/crew/members', login)).as(memberListSchema)
      return members.flatMap(({ username, teams, lastSeenAt }) =>
        username === 'dan' || username === 'fay' ? [[username, teams, lastSeenAt !== null]] : [],
      )
    }
    expect(await seenBy(eve)).toEqual([
      ['dan', ['ops'], true],
      ['fay', ['ops', 'web'], false],
    ])
    expect(await seenBy(dan)).toEqual([
      ['dan', ['ops'], false],
      ['fay', ['ops'], false],
    ])
    // An operator who is no member answers for accounts, not for teams.
    await call('DELETE', '/organizations/crew/members/owner', OWNER)
    expect(await seenBy(OWNER)).toEqual([
      ['dan', [], true],
      ['fay', [], false],
    ])
  })
})
