import { sql } from 'kysely'
import { isAppError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { type ManifestReferences, referencesOf } from '../../oci/manifest.ts'
import type { ColumnTypes, Migration, MigrationTransaction } from './migration.ts'

const PAGE_ROWS = 200

/**
 * References were stored as the first sender's media type had them read, so that one organization could empty another's. They are a
 * fact of the bytes (decision record 21): each manifest is read again.
 */
export const references: Migration = {
  name: '0005-references',
  statements: (_: ColumnTypes) => [],
  async convert(tx) {
    for (let after = ''; ; ) {
      const { rows } = await sql<{ digest: string; bytes: Uint8Array }>`
        SELECT digest, bytes FROM manifests WHERE digest > ${after} ORDER BY digest LIMIT ${PAGE_ROWS}`.execute(tx)
      for (const row of rows) {
        const found = readAgain(row.bytes)
        if (found !== undefined) await replaceReferences(tx, row.digest, found)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.digest
    }
  },
}

/** Undefined for what the parser refuses: its rows stay as they are. */
function readAgain(bytes: Uint8Array): ManifestReferences | undefined {
  try {
    return referencesOf(bytes)
  } catch (error) {
    if (isAppError(error)) return undefined
    throw error
  }
}

async function replaceReferences(tx: MigrationTransaction, digest: string, found: ManifestReferences): Promise<void> {
  const { config, layers, children, subject, artifactType = null, annotations } = found
  const notes = annotations === undefined ? null : JSON.stringify(annotations)
  await sql`UPDATE manifests SET subject_digest = ${subject?.digest ?? null}, artifact_type = ${artifactType},
    annotations = ${notes} WHERE digest = ${digest}`.execute(tx)
  await sql`DELETE FROM manifest_references WHERE parent_digest = ${digest}`.execute(tx)
  const of = (kind: string, descriptors: readonly (Descriptor | undefined)[]) =>
    descriptors.flatMap((descriptor) => (descriptor === undefined ? [] : [{ kind, descriptor }]))
  const parts = [
    ...of('config', [config]),
    ...of('layer', layers),
    ...of('child', children),
    ...of('subject', [subject]),
  ]
  for (const [position, { kind, descriptor }] of parts.entries()) {
    const platform = descriptor.platform === undefined ? null : JSON.stringify(descriptor.platform)
    await sql`INSERT INTO manifest_references (parent_digest, position, kind, digest, media_type, size_bytes, platform)
      VALUES (${digest}, ${position}, ${kind}, ${descriptor.digest}, ${descriptor.mediaType}, ${descriptor.size}, ${platform})`.execute(
      tx,
    )
  }
}
