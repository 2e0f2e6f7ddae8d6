// A month that has passed: what clients pulled and what was stored, day by day, as the server would have counted it.
import { join } from 'node:path'
import { openDatabase } from '../../src/db/engine/engine.ts'

const DAYS = 30
const DAY_MS = 86_400_000

export async function addPast(directory: string): Promise<void> {
  const db = await openDatabase(join(directory, 'kagami.sqlite'))
  try {
    const repositories = await db.read.selectFrom('repositories').select(['id', 'organization_id']).execute()
    const [{ organization_id: organizationId } = { organization_id: '' }] = repositories
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
    const days = Array.from({ length: DAYS }, (_, i) => {
      const day = new Date(today - (DAYS - i) * DAY_MS)
      const isRest = [0, 6].includes(day.getUTCDay())
      // No two days alike, and every picture the same.
      const pulls = Math.round((isRest ? 40 : 180 + i * 4) * (1 + 0.35 * Math.sin(i * 2.4)))
      const counted = {
        per: 'day' as const,
        at: day.toISOString(),
        pulls,
        checks: pulls * 3,
        bytes: pulls * 58_000_000,
      }
      return { ...counted, stored_bytes: 620_000 + i * 21_000 }
    })
    await db.write(async (tx) => {
      await tx
        .insertInto('organization_periods')
        .values(days.map((day) => ({ ...day, organization_id: organizationId })))
        .execute()
      for (const [index, { id }] of repositories.entries()) {
        const share = days.map((day) => ({ ...day, repository_id: id, pulls: Math.round(day.pulls / (index + 2)) }))
        await tx.insertInto('repository_periods').values(share).execute()
      }
    })
  } finally {
    await db.close()
  }
}
