import type { Migration } from './migration.ts'

const NEVER = '1970-01-01T00:00:00.000Z'

const distinct = (links: string) =>
  `(SELECT coalesce(sum(one.size_bytes), 0) FROM (SELECT DISTINCT link.digest, link.size_bytes FROM ${links} AS link
    JOIN repositories ON repositories.id = link.repository_id WHERE repositories.organization_id = organizations.id) AS one)`

/**
 * What each organization stores is always counted, not for a quota alone: lists show it, and reading all links for it took a second for a
 * catalog. Changes are rows of their own until they are added up.
 */
export const usageChanges: Migration = {
  name: '0026-usage-changes',
  statements: (t) => [
    `CREATE TABLE organization_usage_changes (
      seq ${t.serial}, organization_id ${t.text} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE, bytes ${t.integer} NOT NULL)`,
    `CREATE INDEX organization_usage_changes_organization ON organization_usage_changes (organization_id, bytes)`,
    `DELETE FROM organization_usage`,
    `INSERT INTO organization_usage (organization_id, linked_bytes, counted_at)
      SELECT id, ${distinct('repository_blobs')} + ${distinct('repository_manifests')}, '${NEVER}' FROM organizations`,
  ],
}
