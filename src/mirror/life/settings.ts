import { type MirrorSettings, mirrorSettingsSchema } from '../../api/mirror-settings.ts'
import type { MirrorRow } from '../../db/schema.ts'

/** What people set for a mirror, as its row keeps it. */
export function settingsOf(record: Pick<MirrorRow, 'settings'>): MirrorSettings {
  return mirrorSettingsSchema.parse(JSON.parse(record.settings))
}
