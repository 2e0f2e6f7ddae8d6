/** Who may do what, as one table. Pure: the facts come from the database by `rights.ts`. */
import type { Role, TokenScope } from '../db/schema.ts'

/** `scope`: what a personal access token must hold; `roles`: which members of the organization may. */
interface Rule {
  readonly scope: TokenScope
  readonly roles: readonly Role[]
  /** Operators may too, in every organization and without being a member. */
  readonly operator?: true
  /** Anybody may where the repository is public, anonymous callers included. */
  readonly public?: true
  /** Everybody may to what is their own. */
  readonly own?: true
}

const ALL: readonly Role[] = ['owner', 'editor', 'member']
const EDITORS: readonly Role[] = ['owner', 'editor']
const OWNERS: readonly Role[] = ['owner']

const RULES = {
  'organization.read': { scope: 'read', roles: ALL, operator: true },
  'repository.pull': { scope: 'read', roles: ALL, public: true },
  'repository.create': { scope: 'write', roles: EDITORS },
  'repository.push': { scope: 'write', roles: EDITORS },
  'repository.delete': { scope: 'delete', roles: EDITORS },
  'repository.admin': { scope: 'admin', roles: EDITORS },
  'tag.delete': { scope: 'delete', roles: EDITORS },
  'mirror.read': { scope: 'read', roles: ALL },
  'mirror.sync': { scope: 'write', roles: EDITORS },
  'mirror.start': { scope: 'admin', roles: OWNERS },
  'mirror.stop': { scope: 'admin', roles: OWNERS },
  'upstream.read': { scope: 'read', roles: ALL },
  // Has the operator's credential sent to a shared upstream: for those who bring content in.
  'upstream.use': { scope: 'read', roles: EDITORS },
  'upstream.manage': { scope: 'admin', roles: OWNERS },
  // Of one repository: its admins. What is organization-wide tells of every repository: owners.
  'webhook.read': { scope: 'read', roles: EDITORS },
  'organization-webhook.read': { scope: 'read', roles: OWNERS },
  'member.read': { scope: 'read', roles: ALL, operator: true },
  // Operators too, so that an organization whose last owner has left can be given a new one.
  'member.manage': { scope: 'admin', roles: OWNERS, operator: true },
  'invitation.manage': { scope: 'admin', roles: OWNERS, operator: true },
  'organization.leave': { scope: 'admin', roles: ALL },
  'account.read': { scope: 'read', roles: [], own: true },
  'token.manage': { scope: 'admin', roles: [], own: true },
  'profile.manage': { scope: 'admin', roles: [], own: true },
  'organization.create': { scope: 'admin', roles: [], operator: true },
  'user.create': { scope: 'admin', roles: [], operator: true },
  'user.manage': { scope: 'admin', roles: [], operator: true },
  'upstream.share': { scope: 'admin', roles: [], operator: true },
  'metrics.read': { scope: 'read', roles: [], operator: true },
  'instance.admin': { scope: 'admin', roles: [], operator: true },
} as const satisfies Record<string, Rule>

export type Action = keyof typeof RULES

/** Actions inside one organization; the decision depends on one's role there. */
export type OrganizationAction = Exclude<Action, InstanceAction | OwnAction>

/** Actions on the instance itself. */
export type InstanceAction =
  | 'organization.create'
  | 'user.create'
  | 'user.manage'
  | 'upstream.share'
  | 'metrics.read'
  | 'instance.admin'

/** Actions on what is one's own. */
export type OwnAction = 'account.read' | 'token.manage' | 'profile.manage'

export const ACTIONS = Object.keys(RULES) as readonly Action[]

/** Each scope includes the ones before it. */
export const TOKEN_SCOPES = ['read', 'write', 'delete', 'admin'] as const satisfies readonly TokenScope[]

export const ROLES = ['owner', 'editor', 'member'] as const satisfies readonly Role[]

export interface Facts {
  /** The role in the organization that is asked about; undefined: not a member. */
  readonly role?: Role | undefined
  readonly isOperator?: boolean | undefined
  /** The repository that is asked about is public. */
  readonly isPublic?: boolean | undefined
  /** What is asked about belongs to the caller. */
  readonly isOwn?: boolean | undefined
  /** Scope of the personal access token in use; undefined: a password, no cap. */
  readonly scope?: TokenScope | undefined
}

/** Whether a token of scope `held` may do what needs `needed`; a password (undefined) may. */
export function scopeIncludes(held: TokenScope | undefined, needed: TokenScope): boolean {
  return held === undefined || TOKEN_SCOPES.indexOf(held) >= TOKEN_SCOPES.indexOf(needed)
}

/** The decision: allowed by role, operator, publicness or ownership, and not capped by the token's scope. */
export function authorize(facts: Facts, action: Action): boolean {
  const rule: Rule = RULES[action]
  const granted =
    (facts.role !== undefined && rule.roles.includes(facts.role)) ||
    (facts.isOperator === true && rule.operator === true) ||
    (facts.isPublic === true && rule.public === true) ||
    (facts.isOwn === true && rule.own === true)
  return granted && scopeIncludes(facts.scope, rule.scope)
}
