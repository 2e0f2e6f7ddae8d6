import { expect, test } from 'bun:test'
import { ANONYMOUS, type Authenticated } from '../../src/access/principal.ts'
import { decideInstance, decideOrganization, decideRepository, listAllowedActions } from '../../src/access/rights.ts'
import { addMember, removeMember } from '../../src/db/people/members.ts'
import { removeToken } from '../../src/db/people/tokens.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, openAccessInstance } from './access-instance.ts'

const DAY_MS = 86_400_000

/** `allowed`, `absent` (allowed, but not there), or the reason of the refusal. */
async function decide(
  on: AccessInstance,
  who: Authenticated,
  name: string,
  action: 'pull' | 'push' | 'delete' | 'admin' = 'pull',
): Promise<string> {
  const decision = await decideRepository(on.db.read, who, parseRepositoryName(name), action, on.clock.now())
  if (!decision.allowed) return decision.reason
  return decision.repository === undefined ? 'absent' : 'allowed'
}

describeOnEachEngine('rights', (openFresh) => {
  test('each role has its actions on what its organization owns', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const may = async (role: 'owner' | 'editor' | 'member') => {
      const { who } = await on.user(role, { acme: role })
      return Promise.all(
        (['pull', 'push', 'delete', 'admin'] as const).map((action) => decide(on, who, 'acme/app', action)),
      )
    }
    expect(await may('owner')).toEqual(['allowed', 'allowed', 'allowed', 'allowed'])
    expect(await may('editor')).toEqual(['allowed', 'allowed', 'allowed', 'allowed'])
    expect(await may('member')).toEqual(['allowed', 'denied', 'denied', 'denied'])
  })

  test('the grant carries organization, repository and role', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/team/app')
    const { who } = await on.user('ann', { acme: 'editor' })
    const decision = await decideRepository(on.db.read, who, parseRepositoryName('acme/team/app'), 'push')
    expect(decision).toMatchObject({
      allowed: true,
      role: 'editor',
      organization: { name: 'acme', quota_bytes: null },
      repository: { name: 'acme/team/app', visibility: 'private', allow_sparse: 0 },
    })
    const stored = await on.db.read.selectFrom('repositories').selectAll().executeTakeFirst()
    expect(decision.allowed && decision.repository).toEqual(stored as never)
  })

  test('absent inside one’s own grants is told apart, and only those who may create may push there', async () => {
    const on = await openAccessInstance(await openFresh())
    const editor = await on.user('ed', { acme: 'editor' })
    const member = await on.user('mem', { acme: 'member' })
    expect(await decide(on, editor.who, 'acme/none', 'pull')).toBe('absent')
    expect(await decide(on, editor.who, 'acme/none', 'push')).toBe('absent')
    expect(await decide(on, member.who, 'acme/none', 'pull')).toBe('absent')
    expect(await decide(on, member.who, 'acme/none', 'push')).toBe('denied')
  })

  test('invariant 7: across organizations a private repository, an absent one and an absent organization are one', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const { who } = await on.user('eve', { evil: 'owner' })
    const operator = await on.operator('root')
    for (const action of ['pull', 'push', 'delete', 'admin'] as const) {
      for (const name of ['acme/app', 'acme/none', 'nobody/none', 'single']) {
        expect({ action, name, got: await decide(on, who, name, action) }).toEqual({ action, name, got: 'denied' })
        expect(await decide(on, operator.who, name, action)).toBe('denied')
        expect(await decide(on, ANONYMOUS, name, action)).toBe('unauthenticated')
      }
    }
    expect((await decideOrganization(on.db.read, who, 'acme', 'member.read')).allowed).toBe(false)
    expect(await decideOrganization(on.db.read, who, 'acme', 'member.read')).toEqual(
      await decideOrganization(on.db.read, who, 'nobody', 'member.read'),
    )
  })

  test('anybody pulls what is public, and does nothing else there', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/open', 'public')
    const { who } = await on.user('eve')
    expect(await decide(on, ANONYMOUS, 'acme/open', 'pull')).toBe('allowed')
    expect(await decide(on, who, 'acme/open', 'pull')).toBe('allowed')
    expect(await decide(on, ANONYMOUS, 'acme/open', 'push')).toBe('unauthenticated')
    expect(await decide(on, who, 'acme/open', 'push')).toBe('denied')
  })

  test('a revoked grant refuses the very next request', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const organizationId = await on.organization('acme')
    await on.user('boss', { acme: 'owner' })
    const { who, id: userId } = await on.user('ann', { acme: 'editor' })
    expect(await decide(on, who, 'acme/app', 'push')).toBe('allowed')
    await on.db.write((tx) => addMember(tx, { organizationId, userId, role: 'member', at: 'now' }))
    expect(await decide(on, who, 'acme/app', 'push')).toBe('denied')
    await on.db.write((tx) => removeMember(tx, organizationId, userId))
    expect(await decide(on, who, 'acme/app', 'pull')).toBe('denied')
  })

  test('a revoked or expired token refuses the very next request, also behind a bearer token', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const { who, id: userId } = await on.user('ann', { acme: 'owner' })
    const revoked = await on.token(userId, 'admin')
    const expiring = await on.token(userId, 'admin', '1d')
    const withToken = (id: string): Authenticated => ({
      principal: { ...who.principal, token: { id, scope: 'admin' } } as never,
    })
    for (const { id } of [revoked, expiring]) expect(await decide(on, withToken(id), 'acme/app')).toBe('allowed')
    await on.db.write((tx) => removeToken(tx, userId, revoked.id))
    on.clock.advance(DAY_MS)
    for (const { id } of [revoked, expiring])
      expect(await decide(on, withToken(id), 'acme/app')).toBe('unauthenticated')
    expect(await decide(on, who, 'acme/app')).toBe('allowed')
  })

  test('the scope that counts is the stored one, whatever the request claims', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const { who, id } = await on.user('ann', { acme: 'owner' })
    const token = await on.token(id, 'read')
    const claiming: Authenticated = {
      principal: { ...who.principal, token: { id: token.id, scope: 'admin' } } as never,
    }
    expect(await decide(on, claiming, 'acme/app', 'pull')).toBe('allowed')
    expect(await decide(on, claiming, 'acme/app', 'push')).toBe('denied')
  })

  test('a user that is gone is nobody', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/open', 'public')
    const { who, id } = await on.user('ann', { acme: 'owner' })
    await on.db.write((tx) => tx.deleteFrom('users').where('id', '=', id).execute())
    expect(await decide(on, who, 'acme/open')).toBe('unauthenticated')
    expect(await decideInstance(on.db.read, who, 'token.manage')).toEqual({ allowed: false, reason: 'unauthenticated' })
  })

  test('a bearer token caps rights: another repository or action is insufficient_scope, and it adds none', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    await on.repository('acme/other')
    const { who } = await on.user('ann', { acme: 'owner' })
    const capped: Authenticated = { ...who, access: [{ type: 'repository', name: 'acme/app', actions: ['pull'] }] }
    expect(await decide(on, capped, 'acme/app', 'pull')).toBe('allowed')
    expect(await decide(on, capped, 'acme/app', 'push')).toBe('insufficient_scope')
    expect(await decide(on, capped, 'acme/other', 'pull')).toBe('insufficient_scope')
    const stranger = await on.user('eve')
    const stolen: Authenticated = {
      ...stranger.who,
      access: [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push', '*'] }],
    }
    expect(await decide(on, stolen, 'acme/app', 'pull')).toBe('denied')
    expect(await listAllowedActions(on.db.read, who, parseRepositoryName('acme/app'), ['pull', 'delete'])).toEqual([
      'pull',
      'delete',
    ])
  })

  test('a bearer token of the registry does not manage organizations or the instance', async () => {
    const on = await openAccessInstance(await openFresh())
    const owner = await on.user('ann', { acme: 'owner' })
    const operator = await on.operator('root')
    const bearer = (who: Authenticated): Authenticated => ({ ...who, access: [] })
    expect(await decideOrganization(on.db.read, owner.who, 'acme', 'mirror.start')).toMatchObject({
      allowed: true,
      role: 'owner',
    })
    expect(await decideOrganization(on.db.read, bearer(owner.who), 'acme', 'mirror.start')).toMatchObject({
      reason: 'insufficient_scope',
    })
    expect(await decideInstance(on.db.read, operator.who, 'user.create')).toMatchObject({ allowed: true })
    expect(await decideInstance(on.db.read, bearer(operator.who), 'user.create')).toMatchObject({
      reason: 'insufficient_scope',
    })
    expect(await decideInstance(on.db.read, owner.who, 'user.create')).toMatchObject({ reason: 'denied' })
    expect(await decideInstance(on.db.read, ANONYMOUS, 'user.create')).toMatchObject({ reason: 'unauthenticated' })
  })

  test('an operator may give an organization a new owner without being a member, but not read its content', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const { who } = await on.operator('root')
    expect((await decideOrganization(on.db.read, who, 'acme', 'member.manage')).allowed).toBe(true)
    expect(await decide(on, who, 'acme/app')).toBe('denied')
  })
})
