/** Teams, what they are granted, and the tokens that belong to organizations. */
import type { Flag } from './flag.ts'

export interface TeamRow {
  id: string
  organization_id: string
  name: string
  description: string
  /** Its members start, stop, pause and change mirrors and subscriptions. */
  manages_mirrors: Flag
  created_at: string
}

export interface TeamMemberRow {
  organization_id: string
  user_id: string
  team_id: string
  created_at: string
}

/** Each includes the ones before it. */
export type TeamPermission = 'read' | 'write' | 'admin'

export interface TeamGrantRow {
  team_id: string
  is_pattern: Flag
  /** Full name of a repository, or a pattern over full names. */
  repository: string
  /** The same for LIKE with the escape character `\`. */
  matches: string
  permission: TeamPermission
  created_at: string
}

/** A team that an invitation leads into. */
export interface InvitationTeamRow {
  invitation_id: string
  team_id: string
}

/** A team that a group of a provider stands for. */
export interface ProviderGroupRow {
  provider_id: string
  /** Of the group, as the provider writes it. */
  name: string
  team_id: string
}

/** What an organization's token may be allowed; none includes another. */
export type TokenRight = 'pull' | 'push' | 'delete' | 'mirrors' | 'webhooks'

export interface OrganizationTokenRow {
  id: string
  organization_id: string
  label: string
  /** JSON, of TokenRight. */
  allow: string
  /** JSON, names and patterns as they were given. */
  repositories: string
  hash: string
  created_at: string
  /** Who made it, as events name people. */
  created_by: string
  expires_at: string | null
  last_used_at: string | null
  is_active: Flag
  /** The rule by which a CI job got it; null: a person made it. */
  rule_id: string | null
}
