import { listOrganizationsWithTexts } from '../db/content/definition-texts.ts'
import { countUsageAnew } from '../db/content/usage.ts'
import type { Database } from '../db/engine/engine.ts'
import { findInstanceSetting, setInstanceSetting } from '../db/platform/instance-settings.ts'

const DONE = 'definitions_counted'

/** Earlier versions counted no definitions in what an organization stores: those that are there already are counted, once. */
export async function countStoredDefinitions(db: Database): Promise<void> {
  if ((await findInstanceSetting(db.read, DONE)) !== undefined) return
  await db.write(async (tx) => {
    if ((await findInstanceSetting(tx, DONE)) !== undefined) return
    for (const id of await listOrganizationsWithTexts(tx)) await countUsageAnew(tx, id)
    await setInstanceSetting(tx, DONE, 'yes')
  })
}
