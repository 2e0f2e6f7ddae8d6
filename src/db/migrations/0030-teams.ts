import type { Migration } from './migration.ts'

/** What members may pull unless a team says so, teams and what they are granted, and the tokens that belong to organizations. */
export const teams: Migration = {
  name: '0030-teams',
  statements: (t) => [
    // `all`, as it was before there were teams, or `none`.
    `ALTER TABLE organizations ADD COLUMN members_pull ${t.text} NOT NULL DEFAULT 'all'`,
    `CREATE TABLE teams (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      name ${t.text} NOT NULL, description ${t.text} NOT NULL, manages_mirrors ${t.integer} NOT NULL, created_at ${t.text} NOT NULL,
      UNIQUE (organization_id, name))`,
    // In the order in which a decision reads it. Who leaves the organization is in none of its teams, however often they come back.
    `CREATE TABLE team_members (
      organization_id ${t.text} NOT NULL, user_id ${t.text} NOT NULL, team_id ${t.text} NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
      created_at ${t.text} NOT NULL, PRIMARY KEY (organization_id, user_id, team_id),
      FOREIGN KEY (organization_id, user_id) REFERENCES members (organization_id, user_id) ON DELETE CASCADE)`,
    `CREATE INDEX team_members_team ON team_members (team_id, user_id)`,
    // repository: a full name, or with is_pattern a pattern over full names; matches: the same for LIKE.
    `CREATE TABLE team_grants (
      team_id ${t.text} NOT NULL REFERENCES teams (id) ON DELETE CASCADE, is_pattern ${t.integer} NOT NULL, repository ${t.text} NOT NULL,
      matches ${t.text} NOT NULL, permission ${t.text} NOT NULL, created_at ${t.text} NOT NULL,
      PRIMARY KEY (team_id, is_pattern, repository))`,
    `CREATE INDEX team_grants_repository ON team_grants (repository)`,
    // allow, repositories: lists as JSON. rule_id: the rule that an exchange of a CI job's token went by; null where a person made it.
    `CREATE TABLE organization_tokens (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      label ${t.text} NOT NULL, allow ${t.text} NOT NULL, repositories ${t.text} NOT NULL, hash ${t.text} NOT NULL UNIQUE,
      created_at ${t.text} NOT NULL, created_by ${t.text} NOT NULL, expires_at ${t.text}, last_used_at ${t.text},
      is_active ${t.integer} NOT NULL, rule_id ${t.text})`,
    `CREATE INDEX organization_tokens_organization ON organization_tokens (organization_id, id)`,
    `CREATE INDEX organization_tokens_rule ON organization_tokens (rule_id)`,
  ],
}
