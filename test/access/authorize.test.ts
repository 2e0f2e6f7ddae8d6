import { describe, expect, test } from 'bun:test'
import { ACTIONS, type Action, authorize, ROLES, TOKEN_SCOPES } from '../../src/access/authorize.ts'

/** Written out by hand: who may, and the least token scope. o = owner, e = editor, m = member, O = operator, p = public, s = oneself. */
const EXPECTED: Record<Action, [who: string, scope: (typeof TOKEN_SCOPES)[number]]> = {
  'organization.read': ['oemO', 'read'],
  'repository.pull': ['oemp', 'read'],
  'repository.create': ['oe', 'write'],
  'repository.push': ['oe', 'write'],
  'repository.delete': ['oe', 'delete'],
  'repository.admin': ['oe', 'admin'],
  'tag.delete': ['oe', 'delete'],
  'mirror.read': ['oem', 'read'],
  'mirror.sync': ['oe', 'write'],
  'mirror.start': ['o', 'admin'],
  'mirror.stop': ['o', 'admin'],
  'upstream.read': ['oem', 'read'],
  'upstream.use': ['oe', 'read'],
  'upstream.manage': ['o', 'admin'],
  'webhook.read': ['oe', 'read'],
  'organization-webhook.read': ['o', 'read'],
  'member.read': ['oemO', 'read'],
  'member.manage': ['oO', 'admin'],
  'invitation.manage': ['oO', 'admin'],
  'organization.leave': ['oem', 'admin'],
  'account.read': ['s', 'read'],
  'token.manage': ['s', 'admin'],
  'profile.manage': ['s', 'admin'],
  'organization.create': ['O', 'admin'],
  'user.create': ['O', 'admin'],
  'user.manage': ['O', 'admin'],
  'upstream.share': ['O', 'admin'],
  'metrics.read': ['O', 'read'],
  'instance.admin': ['O', 'admin'],
}

const LETTER = { owner: 'o', editor: 'e', member: 'm' } as const

describe('authorize: role by action', () => {
  test.each(ACTIONS.map((action) => [action] as const))(
    '%s is for whom the table says, and for nobody else',
    (action) => {
      const [who] = EXPECTED[action]
      for (const role of ROLES)
        expect({ role, may: authorize({ role }, action) }).toEqual({ role, may: who.includes(LETTER[role]) })
      expect(authorize({ isOperator: true }, action)).toBe(who.includes('O'))
      expect(authorize({ isPublic: true }, action)).toBe(who.includes('p'))
      expect(authorize({ isOwn: true }, action)).toBe(who.includes('s'))
      expect(authorize({}, action)).toBe(false)
    },
  )

  test.each(ACTIONS.map((action) => [action] as const))(
    '%s is capped by the scope of a token, which includes the lower ones',
    (action) => {
      const needed = TOKEN_SCOPES.indexOf(EXPECTED[action][1])
      const everything = { role: 'owner', isOperator: true, isOwn: true } as const
      for (const scope of TOKEN_SCOPES) {
        expect({ scope, may: authorize({ ...everything, scope }, action) }).toEqual({
          scope,
          may: TOKEN_SCOPES.indexOf(scope) >= needed,
        })
      }
      expect(authorize(everything, action)).toBe(true)
    },
  )
})
