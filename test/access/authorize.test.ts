import { describe, expect, test } from 'bun:test'
import {
  ACTIONS,
  type Action,
  authorize,
  type Facts,
  REACHES,
  ROLES,
  TEAM_PERMISSIONS,
  TOKEN_RIGHTS,
  TOKEN_SCOPES,
} from '../../src/access/authorize.ts'
import type { TokenRight } from '../../src/db/schema.ts'

/**
 * Written out by hand: who may, the least scope of a personal token, and which rights an organization's token may have for it, on how much.
 * o = owner, e = editor, m = every member, d = members where members pull all; r, w, a = members whose team reads, writes, administers
 * the repository (each includes the ones before); M = members who manage mirrors; O = operator, p = public, s = oneself.
 */
type Expected = readonly [
  who: string,
  scope: (typeof TOKEN_SCOPES)[number],
  allow?: string,
  reach?: (typeof REACHES)[number],
]

const EXPECTED: Record<Action, Expected> = {
  'organization.read': ['oemO', 'read', 'pull push delete mirrors webhooks', 'organization'],
  'organization.change': ['o', 'admin'],
  'organization.delete': ['oO', 'admin'],
  'organization-token.manage': ['o', 'admin'],
  'repository.pull': ['oedrwap', 'read', 'pull', 'repository'],
  'repository.history': ['oedrwa', 'read', 'pull', 'repository'],
  'repository.audit': ['oea', 'read'],
  'repository.create': ['oewa', 'write', 'push', 'repository'],
  'repository.push': ['oewa', 'write', 'push', 'repository'],
  'repository.delete': ['oea', 'delete', 'delete', 'repository'],
  'repository.admin': ['oea', 'admin'],
  'repository.grant': ['oea', 'admin'],
  'tag.delete': ['oea', 'delete', 'delete', 'repository'],
  'mirror.list': ['oem', 'read', 'pull mirrors', 'organization'],
  'mirror.read': ['oedrwaM', 'read', 'pull mirrors', 'repository'],
  'mirror.sync': ['oewaM', 'write', 'mirrors', 'repository'],
  'mirror.start': ['oM', 'admin', 'mirrors', 'repository'],
  'mirror.stop': ['oM', 'admin', 'mirrors', 'repository'],
  'replication.read': ['oedrwaM', 'read', 'pull mirrors', 'repository'],
  'replication.sync': ['oewaM', 'write', 'mirrors', 'repository'],
  'replication.start': ['oM', 'admin', 'mirrors', 'repository'],
  'replication.stop': ['oM', 'admin', 'mirrors', 'repository'],
  'replication-rule.read': ['oedM', 'read', 'mirrors', 'everything'],
  'replication-rule.manage': ['oM', 'admin', 'mirrors', 'everything'],
  'subscription.read': ['oedM', 'read', 'mirrors', 'everything'],
  'subscription.sync': ['oeM', 'write', 'mirrors', 'everything'],
  'subscription.manage': ['oM', 'admin', 'mirrors', 'everything'],
  'upstream.read': ['oem', 'read', 'mirrors', 'organization'],
  'upstream.use': ['oeM', 'read', 'mirrors', 'organization'],
  'upstream.manage': ['o', 'admin'],
  'target.read': ['oem', 'read', 'mirrors', 'organization'],
  'target.use': ['oeM', 'read', 'mirrors', 'organization'],
  'target.manage': ['o', 'admin'],
  'webhook.read': ['oea', 'read', 'webhooks', 'repository'],
  'webhook.manage': ['oea', 'admin', 'webhooks', 'repository'],
  'organization-webhook.read': ['o', 'read', 'webhooks', 'everything'],
  'organization-webhook.manage': ['o', 'admin', 'webhooks', 'everything'],
  'team.read': ['oem', 'read'],
  'team.manage': ['o', 'admin'],
  'member.read': ['oemO', 'read'],
  'member.manage': ['oO', 'admin'],
  'invitation.manage': ['oO', 'admin'],
  'organization.leave': ['oem', 'admin'],
  'identity.manage': ['oO', 'admin'],
  'audit.read': ['o', 'read'],
  'account.read': ['s', 'read'],
  'token.manage': ['s', 'admin'],
  'profile.manage': ['s', 'admin'],
  'organization.create': ['O', 'admin'],
  'user.create': ['O', 'admin'],
  'user.manage': ['O', 'admin'],
  'upstream.share': ['O', 'admin'],
  'target.share': ['O', 'admin'],
  'identity.share': ['O', 'admin'],
  'metrics.read': ['O', 'read'],
  'instance.read': ['O', 'read'],
  'instance.audit': ['O', 'read'],
  'instance.admin': ['O', 'admin'],
}

const LETTER = { owner: 'o', editor: 'e', member: 'm', read: 'r', write: 'w', admin: 'a' } as const

/** Every state of a person that a decision may be made of: a few hundred. */
function* people(): Generator<{ facts: Facts; letters: string }> {
  const either = [false, true]
  for (const role of [undefined, ...ROLES])
    for (const membersPull of ['all', 'none'] as const)
      for (const team of [undefined, ...TEAM_PERMISSIONS])
        for (const managesMirrors of either)
          for (const isOperator of either)
            for (const isPublic of either)
              for (const isOwn of either) {
                const ofMember =
                  role === undefined
                    ? ''
                    : LETTER[role] +
                      (role === 'member' ? '' : 'm') +
                      (membersPull === 'all' ? 'd' : '') +
                      (team === undefined ? '' : LETTER[team]) +
                      (managesMirrors ? 'M' : '')
                const letters = ofMember + (isOperator ? 'O' : '') + (isPublic ? 'p' : '') + (isOwn ? 's' : '')
                yield { facts: { role, membersPull, team, managesMirrors, isOperator, isPublic, isOwn }, letters }
              }
}

function* subsets<T>(items: readonly T[]): Generator<T[]> {
  for (let bits = 0; bits < 2 ** items.length; bits++) yield items.filter((_, index) => (bits & (1 << index)) !== 0)
}

describe('authorize', () => {
  test.each(ACTIONS.map((action) => [action] as const))(
    '%s is for whom the table says in every state of a person, capped by the scope of a personal token',
    (action) => {
      const [who, needed] = EXPECTED[action]
      const wrong: unknown[] = []
      let allowed = 0
      for (const { facts, letters } of people()) {
        const may = [...letters].some((letter) => who.includes(letter))
        for (const scope of [undefined, ...TOKEN_SCOPES]) {
          const capped = scope === undefined || TOKEN_SCOPES.indexOf(scope) >= TOKEN_SCOPES.indexOf(needed)
          const got = authorize({ ...facts, scope }, action)
          if (got) allowed++
          if (got !== (may && capped)) wrong.push({ facts, scope, got })
        }
      }
      expect(wrong.slice(0, 3)).toEqual([])
      expect(allowed).toBeGreaterThan(0)
      expect(authorize({}, action)).toBe(false)
    },
  )

  test.each(ACTIONS.map((action) => [action] as const))(
    '%s is for a token of the organization by its rights and reach alone, whatever else is true',
    (action) => {
      const [, , text = '', reach = 'everything'] = EXPECTED[action]
      const rights = text.split(' ')
      const isPublicToo = EXPECTED[action][0].includes('p')
      const wrong: unknown[] = []
      for (const allow of subsets<TokenRight>(TOKEN_RIGHTS)) {
        for (const held of REACHES) {
          const hasRight = allow.some((right) => rights.includes(right))
          const reaches = REACHES.indexOf(held) >= REACHES.indexOf(reach)
          for (const isPublic of [false, true]) {
            const person = { role: 'owner', membersPull: 'all', team: 'admin', isOperator: true, isOwn: true } as const
            const got = authorize({ ...person, isPublic, token: { allow, reach: held } }, action)
            if (got !== (hasRight && (reaches || (isPublic && isPublicToo)))) wrong.push({ allow, held, isPublic, got })
          }
        }
      }
      expect(wrong.slice(0, 3)).toEqual([])
    },
  )
})
