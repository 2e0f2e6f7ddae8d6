import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { memberListSchema } from '../../../src/api/members.ts'
import { organizationAnswerSchema, organizationListSchema } from '../../../src/api/organizations.ts'
import { userCreatedSchema } from '../../../src/api/users.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('accounts over the API', (startServer) => {
  let kagami: WholeServer
  let bob: Login
  let eve: Login
  beforeAll(async () => {
    kagami = await startServer()
    bob = await kagami.addUser('bob', { acme: 'member', beta: 'owner' })
    eve = await kagami.addUser('eve')
  })
  afterAll(() => kagami.stop())

  describe('organizations, members and users', () => {
    test('an operator creates organizations and becomes their owner; nobody else may', async () => {
      const made = await kagami.call('POST', '/organizations', {
        login: OWNER,
        body: { name: 'gamma', quotaBytes: 1000 },
      })
      expect(made.status).toBe(201)
      expect(made.as(organizationAnswerSchema).organization).toMatchObject({
        name: 'gamma',
        role: 'owner',
        quotaBytes: 1000,
        repositories: 0,
        sizeBytes: 0,
      })
      const again = await kagami.call('POST', '/organizations', { login: OWNER, body: { name: 'gamma' } })
      expect([again.status, again.code]).toEqual([409, 'CONFLICT'])
      const bad = await kagami.call('POST', '/organizations', { login: OWNER, body: { name: 'a..b' } })
      expect([bad.status, bad.code]).toEqual([400, 'INVALID_REQUEST'])
      const denied = await kagami.call('POST', '/organizations', { login: bob, body: { name: 'delta' } })
      expect([denied.status, denied.code]).toEqual([403, 'DENIED'])
    })

    test('an operator changes the quota and lifts it; an owner may not', async () => {
      const change = (login: Login, quotaBytes: number | null) =>
        kagami.call('PATCH', '/organizations/beta', { login, body: { quotaBytes } })
      const denied = await change(bob, null)
      expect([denied.status, denied.code]).toEqual([403, 'DENIED'])
      for (const quotaBytes of [5_000_000, null]) {
        expect((await change(OWNER, quotaBytes)).as(organizationAnswerSchema).organization.quotaBytes).toBe(quotaBytes)
        const shown = await kagami.call('GET', '/organizations/beta', { login: bob })
        expect(shown.as(organizationAnswerSchema).organization.quotaBytes).toBe(quotaBytes)
      }
    })

    test('owners change what people call their organization, and nobody else', async () => {
      const change = (login: Login, displayName: string) =>
        kagami.call('PATCH', '/organizations/beta', { login, body: { displayName } })
      expect((await change(eve, 'Beta Works')).code).toBe('DENIED')
      expect((await change(bob, 'Beta\nWorks')).code).toBe('INVALID_REQUEST')
      expect((await change(bob, 'x'.repeat(81))).code).toBe('INVALID_REQUEST')
      for (const [given, kept] of [
        ['  Beta Works ', 'Beta Works'],
        ['', ''],
      ] as const) {
        expect((await change(bob, given)).as(organizationAnswerSchema).organization.displayName).toBe(kept)
        const shown = await kagami.call('GET', '/organizations/beta', { login: bob })
        expect(shown.as(organizationAnswerSchema).organization.displayName).toBe(kept)
      }
    })

    test('a user sees the organizations that they belong to, page by page', async () => {
      const names: string[] = []
      let next: string | null = null
      do {
        const after: string = next === null ? '' : `&after=${next}`
        const page = (await kagami.call('GET', `/organizations?limit=1${after}`, { login: bob })).as(
          organizationListSchema,
        )
        expect(page.organizations.length).toBeLessThanOrEqual(1)
        names.push(...page.organizations.map(({ name, role }) => `${name} ${role}`))
        next = page.next
      } while (next !== null)
      expect(names).toEqual(['acme member', 'beta owner'])
    })

    test('organizations of others cannot be told apart from absent ones (invariant 7)', async () => {
      const answers = []
      for (const name of ['acme', 'nowhere']) {
        for (const [method, path, body] of [
          ['GET', `/organizations/${name}`, undefined],
          ['GET', `/organizations/${name}/members`, undefined],
          ['PUT', `/organizations/${name}/members/eve`, { role: 'owner' }],
          ['GET', `/repositories?organization=${name}`, undefined],
          ['GET', `/repositories/${name}/thing`, undefined],
          ['DELETE', `/repositories/${name}/thing/tags/x`, undefined],
          ['GET', `/mirrors/${name}/thing`, undefined],
          ['POST', `/mirrors/${name}/thing/stop`, undefined],
          ['GET', `/upstreams?organization=${name}`, undefined],
        ] as const) {
          const { status, text } = await kagami.call(method, path, { login: eve, body })
          expect(status).toBe(403)
          answers.push(text.replaceAll(name, 'NAME'))
        }
      }
      expect(answers.slice(answers.length / 2)).toEqual(answers.slice(0, answers.length / 2))
    })

    test('an owner adds, changes and removes members; the next request is decided by it', async () => {
      const path = '/organizations/acme/members/eve'
      expect((await kagami.call('PUT', path, { login: bob, body: { role: 'member' } })).code).toBe('DENIED')
      expect((await kagami.call('GET', '/organizations/acme', { login: eve })).status).toBe(403)
      expect((await kagami.call('PUT', path, { login: OWNER, body: { role: 'editor' } })).status).toBe(200)
      expect((await kagami.call('GET', '/organizations/acme', { login: eve })).status).toBe(200)
      const list = await kagami.call('GET', '/organizations/acme/members', { login: eve })
      expect(list.as(memberListSchema).members.map(({ username, role }) => `${username} ${role}`)).toEqual([
        'bob member',
        'eve editor',
        'owner owner',
      ])
      expect((await kagami.call('DELETE', path, { login: OWNER })).status).toBe(204)
      expect((await kagami.call('GET', '/organizations/acme', { login: eve })).status).toBe(403)
      expect((await kagami.call('DELETE', path, { login: OWNER })).code).toBe('NOT_FOUND')
    })

    test('the last owner of an organization stays', async () => {
      const answer = await kagami.call('DELETE', '/organizations/acme/members/owner', { login: OWNER })
      expect([answer.status, answer.code]).toEqual([409, 'CONFLICT'])
    })

    test('an operator creates users; a password that was made is in the answer, this once, and works', async () => {
      const made = (await kagami.call('POST', '/users', { login: OWNER, body: { username: 'carol' } })).as(
        userCreatedSchema,
      )
      const login = { username: 'carol', password: made.password ?? '' }
      expect((await kagami.call('GET', '/user', { login })).status).toBe(200)
      expect((await kagami.call('POST', '/users', { login: bob, body: { username: 'dave' } })).code).toBe('DENIED')
      expect((await kagami.call('POST', '/users', { login: OWNER, body: { username: 'carol' } })).code).toBe('CONFLICT')
    })
  })
})
