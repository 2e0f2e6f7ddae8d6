import type { Transaction } from '../db/engine/engine.ts'
import { findLease } from '../db/platform/leases.ts'
import { AppError } from '../errors.ts'

/** The taking of the lease under which somebody writes. */
export interface Fence {
  readonly key: string
  readonly generation: number
}

/** @throws AppError CONFLICT when another has taken the lease since: nothing may be written under it any more */
export async function assertFence(tx: Transaction, { key, generation }: Fence): Promise<void> {
  const lease = await findLease(tx, key)
  if (lease?.generation === generation && lease.holder !== null) return
  throw new AppError('CONFLICT', `the lease ${key} is held by another process now`)
}
