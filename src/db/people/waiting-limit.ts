/** What strangers begin and have not ended: bounded for each network, and in all, as networks are cheap to come by. */
import { AppError } from '../../errors.ts'
import type { Transaction } from '../engine/engine.ts'

export interface WaitingLimit {
  readonly ofNetwork: number
  readonly inAll: number
}

/** Forgets what is over, and makes room for one more. @param o.what for people: `devices` @throws AppError TOOMANYREQUESTS */
export async function makeRoom(
  tx: Transaction,
  table: 'sign_in_attempts' | 'device_authorizations',
  o: { readonly network: string; readonly at: string; readonly most: WaitingLimit; readonly what: string },
): Promise<void> {
  await tx.deleteFrom(table).where('ends_at', '<=', o.at).execute()
  const { all, own } = await tx
    .selectFrom(table)
    .select((eb) => [
      eb.fn.countAll<number | string>().as('all'),
      eb.fn.countAll<number | string>().filterWhere('network', '=', o.network).as('own'),
    ])
    .executeTakeFirstOrThrow()
  const isOwn = Number(own) >= o.most.ofNetwork
  if (!isOwn && Number(all) < o.most.inAll) return
  const many = isOwn ? `${o.most.ofNetwork} ${o.what} of your network` : `${o.most.inAll} ${o.what}`
  throw new AppError('TOOMANYREQUESTS', `${many} are under way already: try again in a minute`, {
    detail: { retryAfterSeconds: 60 },
  })
}
