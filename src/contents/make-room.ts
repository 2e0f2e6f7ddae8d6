/** What an organization's images take together has a limit: old ones that no tag leads to any more make room, where that is enough. */
import { hideUntagged, listByAge, sumBytes } from '../db/content/images.ts'
import type { Database } from '../db/engine/engine.ts'
import { assertFence, type Fence } from '../jobs/fence.ts'

/** Each asks what leads to it. */
const PAGE = 500

interface RoomDeps {
  readonly db: Database
  readonly fence: Fence
}

/**
 * Hides no more than it takes, and nothing where that would not do.
 * @param o.besides the image whose place it takes
 */
export async function makeRoom(
  { db, fence }: RoomDeps,
  organizationId: string,
  o: { readonly bytes: number; readonly limit: number; readonly besides: number | undefined },
): Promise<boolean> {
  let missing = (await sumBytes(db.read, organizationId, o.besides)) + o.bytes - o.limit
  const old: number[] = []
  for (let after = 0; missing > 0; ) {
    const page = await listByAge(db.read, organizationId, { after, limit: PAGE })
    for (const { seq, bytes, isTagged } of page) {
      if (isTagged || bytes === 0 || seq === o.besides || missing <= 0) continue
      old.push(seq)
      missing -= bytes
    }
    if (page.length < PAGE) break
    after = page.at(-1)?.seq ?? after
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (missing > 0) return false
  for (let i = 0; i < old.length; i += PAGE) {
    await db.write(async (tx) => {
      await assertFence(tx, fence)
      await hideUntagged(tx, old.slice(i, i + PAGE))
    })
  }
  return true
}
