// What teams and the organization's default give, and that it ends with the very next request.
import { expect, test } from 'bun:test'
import type { Authenticated } from '../../src/access/principal.ts'
import { decideOrganization, decideRepository, type RepositoryAction } from '../../src/access/rights.ts'
import { deleteRepository } from '../../src/db/mirrors/repository-settings.ts'
import { addMember, removeMember } from '../../src/db/people/members.ts'
import { setMembersPull } from '../../src/db/people/organizations.ts'
import { grantToTeam, listGrants, MAX_PATTERNS, revokeFromTeam } from '../../src/db/people/team-grants.ts'
import {
  addTeamMember,
  changeTeam,
  createTeam,
  findTeam,
  removeTeam,
  removeTeamMember,
} from '../../src/db/people/teams.ts'
import { findRepository } from '../../src/db/repositories/repositories.ts'
import type { TeamPermission } from '../../src/db/schema.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, openAccessInstance } from './access-instance.ts'

const at = '2026-11-24T00:00:00.000Z'

async function decide(
  on: AccessInstance,
  who: Authenticated,
  name: string,
  action: RepositoryAction = 'pull',
): Promise<string> {
  const decision = await decideRepository(on.db.read, who, parseRepositoryName(name), action, on.clock.now())
  if (!decision.allowed) return decision.reason
  return decision.repository === undefined ? 'absent' : 'allowed'
}

/** An organization whose members pull nothing by themselves, with a member in the team `dev`. */
async function closedOrganization(on: AccessInstance) {
  await on.repository('acme/app')
  await on.repository('acme/dhi-python')
  const organizationId = await on.organization('acme')
  const boss = await on.user('boss', { acme: 'owner' })
  const { who, id: userId } = await on.user('mem', { acme: 'member' })
  const team = await on.db.write(async (tx) => {
    await setMembersPull(tx, organizationId, 'none')
    const row = await createTeam(tx, {
      organization_id: organizationId,
      name: 'dev',
      description: '',
      manages_mirrors: 0,
      at,
    })
    await addTeamMember(tx, { organizationId, teamId: row.id, userId, at })
    return row
  })
  const grant = (repository: string, permission: TeamPermission) =>
    on.db.write((tx) => grantToTeam(tx, { organizationId, teamId: team.id, repository, permission, at }))
  return { organizationId, boss, who, userId, team, grant }
}

describeOnEachEngine('teams', (openFresh) => {
  test('without a grant a member of a closed organization knows of nothing in it, and with `all` of everything', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, organizationId } = await closedOrganization(on)
    for (const name of ['acme/app', 'acme/none']) expect(await decide(on, who, name)).toBe('denied')
    await on.db.write((tx) => setMembersPull(tx, organizationId, 'all'))
    expect(await decide(on, who, 'acme/app')).toBe('allowed')
    expect(await decide(on, who, 'acme/none')).toBe('absent')
    expect(await decide(on, who, 'acme/app', 'push')).toBe('denied')
  })

  test('whoever may grant on one repository leaves no grant where it was', async () => {
    const on = await openAccessInstance(await openFresh())
    const { team, organizationId } = await closedOrganization(on)
    const grant = { organizationId, teamId: team.id, permission: 'admin', at, isPresent: true } as const
    await on.db.write((tx) => grantToTeam(tx, { ...grant, repository: 'acme/app' }))
    const gone = on.db.write((tx) => grantToTeam(tx, { ...grant, repository: 'acme/none' }))
    await expect(gone).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('each permission includes the ones before, on a name or a pattern, and on nothing else', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, grant } = await closedOrganization(on)
    const actions = ['pull', 'history', 'push', 'create', 'delete', 'tag.delete', 'admin', 'grant'] as const
    const may = async (name: string) => {
      const found: string[] = []
      for (const action of actions) if ((await decide(on, who, name, action)) !== 'denied') found.push(action)
      return found.join(' ')
    }
    for (const repository of ['acme/app', 'acme/a*']) {
      await grant(repository, 'read')
      expect(await may('acme/app')).toBe('pull history')
      await grant(repository, 'write')
      expect(await may('acme/app')).toBe('pull history push create')
      await grant(repository, 'admin')
      expect(await may('acme/app')).toBe('pull history push create delete tag.delete admin grant')
      expect(await may('acme/dhi-python')).toBe('')
      await grant(repository, 'read')
    }
    expect(await decide(on, who, 'acme/app', 'mirror.read')).toBe('allowed')
    expect(await decide(on, who, 'acme/app', 'mirror.start')).toBe('denied')
  })

  test('a write grant lets a push make what its pattern covers, and the strongest of several counts', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, grant } = await closedOrganization(on)
    await grant('acme/team-*', 'write')
    await grant('acme/team-x', 'read')
    expect(await decide(on, who, 'acme/team-x', 'push')).toBe('absent')
    expect(await decide(on, who, 'acme/other', 'push')).toBe('denied')
    expect(await decide(on, who, 'acme/team', 'push')).toBe('denied')
    // `_` is a character of names, and no wildcard.
    await grant('acme/a_b', 'read')
    await grant('acme/a_c*', 'read')
    expect(await decide(on, who, 'acme/axb')).toBe('denied')
    expect(await decide(on, who, 'acme/axcd')).toBe('denied')
    expect(await decide(on, who, 'acme/a_cd')).toBe('absent')
  })

  test('whatever takes a grant away counts at the very next request', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, grant, team, organizationId, userId } = await closedOrganization(on)
    const ways: Record<string, () => Promise<unknown>> = {
      revoke: () => on.db.write((tx) => revokeFromTeam(tx, team.id, 'acme/a*')),
      'remove from the team': () => on.db.write((tx) => removeTeamMember(tx, team.id, userId)),
      'remove from the organization': () => on.db.write((tx) => removeMember(tx, organizationId, userId)),
    }
    for (const [way, take] of Object.entries(ways)) {
      await on.db.write((tx) => addMember(tx, { organizationId, userId, role: 'member', at }))
      await on.db.write((tx) => addTeamMember(tx, { organizationId, teamId: team.id, userId, at }))
      await grant('acme/a*', 'write')
      expect([way, await decide(on, who, 'acme/app', 'push')]).toEqual([way, 'allowed'])
      await take()
      expect([way, await decide(on, who, 'acme/app')]).toEqual([way, 'denied'])
    }
    // Who comes back is in no team.
    await on.db.write((tx) => addMember(tx, { organizationId, userId, role: 'member', at }))
    expect(await decide(on, who, 'acme/app')).toBe('denied')
    await on.db.write((tx) => addTeamMember(tx, { organizationId, teamId: team.id, userId, at }))
    expect(await decide(on, who, 'acme/app')).toBe('allowed')
    await on.db.write((tx) => removeTeam(tx, team.id))
    expect(await decide(on, who, 'acme/app')).toBe('denied')
    expect(await on.db.read.selectFrom('team_grants').selectAll().execute()).toEqual([])
  })

  test('grants by name go with the repository; those by pattern stay', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, grant, team } = await closedOrganization(on)
    await grant('acme/app', 'admin')
    await grant('acme/a*', 'read')
    const row = await findRepository(on.db.read, parseRepositoryName('acme/app'))
    if (row === undefined) throw new Error('acme/app is there')
    await on.db.write((tx) => deleteRepository(tx, row, { actor: 'system', at }))
    await on.repository('acme/app')
    expect(await decide(on, who, 'acme/app')).toBe('allowed')
    expect(await decide(on, who, 'acme/app', 'admin')).toBe('denied')
    expect((await listGrants(on.db.read, team.id, { limit: 10 })).map((one) => one.repository)).toEqual(['acme/a*'])
  })

  test('a team that manages mirrors starts, stops and sees them all, and pulls none of them for it', async () => {
    const on = await openAccessInstance(await openFresh())
    const { who, team } = await closedOrganization(on)
    const mirrorActions = ['mirror.read', 'mirror.sync', 'mirror.start', 'mirror.stop'] as const
    for (const action of mirrorActions) expect(await decide(on, who, 'acme/app', action)).toBe('denied')
    await on.db.write((tx) => changeTeam(tx, team.id, { manages_mirrors: 1 }))
    for (const action of mirrorActions) expect(await decide(on, who, 'acme/app', action)).toBe('allowed')
    expect((await decideOrganization(on.db.read, who, 'acme', 'subscription.manage')).allowed).toBe(true)
    for (const action of ['pull', 'push', 'admin'] as const) {
      expect(await decide(on, who, 'acme/app', action)).toBe('denied')
    }
    await on.db.write((tx) => changeTeam(tx, team.id, { manages_mirrors: 0 }))
    expect(await decide(on, who, 'acme/app', 'mirror.stop')).toBe('denied')
  })

  test('a grant gives nothing in another organization, nor to who is in none', async () => {
    const on = await openAccessInstance(await openFresh())
    const { grant } = await closedOrganization(on)
    await on.repository('beta/app')
    await grant('acme/*', 'admin')
    const stranger = await on.user('eve', { beta: 'member' })
    expect(await decide(on, stranger.who, 'acme/app')).toBe('denied')
    const { who } = await on.user('nobody')
    expect(await decide(on, who, 'acme/app')).toBe('denied')
  })

  test('a team is found by its name in its organization, where the name is its own', async () => {
    const on = await openAccessInstance(await openFresh())
    const { team, organizationId } = await closedOrganization(on)
    const other = await on.organization('beta')
    expect((await findTeam(on.db.read, organizationId, 'dev'))?.id).toBe(team.id)
    expect(await findTeam(on.db.read, other, 'dev')).toBeUndefined()
    const again = (organization_id: string) =>
      on.db.write((tx) => createTeam(tx, { organization_id, name: 'dev', description: '', manages_mirrors: 0, at }))
    await expect(again(organizationId)).rejects.toThrow('there is a team dev already')
    expect((await again(other)).id).not.toBe(team.id)
  })

  test('only members of the organization come into a team, and patterns are bounded', async () => {
    const on = await openAccessInstance(await openFresh())
    const { team, organizationId, grant } = await closedOrganization(on)
    const stranger = await on.user('eve')
    const added = await on.db.write((tx) =>
      addTeamMember(tx, { organizationId, teamId: team.id, userId: stranger.id, at }),
    )
    expect(added).toBe(false)
    await on.db.write(async (tx) => {
      for (let n = 0; n < MAX_PATTERNS; n++) {
        const repository = `acme/p${n}-*`
        await tx
          .insertInto('team_grants')
          .values({
            team_id: team.id,
            is_pattern: 1,
            repository,
            matches: repository,
            permission: 'read',
            created_at: at,
          })
          .execute()
      }
    })
    await expect(grant('acme/one-more-*', 'read')).rejects.toThrow('1000 patterns')
    await grant('acme/a-name', 'read')
    await grant('acme/p0-*', 'admin')
  })
})
