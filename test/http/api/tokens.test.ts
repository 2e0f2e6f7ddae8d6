import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { tokenCreatedSchema, tokenListSchema } from '../../../src/api/tokens.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('tokens over the API', (startServer) => {
  let kagami: WholeServer
  let bob: Login
  beforeAll(async () => {
    kagami = await startServer()
    bob = await kagami.addUser('bob', { acme: 'member' })
  })
  afterAll(() => kagami.stop())

  const create = async (login: Login | string, body: object) =>
    (await kagami.call('POST', '/tokens', { login, body })).as(tokenCreatedSchema)

  describe('personal access tokens', () => {
    test('are shown once, are listed without their text, and expire as asked', async () => {
      const made = await create(OWNER, { label: 'ci', scope: 'write', expires: '30d' })
      expect(made).toMatchObject({ label: 'ci', scope: 'write', username: 'owner' })
      expect(made.token).toStartWith('kgm_pat_')
      const days = (Date.parse(made.expiresAt ?? '') - Date.now()) / 86_400_000
      expect(days).toBeGreaterThan(29)
      expect(days).toBeLessThanOrEqual(30)
      expect((await create(OWNER, { label: 'for good', expires: 'never' })).expiresAt).toBeNull()

      const answer = await kagami.call('GET', '/tokens', { login: OWNER })
      expect(answer.text).not.toContain(made.token)
      const listed = answer.as(tokenListSchema).tokens.find(({ id }) => id === made.id)
      const { token: _, ...shown } = made
      expect(listed).toEqual({ ...shown, lastUsedAt: null })
    })

    test('refuse a lifetime, a scope or a label that is not one', async () => {
      for (const body of [
        { label: '' },
        { label: 'x', scope: 'all' },
        { label: 'x', expires: '1h' },
        { label: 'x', expires: '0d' },
      ]) {
        expect((await kagami.call('POST', '/tokens', { login: OWNER, body })).code).toBe('INVALID_REQUEST')
      }
    })

    test('are refused at the very next request after they were revoked', async () => {
      const { token, id } = await create(OWNER, { label: 'short', scope: 'read' })
      expect((await kagami.call('GET', '/user', { login: token })).status).toBe(200)
      expect((await kagami.call('DELETE', `/tokens/${id}`, { login: OWNER })).status).toBe(204)
      expect((await kagami.call('GET', '/user', { login: token })).status).toBe(401)
      expect((await kagami.call('DELETE', `/tokens/${id}`, { login: OWNER })).code).toBe('NOT_FOUND')
    })

    test('may revoke themselves whatever their scope, and no other', async () => {
      const reader = await create(OWNER, { label: 'reader', scope: 'read' })
      const other = await create(OWNER, { label: 'other', scope: 'read' })
      expect((await kagami.call('DELETE', `/tokens/${other.id}`, { login: reader.token })).code).toBe('DENIED')
      expect((await kagami.call('DELETE', `/tokens/${reader.id}`, { login: reader.token })).status).toBe(204)
      expect((await kagami.call('GET', '/user', { login: reader.token })).status).toBe(401)
    })

    test("make no other token unless their scope is admin, and never touch somebody else's", async () => {
      const reader = await create(OWNER, { label: 'reader', scope: 'delete' })
      const answer = await kagami.call('POST', '/tokens', {
        login: reader.token,
        body: { label: 'more', scope: 'admin' },
      })
      expect(answer.code).toBe('DENIED')
      const foreign = await kagami.call('DELETE', `/tokens/${reader.id}`, { login: bob })
      expect([foreign.status, foreign.code]).toEqual([404, 'NOT_FOUND'])
    })

    test('are listed page by page, each once', async () => {
      for (let i = 0; i < 5; i++) await create(bob, { label: `token ${i}` })
      const seen: string[] = []
      let next: string | null = null
      do {
        const after: string = next === null ? '' : `&after=${next}`
        const page = (await kagami.call('GET', `/tokens?limit=2${after}`, { login: bob })).as(tokenListSchema)
        seen.push(...page.tokens.map(({ label }) => label))
        next = page.next
      } while (next !== null)
      expect(seen.sort()).toEqual(['token 0', 'token 1', 'token 2', 'token 3', 'token 4'])
    })
  })
})
