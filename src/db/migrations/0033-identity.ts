import type { Migration } from './migration.ts'

/**
 * Whom others vouch for: providers by which people sign in, rules by which CI jobs get a token of minutes, and sign-ins under way.
 * Whatever a person or a job holds (state, code, JWT) is here as its hash alone.
 */
export const identity: Migration = {
  name: '0033-identity',
  statements: (t) => [
    // organization_id NULL: of the instance, added by an operator.
    `CREATE TABLE identity_providers (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} REFERENCES organizations (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      issuer ${t.text} NOT NULL, client_id ${t.text} NOT NULL, sealed_client_secret ${t.text}, ca ${t.text}, role ${t.text} NOT NULL,
      is_only ${t.integer} NOT NULL, trusts_email ${t.integer} NOT NULL, created_by ${t.text} NOT NULL, created_at ${t.text} NOT NULL,
      last_used_at ${t.text})`,
    `CREATE UNIQUE INDEX identity_providers_name ON identity_providers (coalesce(organization_id, ''), name)`,
    `CREATE TABLE identity_rules (
      id ${t.text} PRIMARY KEY, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, name ${t.text} NOT NULL,
      issuer ${t.text} NOT NULL, audience ${t.text} NOT NULL, subject ${t.text}, claims ${t.text} NOT NULL, allow ${t.text} NOT NULL,
      repositories ${t.text} NOT NULL, minutes ${t.integer} NOT NULL, ca ${t.text}, created_by ${t.text} NOT NULL,
      created_at ${t.text} NOT NULL, last_used_at ${t.text})`,
    `CREATE UNIQUE INDEX identity_rules_name ON identity_rules (organization_id, name)`,
    // The last few of each kind of an organization: strangers cannot push out what a real issuer has signed.
    `CREATE TABLE identity_refusals (
      seq ${t.serial}, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
      is_verified ${t.integer} NOT NULL, at ${t.text} NOT NULL, issuer ${t.text}, subject ${t.text}, reason ${t.text} NOT NULL,
      address ${t.text})`,
    `CREATE INDEX identity_refusals_last ON identity_refusals (organization_id, is_verified, seq)`,
    `CREATE TABLE identity_used_tokens (
      organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, hash ${t.text} NOT NULL,
      ends_at ${t.text} NOT NULL, PRIMARY KEY (organization_id, hash))`,
    `CREATE INDEX identity_used_tokens_end ON identity_used_tokens (ends_at)`,
    `CREATE TABLE sign_in_attempts (
      hash ${t.text} PRIMARY KEY, provider_id ${t.text} NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
      redirect_uri ${t.text} NOT NULL, loopback ${t.text}, network ${t.text} NOT NULL, ends_at ${t.text} NOT NULL)`,
    `CREATE INDEX sign_in_attempts_network ON sign_in_attempts (network)`,
    `CREATE INDEX sign_in_attempts_end ON sign_in_attempts (ends_at)`,
    `CREATE TABLE sign_in_codes (
      hash ${t.text} PRIMARY KEY, provider_id ${t.text} NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
      challenge ${t.text} NOT NULL, person ${t.text} NOT NULL, ends_at ${t.text} NOT NULL)`,
    `CREATE INDEX sign_in_codes_end ON sign_in_codes (ends_at)`,
    `CREATE TABLE device_authorizations (
      device_hash ${t.text} PRIMARY KEY, user_hash ${t.text} NOT NULL UNIQUE, name ${t.text} NOT NULL, address ${t.text} NOT NULL,
      network ${t.text} NOT NULL, status ${t.text} NOT NULL, user_id ${t.text} REFERENCES users (id) ON DELETE CASCADE,
      credential ${t.text}, interval_seconds ${t.integer} NOT NULL, polled_at ${t.text}, created_at ${t.text} NOT NULL, ends_at ${t.text} NOT NULL)`,
    `CREATE INDEX device_authorizations_network ON device_authorizations (network)`,
    `CREATE INDEX device_authorizations_user ON device_authorizations (user_id)`,
    `CREATE INDEX device_authorizations_end ON device_authorizations (ends_at)`,
    // Who vouched for whom a session is of; NULL: it was opened by a password.
    `ALTER TABLE sessions ADD COLUMN provider_id ${t.text}`,
    // One account here for one person there, however many first sign-ins come at once.
    `CREATE UNIQUE INDEX accounts_of_provider ON accounts (provider_id, account_id)`,
  ],
}
