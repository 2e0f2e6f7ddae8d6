import { isAppError } from '../../errors.ts'
import { type ManifestReferences, referencesOf } from '../../oci/manifest.ts'
import { replaceReferences } from '../content/manifests.ts'
import type { Migration } from './migration.ts'

const PAGE_ROWS = 200

/**
 * References were stored as the first sender's media type had them read, so that one organization could empty another's. They are a
 * fact of the bytes (decision record 21): each manifest is read again.
 */
export const references: Migration = {
  name: '0005-references',
  statements: () => [],
  async convert(tx) {
    for (let after = ''; ; ) {
      const rows = await tx
        .selectFrom('manifests')
        .select(['digest', 'bytes'])
        .where('digest', '>', after)
        .orderBy('digest')
        .limit(PAGE_ROWS)
        .execute()
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

/** Undefined for what today's parser refuses: its rows stay as they are. */
function readAgain(bytes: Uint8Array): ManifestReferences | undefined {
  try {
    return referencesOf(bytes)
  } catch (error) {
    if (isAppError(error)) return undefined
    throw error
  }
}
