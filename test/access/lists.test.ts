// What a list shows to somebody is exactly what they may do to each by itself: two texts of one rule, held together over made-up worlds.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { issueOrganizationToken } from '../../src/access/organization-tokens.ts'
import { ANONYMOUS, type Authenticated } from '../../src/access/principal.ts'
import { decideRepository, viewerOf } from '../../src/access/rights.ts'
import {
  countVisibleRepositories,
  listReadableRepositories,
  listRepositories,
} from '../../src/db/content/repository-lists.ts'
import { addMember } from '../../src/db/people/members.ts'
import { setMembersPull } from '../../src/db/people/organizations.ts'
import { grantToTeam } from '../../src/db/people/team-grants.ts'
import { addTeamMember, createTeam } from '../../src/db/people/teams.ts'
import type { User } from '../../src/db/people/users.ts'
import { newId } from '../../src/lib/ids.ts'
import { fullPattern } from '../../src/oci/access-patterns.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, openAccessInstance } from './access-instance.ts'

const at = '2026-11-24T00:00:00.000Z'
const PATTERNS = ['*', 'app', 'app*', '*-x', 'a_b', 'team/*', 'app-x', '*a*x*'] as const
const NAMES = ['app', 'app-x', 'a_b', 'axb', 'team/app', 'team/app-x'] as const

const SHORT = {
  'repository.pull': 'pull',
  'repository.history': 'history',
  'mirror.read': 'mirror.read',
  'webhook.read': 'webhook.read',
} as const

const pattern = fc.constantFrom(...PATTERNS)
const organization = fc.record({
  membersPull: fc.constantFrom('all', 'none'),
  repositories: fc.array(fc.record({ name: fc.constantFrom(...NAMES), isPublic: fc.boolean() }), { maxLength: 6 }),
  role: fc.constantFrom(undefined, 'owner', 'editor', 'member', 'member', 'member'),
  teams: fc.array(
    fc.record({
      isIn: fc.boolean(),
      managesMirrors: fc.boolean(),
      grants: fc.array(fc.record({ pattern, permission: fc.constantFrom('read', 'write', 'admin') }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
})
const world = fc.record({
  organizations: fc.tuple(organization, organization),
  token: fc.record({
    allow: fc.uniqueArray(fc.constantFrom('pull', 'push', 'mirrors', 'webhooks'), { minLength: 1 }),
    repositories: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
  }),
})
type World = typeof world extends fc.Arbitrary<infer W> ? W : never

/** Each world under names of its own, in one database. */
async function make(on: AccessInstance, user: User & { who: Authenticated }, { organizations, token }: World) {
  const id = newId().slice(0, 8)
  const names = [`a${id}`, `b${id}`] as const
  for (const [index, one] of organizations.entries()) {
    const name = names[index] ?? ''
    const organizationId = await on.organization(name)
    for (const repository of one.repositories) {
      await on.repository(`${name}/${repository.name}`, repository.isPublic ? 'public' : 'private')
    }
    await on.db.write(async (tx) => {
      await setMembersPull(tx, organizationId, one.membersPull as 'all' | 'none')
      if (one.role !== undefined) {
        await addMember(tx, { organizationId, userId: user.id, role: one.role as 'owner', at })
      }
      for (const [n, team] of one.teams.entries()) {
        const row = await createTeam(tx, {
          organization_id: organizationId,
          name: `t${n}`,
          description: '',
          manages_mirrors: team.managesMirrors ? 1 : 0,
          at,
        })
        if (team.isIn) await addTeamMember(tx, { organizationId, teamId: row.id, userId: user.id, at })
        for (const grant of team.grants) {
          const repository = fullPattern(name, grant.pattern)
          const permission = grant.permission as 'read'
          await grantToTeam(tx, { organizationId, teamId: row.id, repository, permission, at })
        }
      }
    })
  }
  const organizationId = await on.organization(names[0])
  const { row } = await on.db.write((tx) =>
    issueOrganizationToken(tx, {
      organizationId,
      label: 'ci',
      allow: token.allow as 'pull'[],
      repositories: token.repositories,
      expiresAt: null,
      createdBy: 'system',
    }),
  )
  const machine: Authenticated = {
    principal: {
      kind: 'organization-token',
      tokenId: row.id,
      label: 'ci',
      organization: { id: organizationId, name: names[0] },
    },
  }
  const ids = [organizationId, await on.organization(names[1])]
  return { names, ids, callers: { user: user.who, machine, anonymous: ANONYMOUS } }
}

describeOnEachEngine('lists', (openFresh) => {
  test('show what may be done to each by itself', async () => {
    const on = await openAccessInstance(await openFresh())
    const user = await on.user('somebody')
    await fc.assert(
      fc.asyncProperty(world, async (made) => {
        const { names, ids, callers } = await make(on, user, made)
        const all: RepositoryName[] = names.flatMap((organization) =>
          NAMES.map((name) => parseRepositoryName(`${organization}/${name}`)),
        )
        for (const [caller, who] of Object.entries(callers)) {
          for (const action of ['repository.pull', 'repository.history', 'mirror.read', 'webhook.read'] as const) {
            const wanted: RepositoryName[] = []
            for (const name of all) {
              const short = SHORT[action]
              const decision = await decideRepository(on.db.read, who, name, short)
              if (decision.allowed && decision.repository !== undefined) wanted.push(name)
            }
            const viewer = await viewerOf(on.db.read, who, action)
            const listed = await listRepositories(on.db.read, { organizationIds: ids, viewer, limit: 100 })
            const shown = listed.map((row) => row.name as RepositoryName)
            expect([caller, action, shown]).toEqual([caller, action, wanted.sort()])
            let counted = 0
            for (const id of ids) counted += await countVisibleRepositories(on.db.read, id, viewer)
            expect([caller, action, counted]).toEqual([caller, action, wanted.length])
            if (action !== 'repository.pull') continue
            const readable = await listReadableRepositories(on.db.read, viewer, { limit: 10_000 })
            expect(readable.filter((name) => names.some((one) => name.startsWith(`${one}/`)))).toEqual(wanted.sort())
          }
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})
