/** Command lines that wait for somebody to let them in, by the hashes of their codes. */
import type { Queries, Transaction } from '../engine/engine.ts'
import type { DeviceAuthorizationRow } from '../schema.ts'
import { makeRoom, type WaitingLimit } from './waiting-limit.ts'

/** What is over is forgotten. @throws AppError TOOMANYREQUESTS when too many of that network wait */
export async function insertDevice(
  tx: Transaction,
  row: DeviceAuthorizationRow,
  o: { readonly most: WaitingLimit },
): Promise<void> {
  await makeRoom(tx, 'device_authorizations', { ...o, network: row.network, at: row.created_at, what: 'devices' })
  await tx.insertInto('device_authorizations').values(row).execute()
}

export async function findDeviceByCode(db: Queries, deviceHash: string): Promise<DeviceAuthorizationRow | undefined> {
  return db.selectFrom('device_authorizations').selectAll().where('device_hash', '=', deviceHash).executeTakeFirst()
}

/** One that nobody has decided about yet. */
export async function findWaitingDevice(
  db: Queries,
  userHash: string,
  at: string,
): Promise<DeviceAuthorizationRow | undefined> {
  return db
    .selectFrom('device_authorizations')
    .selectAll()
    .where('user_hash', '=', userHash)
    .where('status', '=', 'pending')
    .where('ends_at', '>', at)
    .executeTakeFirst()
}

export async function decideDevice(
  tx: Transaction,
  deviceHash: string,
  decision: { readonly status: 'approved' | 'denied'; readonly userId: string; readonly credential: string },
): Promise<void> {
  await tx
    .updateTable('device_authorizations')
    .set({ status: decision.status, user_id: decision.userId, credential: decision.credential })
    .where('device_hash', '=', deviceHash)
    .execute()
}

export async function notePoll(
  tx: Transaction,
  deviceHash: string,
  poll: { readonly at: string; readonly intervalSeconds: number },
): Promise<void> {
  await tx
    .updateTable('device_authorizations')
    .set({ polled_at: poll.at, interval_seconds: poll.intervalSeconds })
    .where('device_hash', '=', deviceHash)
    .execute()
}

export async function removeDevice(tx: Transaction, deviceHash: string): Promise<void> {
  await tx.deleteFrom('device_authorizations').where('device_hash', '=', deviceHash).execute()
}

/** Whether what let a device in would still let it in. @param credential see the row */
export async function isStillGood(db: Queries, credential: string, at: string): Promise<boolean> {
  const [, kind, id = ''] = /^(token|session):(.*)$/.exec(credential) ?? []
  if (kind === undefined) return true
  if (kind === 'token') {
    const token = db.selectFrom('tokens').select('expires_at').where('id', '=', id)
    const row = await token.executeTakeFirst()
    return row !== undefined && (row.expires_at === null || row.expires_at > at)
  }
  const session = db.selectFrom('sessions').select('id').where('id', '=', id)
  return (await session.executeTakeFirst()) !== undefined
}
