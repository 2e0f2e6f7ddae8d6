/** Codes and links that are printed and used once: so that whoever prints them again and again leaves no more behind than a few. */
import type { Transaction } from '../engine/engine.ts'

/** Of one owner at once, with the one that comes. */
const MOST = 10

/** Makes room for one more: those that are over go, whosever they were, and the oldest beyond the limit. @param o.userId whose; undefined: all are one's */
export async function makeRoomForSecret(
  tx: Transaction,
  table: 'setup_codes' | 'sign_in_links',
  o: { readonly at: string; readonly userId?: string },
): Promise<void> {
  // Both have what is asked here; the types of a query take one name at a time.
  const named = table as 'sign_in_links'
  const { at, userId } = o
  await tx
    .deleteFrom(named)
    .where((eb) =>
      eb.or([
        eb('ends_at', '<=', at),
        eb(
          'hash',
          'in',
          eb
            .selectFrom(named)
            .select('hash')
            .$if(userId !== undefined, (all) => all.where('user_id', '=', userId ?? ''))
            .orderBy('created_at', 'desc')
            .orderBy('hash')
            .limit(MOST)
            .offset(MOST - 1),
        ),
      ]),
    )
    .execute()
}
