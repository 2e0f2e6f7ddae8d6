import type { Queries } from '../../db/engine/engine.ts'
import { findMirror, type MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { AppError } from '../../errors.ts'

/** @throws AppError NOT_FOUND */
export async function getMirror(db: Queries, id: string): Promise<MirrorRecord> {
  const mirror = await findMirror(db, id)
  if (mirror === undefined)
    throw new AppError('NOT_FOUND', 'there is no such mirror', { about: { reason: 'absent', what: 'mirror' } })
  return mirror
}
