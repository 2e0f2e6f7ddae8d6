/** The secret address of an upstream, where its webhooks come: whoever knows it may say what was pushed there, and nothing else. */
import type { Database } from '../db/engine/engine.ts'
import { countDelivery, findHook, findUpstreamByHook, removeHook, setHook } from '../db/mirrors/upstream-hooks.ts'
import type { UpstreamRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'

const PREFIX = 'kgm_hook_'
/** A release of some hundred tags comes as as many deliveries, and a catalog has many repositories. */
const MAX_DELIVERIES = 1200
const WINDOW_MS = 60_000

/**
 * Makes the address; it is returned here once, and only its hash is kept.
 * @param o.rotate replaces one that is there
 * @throws AppError CONFLICT when there is one
 */
export async function createHook(
  db: Database,
  clock: Clock,
  upstream: Pick<UpstreamRow, 'id' | 'name'>,
  o: { readonly rotate: boolean },
): Promise<Secret> {
  const text = makeTokenText(PREFIX)
  await db.write(async (tx) => {
    const before = await findHook(tx, upstream.id)
    if (before !== undefined && !o.rotate) {
      throw new AppError(
        'CONFLICT',
        `upstream ${upstream.name} has a hook since ${before.created_at}, and its address was shown once: --rotate makes a new one, and the old one ends`,
        { about: { reason: 'taken', what: 'hook', name: upstream.name } },
      )
    }
    await setHook(tx, { upstreamId: upstream.id, hash: hashToken(text), at: isoTime(clock.now()) })
  })
  return createSecret(text)
}

/** @throws AppError NOT_FOUND when there is none */
export async function endHook(db: Database, upstream: Pick<UpstreamRow, 'id' | 'name'>): Promise<void> {
  const isThere = await db.write((tx) => removeHook(tx, upstream.id))
  if (!isThere)
    throw new AppError('NOT_FOUND', `upstream ${upstream.name} has no hook`, {
      about: { reason: 'absent', what: 'hook', name: upstream.name },
    })
}

/** The upstream that the secret speaks for; undefined: it is no secret of ours, or not any more. */
export async function findHookUpstream(db: Database, text: string): Promise<UpstreamRow | undefined> {
  return isTokenText(PREFIX, text) ? findUpstreamByHook(db.read, hashToken(text)) : undefined
}

/** Registries send one push a delivery, or a few: each further 20 in one count as another, for what they cost. */
const PUSHES_OF_DELIVERY = 20

/** Counts a delivery, whatever is in it; all servers of one database count together. @throws AppError TOOMANYREQUESTS */
export function admitDelivery(db: Database, clock: Clock, upstreamId: string): Promise<void> {
  return admit(db, clock, upstreamId, 1)
}

/** What was admitted names so many pushes, and is about to be looked up by each. @throws AppError TOOMANYREQUESTS */
export async function admitPushes(db: Database, clock: Clock, upstreamId: string, pushes: number): Promise<void> {
  const more = Math.floor(pushes / PUSHES_OF_DELIVERY)
  if (more > 0) await admit(db, clock, upstreamId, more)
}

/** @throws AppError TOOMANYREQUESTS with `detail.retryAfterSeconds` */
async function admit(db: Database, clock: Clock, upstreamId: string, by: number): Promise<void> {
  const now = clock.now()
  const since = isoTime(new Date(now.getTime() - WINDOW_MS))
  const { count, from } = await db.write((tx) => countDelivery(tx, upstreamId, { at: isoTime(now), since, by }))
  if (count <= MAX_DELIVERIES) return
  const retryAfterSeconds = Math.max(1, Math.ceil((Date.parse(from) + WINDOW_MS - now.getTime()) / 1000))
  throw new AppError(
    'TOOMANYREQUESTS',
    `more than ${MAX_DELIVERIES} deliveries within a minute: try again in ${retryAfterSeconds} s`,
    { detail: { retryAfterSeconds } },
  )
}
