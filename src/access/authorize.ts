/** Who may do what, as one table. Pure: the facts come from the database by `rights.ts`. docs/reference/rights.md is printed from it. */
import type { MembersPull, Role, TeamPermission, TokenRight, TokenScope } from '../db/schema.ts'

/** Each way by itself is enough; a personal token caps the first four by `scope`. */
export interface Rule {
  /** What a personal access token must hold. */
  readonly scope: TokenScope
  /** Which members of the organization may. */
  readonly roles: readonly Role[]
  /** Plain members too, in an organization whose members pull all. */
  readonly membersPull?: true
  /** Plain members too, whose teams have this permission on the repository, or more. */
  readonly team?: TeamPermission
  /** Members of a team that manages mirrors too. */
  readonly managers?: true
  /** Tokens of the organization too that have one of these rights on what `reach` says. */
  readonly allow?: readonly TokenRight[]
  /** What the token must name; absent: the repository. */
  readonly reach?: Reach
  /** Operators may too, in every organization and without being a member. */
  readonly operator?: true
  /** Anybody may where the repository is public, anonymous callers included. */
  readonly public?: true
  /** Everybody may to what is their own. */
  readonly own?: true
}

/** How far a token's repositories go, seen from what is asked about; each includes the ones before. */
export type Reach = 'nothing' | 'organization' | 'repository' | 'everything'

const ALL: readonly Role[] = ['owner', 'editor', 'member']
const EDITORS: readonly Role[] = ['owner', 'editor']
const OWNERS: readonly Role[] = ['owner']

export const RULES = {
  'organization.read': {
    scope: 'read',
    roles: ALL,
    operator: true,
    allow: ['pull', 'push', 'delete', 'mirrors', 'webhooks'],
    reach: 'organization',
  },
  'organization.change': { scope: 'admin', roles: OWNERS },
  // Operators too: nobody may be left there to do it.
  'organization.delete': { scope: 'admin', roles: OWNERS, operator: true },
  'organization-token.manage': { scope: 'admin', roles: OWNERS },
  'repository.pull': {
    scope: 'read',
    roles: EDITORS,
    membersPull: true,
    team: 'read',
    allow: ['pull'],
    public: true,
  },
  // It names people: not for those who only see that a repository is public.
  'repository.history': { scope: 'read', roles: EDITORS, membersPull: true, team: 'read', allow: ['pull'] },
  // What was done to it and what hangs on it; who was refused what elsewhere is the organization's affair.
  'repository.audit': { scope: 'read', roles: EDITORS, team: 'admin' },
  'repository.create': { scope: 'write', roles: EDITORS, team: 'write', allow: ['push'] },
  'repository.push': { scope: 'write', roles: EDITORS, team: 'write', allow: ['push'] },
  'repository.delete': { scope: 'delete', roles: EDITORS, team: 'admin', allow: ['delete'] },
  'repository.admin': { scope: 'admin', roles: EDITORS, team: 'admin' },
  // One repository by its name; patterns are `team.manage`.
  'repository.grant': { scope: 'admin', roles: EDITORS, team: 'admin' },
  'tag.delete': { scope: 'delete', roles: EDITORS, team: 'admin', allow: ['delete'] },
  // What a list then shows is each mirror that may be read.
  'mirror.list': { scope: 'read', roles: ALL, allow: ['pull', 'mirrors'], reach: 'organization' },
  'mirror.read': {
    scope: 'read',
    roles: EDITORS,
    membersPull: true,
    team: 'read',
    managers: true,
    allow: ['pull', 'mirrors'],
  },
  'mirror.sync': { scope: 'write', roles: EDITORS, team: 'write', managers: true, allow: ['mirrors'] },
  'mirror.start': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'] },
  'mirror.stop': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'] },
  // What it sends out is what its readers may read here.
  'replication.read': {
    scope: 'read',
    roles: EDITORS,
    membersPull: true,
    team: 'read',
    managers: true,
    allow: ['pull', 'mirrors'],
  },
  'replication.sync': { scope: 'write', roles: EDITORS, team: 'write', managers: true, allow: ['mirrors'] },
  // Private content leaves the instance.
  'replication.start': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'] },
  'replication.stop': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'] },
  // Those of a whole organization, by name pattern.
  'replication-rule.read': {
    scope: 'read',
    roles: EDITORS,
    membersPull: true,
    managers: true,
    allow: ['mirrors'],
    reach: 'everything',
  },
  'replication-rule.manage': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'], reach: 'everything' },
  'subscription.read': {
    scope: 'read',
    roles: EDITORS,
    membersPull: true,
    managers: true,
    allow: ['mirrors'],
    reach: 'everything',
  },
  'subscription.sync': { scope: 'write', roles: EDITORS, managers: true, allow: ['mirrors'], reach: 'everything' },
  'subscription.manage': { scope: 'admin', roles: OWNERS, managers: true, allow: ['mirrors'], reach: 'everything' },
  'upstream.read': { scope: 'read', roles: ALL, allow: ['mirrors'], reach: 'organization' },
  // Has the operator's credential sent to a shared upstream: for those who bring content in.
  'upstream.use': { scope: 'read', roles: EDITORS, managers: true, allow: ['mirrors'], reach: 'organization' },
  'upstream.manage': { scope: 'admin', roles: OWNERS },
  'target.read': { scope: 'read', roles: ALL, allow: ['mirrors'], reach: 'organization' },
  // Has content sent out, by the operator's credential where the target is shared: for those who bring content in.
  'target.use': { scope: 'read', roles: EDITORS, managers: true, allow: ['mirrors'], reach: 'organization' },
  'target.manage': { scope: 'admin', roles: OWNERS },
  'webhook.read': { scope: 'read', roles: EDITORS, team: 'admin', allow: ['webhooks'] },
  'webhook.manage': { scope: 'admin', roles: EDITORS, team: 'admin', allow: ['webhooks'] },
  // Those of a whole organization, by name pattern.
  'organization-webhook.read': { scope: 'read', roles: OWNERS, allow: ['webhooks'], reach: 'everything' },
  'organization-webhook.manage': { scope: 'admin', roles: OWNERS, allow: ['webhooks'], reach: 'everything' },
  // A plain member sees the teams that they are in.
  'team.read': { scope: 'read', roles: ALL },
  'team.manage': { scope: 'admin', roles: OWNERS },
  'member.read': { scope: 'read', roles: ALL, operator: true },
  // Operators too, so that an organization whose last owner has left can be given a new one.
  'member.manage': { scope: 'admin', roles: OWNERS, operator: true },
  'invitation.manage': { scope: 'admin', roles: OWNERS, operator: true },
  'organization.leave': { scope: 'admin', roles: ALL },
  // Operators too: a provider that fails must not keep an organization's people out for good.
  'identity.manage': { scope: 'admin', roles: OWNERS, operator: true },
  'audit.read': { scope: 'read', roles: OWNERS },
  'account.read': { scope: 'read', roles: [], own: true },
  'token.manage': { scope: 'admin', roles: [], own: true },
  'profile.manage': { scope: 'admin', roles: [], own: true },
  'organization.create': { scope: 'admin', roles: [], operator: true },
  'user.create': { scope: 'admin', roles: [], operator: true },
  'user.manage': { scope: 'admin', roles: [], operator: true },
  'upstream.share': { scope: 'admin', roles: [], operator: true },
  'target.share': { scope: 'admin', roles: [], operator: true },
  'identity.share': { scope: 'admin', roles: [], operator: true },
  'metrics.read': { scope: 'read', roles: [], operator: true },
  // Its users, and how it is.
  'instance.read': { scope: 'read', roles: [], operator: true },
  'instance.audit': { scope: 'read', roles: [], operator: true },
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
  | 'target.share'
  | 'identity.share'
  | 'metrics.read'
  | 'instance.read'
  | 'instance.audit'
  | 'instance.admin'

/** Actions on what is one's own. */
export type OwnAction = 'account.read' | 'token.manage' | 'profile.manage'

export const ACTIONS = Object.keys(RULES) as readonly Action[]

/** Each scope includes the ones before it. */
export const TOKEN_SCOPES = ['read', 'write', 'delete', 'admin'] as const satisfies readonly TokenScope[]

export const ROLES = ['owner', 'editor', 'member'] as const satisfies readonly Role[]

/** Each includes the ones before it. */
export const TEAM_PERMISSIONS = ['read', 'write', 'admin'] as const satisfies readonly TeamPermission[]

export const TOKEN_RIGHTS = ['pull', 'push', 'delete', 'mirrors', 'webhooks'] as const satisfies readonly TokenRight[]

export const REACHES = ['nothing', 'organization', 'repository', 'everything'] as const satisfies readonly Reach[]

export interface Facts {
  /** The role in the organization that is asked about; undefined: not a member. */
  readonly role?: Role | undefined
  /** What the organization lets its members pull; undefined: nothing. */
  readonly membersPull?: MembersPull | undefined
  /** The most that the member's teams have on the repository that is asked about. */
  readonly team?: TeamPermission | undefined
  /** One of the member's teams manages mirrors. */
  readonly managesMirrors?: boolean | undefined
  readonly isOperator?: boolean | undefined
  /** The repository that is asked about is public. */
  readonly isPublic?: boolean | undefined
  /** What is asked about belongs to the caller. */
  readonly isOwn?: boolean | undefined
  /** Scope of the personal access token in use; undefined: a password, no cap. */
  readonly scope?: TokenScope | undefined
  /** An organization's token stands for itself: nothing else of the above counts but `isPublic`. */
  readonly token?: { readonly allow: readonly TokenRight[]; readonly reach: Reach } | undefined
}

/** Whether a token of scope `held` may do what needs `needed`; a password (undefined) may. */
export function scopeIncludes(held: TokenScope | undefined, needed: TokenScope): boolean {
  return held === undefined || TOKEN_SCOPES.indexOf(held) >= TOKEN_SCOPES.indexOf(needed)
}

/** The decision: allowed by any of the rule's ways, and not capped by the token's scope. */
export function authorize(facts: Facts, action: Action): boolean {
  const rule: Rule = RULES[action]
  if (facts.token !== undefined) return allowsToken(rule, facts.token, facts.isPublic === true)
  const granted =
    (facts.role !== undefined && allowsMember(rule, facts.role, facts)) ||
    (facts.isOperator === true && rule.operator === true) ||
    (facts.isPublic === true && rule.public === true) ||
    (facts.isOwn === true && rule.own === true)
  return granted && scopeIncludes(facts.scope, rule.scope)
}

function allowsMember(rule: Rule, role: Role, { membersPull, team, managesMirrors }: Facts): boolean {
  return (
    rule.roles.includes(role) ||
    (rule.membersPull === true && membersPull === 'all') ||
    (rule.team !== undefined &&
      team !== undefined &&
      TEAM_PERMISSIONS.indexOf(team) >= TEAM_PERMISSIONS.indexOf(rule.team)) ||
    (rule.managers === true && managesMirrors === true)
  )
}

function allowsToken(rule: Rule, token: NonNullable<Facts['token']>, isPublic: boolean): boolean {
  if (rule.allow === undefined || !rule.allow.some((right) => token.allow.includes(right))) return false
  const needed = rule.reach ?? 'repository'
  return (isPublic && rule.public === true) || REACHES.indexOf(token.reach) >= REACHES.indexOf(needed)
}
