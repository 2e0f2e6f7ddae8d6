import { expect, test } from 'bun:test'
import { addMember, listMembers, removeMember } from '../../src/db/people/members.ts'
import {
  createOrganization,
  findOrganization,
  listOrganizations,
  listOrganizationsOf,
  setOrganizationQuota,
} from '../../src/db/people/organizations.ts'
import { findUserById, hasOperator, listUsers } from '../../src/db/people/users.ts'
import { openAccessInstance } from '../access/access-instance.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-11-24T00:00:00.000Z'

describeOnEachEngine('organizations', (openFresh) => {
  test('are made once, and found by name', async () => {
    const db = await openFresh()
    const first = await db.write((tx) => createOrganization(tx, { name: 'acme', at }))
    const second = await db.write((tx) => createOrganization(tx, { name: 'acme', at }))
    expect([first.isNew, second.isNew]).toEqual([true, false])
    expect(second.row).toEqual(first.row)
    expect(await findOrganization(db.read, 'acme')).toEqual(first.row)
    expect(await findOrganization(db.read, 'Acme')).toBeUndefined()
    await db.write((tx) => setOrganizationQuota(tx, first.row.id, 5_000_000_000))
    expect((await findOrganization(db.read, 'acme'))?.quota_bytes).toBe(5_000_000_000)
  })

  test('are listed page by page, all of them or those of one user with the role there', async () => {
    const on = await openAccessInstance(await openFresh())
    for (const name of ['c', 'a', 'b-1', 'b']) await on.organization(name)
    const ann = await on.user('ann', { b: 'owner', c: 'member' })
    const first = await listOrganizations(on.db.read, { limit: 3 })
    const rest = await listOrganizations(on.db.read, { limit: 3, after: first[2]?.name })
    expect([...first, ...rest].map(({ name }) => name)).toEqual(['a', 'b', 'b-1', 'c'])
    const hers = await listOrganizationsOf(on.db.read, ann.id, { limit: 1 })
    expect(hers.map(({ name, role }) => [name, role])).toEqual([['b', 'owner']])
    expect(await listOrganizationsOf(on.db.read, ann.id, { limit: 9, after: 'b' })).toMatchObject([
      { name: 'c', role: 'member' },
    ])
  })
})

describeOnEachEngine('members', (openFresh) => {
  test('have one role, which can be changed, and are listed by user name', async () => {
    const on = await openAccessInstance(await openFresh())
    const organizationId = await on.organization('acme')
    const bob = await on.user('bob', { acme: 'owner' })
    const ann = await on.user('ann', { acme: 'member' })
    await on.db.write((tx) => addMember(tx, { organizationId, userId: ann.id, role: 'editor', at }))
    expect(await listMembers(on.db.read, organizationId, { limit: 9 })).toEqual([
      { userId: ann.id, username: 'ann', displayName: 'ann', role: 'editor', createdAt: at },
      { userId: bob.id, username: 'bob', displayName: 'bob', role: 'owner', createdAt: at },
    ])
    expect(await listMembers(on.db.read, organizationId, { limit: 9, after: 'ann' })).toMatchObject([
      { username: 'bob' },
    ])
  })

  test('an organization keeps an owner, also when two owners leave at once', async () => {
    const on = await openAccessInstance(await openFresh())
    const organizationId = await on.organization('acme')
    const ann = await on.user('ann', { acme: 'owner' })
    const leave = (userId: string) => on.db.write((tx) => removeMember(tx, organizationId, userId))
    await expect(leave(ann.id)).rejects.toMatchObject({ code: 'CONFLICT' })
    const demoted = on.db.write((tx) => addMember(tx, { organizationId, userId: ann.id, role: 'member', at }))
    await expect(demoted).rejects.toMatchObject({ code: 'CONFLICT' })
    const bob = await on.user('bob', { acme: 'owner' })
    const results = await Promise.allSettled([leave(ann.id), leave(bob.id)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await listMembers(on.db.read, organizationId, { limit: 9 })).toMatchObject([{ role: 'owner' }])
  })

  test('removing one who is not a member says so', async () => {
    const on = await openAccessInstance(await openFresh())
    const organizationId = await on.organization('acme')
    const ann = await on.user('ann')
    expect(await on.db.write((tx) => removeMember(tx, organizationId, ann.id))).toBe(false)
  })
})

describeOnEachEngine('users', (openFresh) => {
  test('are listed by name and found by id; operators are known', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    expect(await hasOperator(on.db.read)).toBe(false)
    const root = await on.operator('root')
    expect(await hasOperator(on.db.read)).toBe(true)
    expect(await listUsers(on.db.read, { limit: 9 })).toMatchObject([
      { username: 'ann', isOperator: false },
      { username: 'root', isOperator: true },
    ])
    expect(await listUsers(on.db.read, { limit: 9, after: 'ann' })).toMatchObject([{ username: 'root' }])
    expect(await findUserById(on.db.read, root.id)).toMatchObject({ username: 'root', isOperator: true })
    expect(await findUserById(on.db.read, `${ann.id}x`)).toBeUndefined()
  })
})
