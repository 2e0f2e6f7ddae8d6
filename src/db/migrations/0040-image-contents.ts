import type { Migration } from './migration.ts'

/**
 * What images hold, so that it can be listed and searched: read from their attestations by one server at a time. `images` has a row for each
 * manifest of a repository that was read. One without a repository is not (or no longer) shown: what it holds is on its way in or out,
 * in batches. `image_reads` names what is to be read, tags of today first of all.
 */
export const imageContents: Migration = {
  name: '0040-image-contents',
  statements: (t) => [
    `CREATE TABLE images (
      seq ${t.serial}, organization_id ${t.text} NOT NULL, repository_id ${t.text}, digest ${t.text}, platform ${t.text} NOT NULL,
      documents_key ${t.text} NOT NULL, documents ${t.text} NOT NULL, packages ${t.integer} NOT NULL, findings ${t.integer} NOT NULL,
      summary ${t.text} NOT NULL, problem ${t.text}, read_at ${t.text} NOT NULL, bytes ${t.integer} NOT NULL,
      wanted_bytes ${t.integer} NOT NULL, UNIQUE (repository_id, digest),
      FOREIGN KEY (repository_id, digest) REFERENCES repository_manifests (repository_id, digest) ON DELETE SET NULL)`,
    `CREATE INDEX images_organization ON images (organization_id, seq)`,
    `CREATE INDEX images_hidden ON images (seq) WHERE repository_id IS NULL`,
    // What an organization has no room for waits for some.
    `CREATE INDEX images_left_out ON images (organization_id, seq) WHERE wanted_bytes > 0`,
    // A package has a row for its name, and one for the source that it was built from, where that is another name.
    `CREATE TABLE image_packages (
      image_seq ${t.integer} NOT NULL, position ${t.integer} NOT NULL, organization_id ${t.text} NOT NULL, term ${t.text} NOT NULL,
      is_source ${t.integer} NOT NULL, name ${t.text} NOT NULL, version ${t.text} NOT NULL, type ${t.text} NOT NULL, purl ${t.text} NOT NULL,
      source ${t.text} NOT NULL, licence ${t.text} NOT NULL, documents ${t.text} NOT NULL, PRIMARY KEY (image_seq, position))`,
    `CREATE INDEX image_packages_term ON image_packages (organization_id, term, image_seq, position)`,
    `CREATE TABLE image_findings (
      image_seq ${t.integer} NOT NULL, position ${t.integer} NOT NULL, organization_id ${t.text} NOT NULL, term ${t.text} NOT NULL,
      vulnerability ${t.text} NOT NULL, severity ${t.text} NOT NULL, score ${t.text} NOT NULL, package ${t.text} NOT NULL,
      version ${t.text} NOT NULL, fixed_in ${t.text} NOT NULL, documents ${t.text} NOT NULL, status ${t.text} NOT NULL,
      statement ${t.integer}, product ${t.text} NOT NULL, PRIMARY KEY (image_seq, position))`,
    `CREATE INDEX image_findings_term ON image_findings (organization_id, term, image_seq, position)`,
    // A statement of VEX is about many packages, and stands here once.
    `CREATE TABLE image_statements (
      image_seq ${t.integer} NOT NULL, position ${t.integer} NOT NULL, statement ${t.text} NOT NULL, PRIMARY KEY (image_seq, position))`,
    `CREATE TABLE image_reads (
      repository_id ${t.text} NOT NULL REFERENCES repositories (id) ON DELETE CASCADE, digest ${t.text} NOT NULL,
      organization_id ${t.text} NOT NULL, due_at ${t.text} NOT NULL, generation ${t.integer} NOT NULL, tries ${t.integer} NOT NULL,
      PRIMARY KEY (repository_id, digest))`,
    `CREATE INDEX image_reads_due ON image_reads (organization_id, due_at)`,
    // From today on the log tells; what tags point to today is read first.
    `INSERT INTO event_cursors SELECT 'images', coalesce(max(seq), 0) FROM events`,
    `INSERT INTO image_reads SELECT DISTINCT tags.repository_id, tags.digest, repositories.organization_id,
      '1970-01-01T00:00:00.000Z', 0, 0 FROM tags JOIN repositories ON repositories.id = tags.repository_id`,
  ],
}
