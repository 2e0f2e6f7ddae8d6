import type { Migration } from './migration.ts'

/** Teams that an invitation leads into, and those that a provider's groups stand for. They end with the team, and with what led there. */
export const waysIntoTeams: Migration = {
  name: '0036-ways-into-teams',
  statements: (t) => [
    `CREATE TABLE invitation_teams (
      invitation_id ${t.text} NOT NULL REFERENCES invitations (id) ON DELETE CASCADE,
      team_id ${t.text} NOT NULL REFERENCES teams (id) ON DELETE CASCADE, PRIMARY KEY (invitation_id, team_id))`,
    `CREATE INDEX invitation_teams_team ON invitation_teams (team_id)`,
    `CREATE TABLE identity_provider_groups (
      provider_id ${t.text} NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      team_id ${t.text} NOT NULL REFERENCES teams (id) ON DELETE CASCADE, PRIMARY KEY (provider_id, name, team_id))`,
    `CREATE INDEX identity_provider_groups_team ON identity_provider_groups (team_id)`,
    `ALTER TABLE identity_providers ADD COLUMN groups_claim ${t.text} NOT NULL DEFAULT 'groups'`,
  ],
}
