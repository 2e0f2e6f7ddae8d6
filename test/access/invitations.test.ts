// Links by which people join: once, in time, and only as long as whoever made them may invite.
import { expect, test } from 'bun:test'
import {
  acceptInvitation,
  createInvitation,
  joinWithNewAccount,
  readInvitation,
  stateOf,
} from '../../src/access/invitations.ts'
import { endInvitation, listInvitations } from '../../src/db/people/invitations.ts'
import { addMember, findMember, removeMember } from '../../src/db/people/members.ts'
import { createTeam, listTeamIdsOf, removeTeam } from '../../src/db/people/teams.ts'
import { findUserByName, makeOperator, type User } from '../../src/db/people/users.ts'
import type { Role } from '../../src/db/schema.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, openAccessInstance } from './access-instance.ts'

const DAY_MS = 86_400_000
const at = '2026-11-24T00:00:00.000Z'

async function open(on: AccessInstance) {
  const organizationId = await on.organization('acme')
  const olga = await on.user('olga', { acme: 'owner' })
  const invite = async (role: Role = 'member', createdBy = olga.id, teams: readonly string[] = []) => {
    const organization = { id: organizationId, name: 'acme' }
    const made = { organization, createdBy, role, teams, email: null, expires: '7d' }
    const { row, secret } = await createInvitation(on.db, on.clock, made)
    return { id: row.id, secret: secret.reveal() }
  }
  const roleOf = async (userId: string) => (await findMember(on.db.read, organizationId, userId))?.role
  const accept = (secret: string, user: Pick<User, 'id' | 'username'>) =>
    acceptInvitation(on.db, on.clock, secret, user).then(
      ({ role }) => role as string,
      (error) => error.code as string,
    )
  const join = (secret: string, username: string) =>
    joinWithNewAccount(on.db, on.clock, {
      accounts: on.accounts,
      secret,
      user: { username, password: createSecret('a long password') },
      client: 'test',
    })
  return { organizationId, olga, invite, roleOf, accept, join }
}

describeOnEachEngine('invitations', (openFresh) => {
  test('let one user in, with the role of the link, and are stored by hash', async () => {
    const on = await openAccessInstance(await openFresh())
    const { invite, accept, roleOf } = await open(on)
    const [ann, bob] = [await on.user('ann'), await on.user('bob')]
    const { secret } = await invite('editor')
    expect(JSON.stringify(await on.db.read.selectFrom('invitations').selectAll().execute())).not.toContain(secret)
    expect(await readInvitation(on.db.read, secret, on.clock.now())).toMatchObject({
      organization: { name: 'acme' },
      role: 'editor',
    })
    expect(await accept(secret, ann)).toBe('editor')
    expect(await accept(secret, bob)).toBe('NOT_FOUND')
    expect([await roleOf(ann.id), await roleOf(bob.id)]).toEqual(['editor', undefined])
  })

  test('of many who use one link at once, with old accounts and new ones, one joins, and no other account is made', async () => {
    const on = await openAccessInstance(await openFresh())
    const { invite, accept, join, organizationId } = await open(on)
    const users = [await on.user('ann'), await on.user('bob')]
    const { secret } = await invite()
    const results = await Promise.all([
      ...users.map((user) => accept(secret, user)),
      ...['cat', 'dan'].map((name) =>
        join(secret, name).then(
          () => 'member',
          (error) => error.code,
        ),
      ),
    ])
    expect(results.toSorted()).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'member'])
    const members = await on.db.read.selectFrom('members').select('user_id').where('role', '=', 'member').execute()
    expect(members).toHaveLength(1)
    const joined = await Promise.all(['cat', 'dan'].map((name) => findUserByName(on.db.read, name)))
    const made = joined.flatMap((user) => (user === undefined ? [] : [user.id]))
    expect(made.filter((id) => members[0]?.user_id !== id)).toEqual([])
    const [listed] = await listInvitations(on.db.read, organizationId, { limit: 9 })
    expect(listed?.row.accepted_by).toBe(members[0]?.user_id ?? '')
  })

  test('wrong, used, revoked and expired links, and those of who may not invite any more, are told apart by nobody', async () => {
    const on = await openAccessInstance(await openFresh())
    const { olga, invite, accept, organizationId } = await open(on)
    const [ann, oscar, olaf, olive] = [
      await on.user('ann'),
      await on.user('oscar', { acme: 'owner' }),
      await on.user('olaf', { acme: 'owner' }),
      await on.user('olive'),
    ]
    await on.db.write((tx) => makeOperator(tx, olive.id))
    const links = {
      used: await invite(),
      revoked: await invite(),
      demoted: await invite('owner', oscar.id),
      removed: await invite('owner', olaf.id),
      byOperator: await invite('member', olive.id),
      expired: await invite(),
    }
    expect(await accept(links.used.secret, ann)).toBe('member')
    const ended = { organizationId, at, outcome: 'revoked' } as const
    expect(await on.db.write((tx) => endInvitation(tx, links.revoked.id, ended))).toBe(true)
    await on.db.write((tx) => addMember(tx, { organizationId, userId: oscar.id, role: 'editor', at }))
    await on.db.write((tx) => removeMember(tx, organizationId, olaf.id))
    expect(await readInvitation(on.db.read, links.byOperator.secret, on.clock.now())).toBeDefined()
    on.clock.advance(7 * DAY_MS - 1)
    expect(await readInvitation(on.db.read, links.expired.secret, on.clock.now())).toBeDefined()
    on.clock.advance(1)
    const mistyped = links.expired.secret.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const never = 'kgm_inv_000000000000000000000000000000000000000000'
    const words = new Set<string>()
    for (const secret of [...Object.values(links).map((link) => link.secret), mistyped, never, '', 'acme', '\0']) {
      const error = await readInvitation(on.db.read, secret, on.clock.now()).catch((it) => it)
      words.add(`${error.code} ${error.message} ${JSON.stringify(error.detail)}`)
      expect(await accept(secret, olga)).toBe('NOT_FOUND')
    }
    expect([...words]).toHaveLength(1)
    expect([...words][0]).not.toContain('acme')
    const listed = await listInvitations(on.db.read, organizationId, { limit: 9 })
    const states = new Map(listed.map((one) => [one.row.id, stateOf(one, new Date(at))]))
    const names = ['used', 'revoked', 'demoted', 'removed', 'byOperator', 'expired'] as const
    expect(names.map((name) => states.get(links[name].id))).toEqual([
      'accepted',
      'revoked',
      'void',
      'void',
      'open',
      'open',
    ])
    expect(stateOf(listed.find(({ row }) => row.id === links.expired.id) ?? raise(), on.clock.now())).toBe('expired')
  })

  test('lift a member, and stay unused where they would give nothing', async () => {
    const on = await openAccessInstance(await openFresh())
    const { olga, invite, accept, roleOf } = await open(on)
    const ann = await on.user('ann', { acme: 'editor' })
    const low = await invite('editor')
    expect(await accept(low.secret, ann)).toBe('CONFLICT')
    expect(await accept(low.secret, olga)).toBe('CONFLICT')
    expect(await roleOf(ann.id)).toBe('editor')
    const high = await invite('owner')
    expect(await accept(high.secret, ann)).toBe('owner')
    expect(await roleOf(ann.id)).toBe('owner')
    expect(await accept(low.secret, await on.user('bob'))).toBe('editor')
  })

  test('lead into teams, members too, who keep their role; a team that is gone by then is no obstacle', async () => {
    const on = await openAccessInstance(await openFresh())
    const { invite, join, roleOf, organizationId, olga } = await open(on)
    const make = (name: string) =>
      on.db.write((tx) =>
        createTeam(tx, { organization_id: organizationId, name, description: '', manages_mirrors: 0, at }),
      )
    const [web, ops] = [await make('web'), await make('ops')]
    const teamsOf = async (userId: string) => [...(await listTeamIdsOf(on.db.read, organizationId, userId))].sort()
    const both = [web.id, ops.id].sort()

    await expect(invite('member', olga.id, ['web', 'absent'])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('absent'),
    })
    const first = await invite('member', olga.id, ['web', 'ops', 'web'])
    expect((await readInvitation(on.db.read, first.secret, on.clock.now())).teams).toEqual(['ops', 'web'])
    const [listed] = await listInvitations(on.db.read, organizationId, { limit: 9 })
    expect(listed?.teams).toEqual(['ops', 'web'])
    const { user, joined } = await join(first.secret, 'bob')
    expect(joined).toEqual({ organization: 'acme', role: 'member', teams: ['ops', 'web'] })
    expect(await teamsOf(user.id)).toEqual(both)

    const ann = await on.user('ann', { acme: 'editor' })
    const second = await invite('member', olga.id, ['web'])
    const accepted = await acceptInvitation(on.db, on.clock, second.secret, ann)
    expect([accepted, await roleOf(ann.id)]).toEqual([
      { organization: 'acme', role: 'editor', teams: ['web'] },
      'editor',
    ])
    expect(await teamsOf(ann.id)).toEqual([web.id])
    const third = await invite('editor', olga.id, ['web'])
    await expect(acceptInvitation(on.db, on.clock, third.secret, ann)).rejects.toMatchObject({ code: 'CONFLICT' })

    const fourth = await invite('member', olga.id, ['web', 'ops'])
    await on.db.write((tx) => removeTeam(tx, ops.id))
    const { joined: late } = await join(fourth.secret, 'cat')
    expect(late.teams).toEqual(['web'])
  })

  test('a taken name makes no account and leaves the link as it is', async () => {
    const on = await openAccessInstance(await openFresh())
    const { invite, join, roleOf } = await open(on)
    await on.user('ann')
    const { secret } = await invite()
    await expect(join(secret, 'ann')).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(join(secret, 'Not A Name')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    const { user, joined } = await join(secret, 'bob')
    expect(joined).toEqual({ organization: 'acme', role: 'member', teams: [] })
    expect(await roleOf(user.id)).toBe('member')
    expect(await on.accounts.verifyPassword('bob', 'a long password')).toEqual(user)
  })

  test('are bounded: a hundred open ones, and two hundred a day, in each organization', async () => {
    const on = await openAccessInstance(await openFresh())
    const { invite, organizationId } = await open(on)
    const codeOf = () =>
      invite().then(
        () => 'made',
        (error) => error.code,
      )
    const revokeAll = async () => {
      for (const { row } of await listInvitations(on.db.read, organizationId, { limit: 1000 })) {
        await on.db.write((tx) => endInvitation(tx, row.id, { organizationId, at, outcome: 'revoked' }))
      }
    }
    for (const last of ['CONFLICT', 'CONFLICT']) {
      for (let index = 0; index < 100; index++) expect(await codeOf()).toBe('made')
      expect(await codeOf()).toBe(last)
      await revokeAll()
    }
    expect(await codeOf()).toBe('TOOMANYREQUESTS')
    on.clock.advance(DAY_MS)
    expect(await codeOf()).toBe('made')
    // What has ended is forgotten after 30 days, when the next is made.
    on.clock.advance(40 * DAY_MS)
    expect(await codeOf()).toBe('made')
    expect(await listInvitations(on.db.read, organizationId, { limit: 1000 })).toHaveLength(1)
  })
})

function raise(): never {
  throw new Error('not listed')
}
