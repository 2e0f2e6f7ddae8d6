import type { Migration } from './migration.ts'

/**
 * Teams that an invitation leads into, and those that a provider's groups stand for. They end with the team, and with what led there.
 * And whom providers have brought: that outlives the provider, by what its owner and its issuer are.
 */
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
    // One for each owner (NULL: the instance) and issuer: the links in `accounts` have its name. Those of before keep theirs.
    `CREATE TABLE identity_link_keys (
      link_key ${t.text} PRIMARY KEY, organization_id ${t.text} REFERENCES organizations (id) ON DELETE CASCADE, issuer ${t.text} NOT NULL)`,
    `CREATE INDEX identity_link_keys_owner ON identity_link_keys (organization_id)`,
    `INSERT INTO identity_link_keys SELECT id, organization_id, issuer FROM identity_providers`,
    `ALTER TABLE identity_providers ADD COLUMN link_key ${t.text} NOT NULL DEFAULT ''`,
    `UPDATE identity_providers SET link_key = id`,
    // Whom an issuer has vouched for at any time, once each: who is removed, or ends a link, does not come back as somebody new.
    `CREATE TABLE identity_people (
      link_key ${t.text} NOT NULL REFERENCES identity_link_keys (link_key) ON DELETE CASCADE, subject ${t.text} NOT NULL,
      made_user_id ${t.text} REFERENCES users (id) ON DELETE SET NULL, first_at ${t.text} NOT NULL, PRIMARY KEY (link_key, subject))`,
    `CREATE INDEX identity_people_made ON identity_people (made_user_id)`,
    `INSERT INTO identity_people
      SELECT provider.id, link.account_id,
        CASE WHEN NOT EXISTS (
          SELECT 1 FROM accounts AS own WHERE own.user_id = link.user_id AND own.provider_id = 'credential') THEN link.user_id END,
        provider.created_at
      FROM identity_providers AS provider INNER JOIN accounts AS link ON link.provider_id = 'oidc:' || provider.id`,
    // Refusals alike are one row that counts; those of jobs that a rule was meant for are kept apart from those of strangers.
    `ALTER TABLE identity_refusals ADD COLUMN attempts ${t.integer} NOT NULL DEFAULT 1`,
    `ALTER TABLE identity_refusals ADD COLUMN is_near ${t.integer} NOT NULL DEFAULT 0`,
  ],
}
