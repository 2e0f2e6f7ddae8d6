/**
 * This process' part of the places that all servers on the database share. One that is alone takes all at its first use, in one write, and
 * gives them back when it has had no use for them for a while. Others that come say what they want; whoever has more than
 * its part gives back as its requests end. A part holds for as long as others see this process live without a break (record 32).
 */
import type { Database, Transaction } from '../db/engine/engine.ts'
import { keepPortion, listPortions, removeDeadPortions, removePortion } from '../db/platform/shared-portions.ts'
import type { SharedPortionRow } from '../db/schema.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Portion, Portions, PortionUse } from '../net/portions.ts'
import { fairParts } from './fair-parts.ts'
import type { Presence } from './presence.ts'

/** How often a process that has use for places looks what others want. */
const LOOK_EVERY_MS = 500
/** Places without use are kept for this long: what comes next begins at once. */
const IDLE_MS = 5_000
/** Where places do not divide evenly, the others' turn to have one more comes after this. */
const TURN_MS = 10_000

export interface PortionsOptions {
  readonly db: Database
  readonly clock: Clock
  readonly presence: Presence
  readonly logger: Logger
  /** 0: it looks only when places are asked for, and when it is told to. */
  readonly lookEveryMs?: number
}

export interface SharedPortions extends Portions {
  /** Looks at once what others want, and settles what this process may use. */
  look(): Promise<void>
  /** Gives everything back. */
  close(): Promise<void>
}

interface Member {
  readonly pool: string
  use: PortionUse
  /** What it may use, as long as `standing` is that of the process. */
  limit: number
  standing: string | undefined
  /** As others see it. */
  row: Pick<SharedPortionRow, 'held' | 'wanted'> | undefined
  idleSinceMs: number | undefined
}

type Settled = Pick<SharedPortionRow, 'held' | 'wanted'> & { readonly limit: number }

export function createPortions(o: PortionsOptions): SharedPortions {
  const { db, clock, presence, logger, lookEveryMs = LOOK_EVERY_MS } = o
  /** By pool: those that have a row, or ask for one. */
  const active = new Map<string, Member>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let looking: Promise<void> | undefined
  let isAskedAgain = false
  let isClosed = false
  const nowMs = () => clock.now().getTime()
  const turn = () => Math.floor(nowMs() / TURN_MS)
  const wantedBy = ({ use }: Member) => Math.min(use.total, Math.max(use.wanted(), use.inUse()))
  const partOf = (me: Member, others: readonly SharedPortionRow[]) => {
    const all = [...others, { holder: presence.holder, wanted: wantedBy(me) }]
    return fairParts(me.use.total, all, turn()).get(presence.holder) ?? 0
  }
  const free = (me: Member, others: readonly SharedPortionRow[]) =>
    Math.max(
      0,
      others.reduce((left, { held }) => left - held, me.use.total),
    )

  /** What is to be written of a member, as far as the present rows of the others tell; what it has too much of is not given out from now on. */
  function judge(me: Member, others: readonly SharedPortionRow[], standing: string): 'settle' | 'leave' | undefined {
    const wanted = wantedBy(me)
    me.idleSinceMs = wanted > 0 ? undefined : (me.idleSinceMs ?? nowMs())
    if (me.idleSinceMs !== undefined && nowMs() - me.idleSinceMs >= IDLE_MS) {
      me.limit = 0
      return 'leave'
    }
    if (me.row === undefined || me.standing !== standing) {
      me.limit = 0
      return 'settle'
    }
    const part = partOf(me, others)
    if (part > me.limit && free(me, others) > me.limit) return 'settle'
    if (others.some((one) => one.wanted > one.held)) me.limit = Math.min(me.limit, part)
    if (Math.max(me.limit, me.use.inUse()) < me.row.held) return 'settle'
    // Others give to whoever says that it wants more, and only then.
    const isShort = wanted > me.limit
    return (isShort || me.row.wanted > me.row.held) && wanted !== me.row.wanted ? 'settle' : undefined
  }

  async function settle(tx: Transaction, me: Member, keeps: number): Promise<Settled> {
    const now = isoTime(clock.now())
    await removeDeadPortions(tx, now, me.pool)
    const others = (await listPortions(tx, now, me.pool)).filter(({ holder }) => holder !== presence.holder)
    const [part, most, wanted] = [partOf(me, others), free(me, others), wantedBy(me)]
    const held = Math.min(most, Math.max(keeps, me.use.inUse(), part))
    await keepPortion(tx, { pool: me.pool, holder: presence.holder, held, wanted })
    return { held, wanted, limit: Math.min(held, Math.max(keeps, part)) }
  }

  async function lookOnce(): Promise<void> {
    await presence.announce()
    const standing = presence.standing()
    if (standing === undefined) return
    const rows = Map.groupBy(await listPortions(db.read, isoTime(clock.now())), ({ pool }) => pool)
    const othersOf = ({ pool }: Member) => (rows.get(pool) ?? []).filter(({ holder }) => holder !== presence.holder)
    const judged = [...active.values()].map((me) => ({ me, what: judge(me, othersOf(me), standing) }))
    const due = judged.filter(({ what }) => what !== undefined)
    if (due.length === 0) return
    // Until it is written that there are fewer, none of these is given out; until it is written that there are more, none of those.
    const settled = await db.write(async (tx) => {
      const results = new Map<Member, Settled>()
      for (const { me, what } of due) {
        if (what === 'leave' && wantedBy(me) === 0) await removePortion(tx, me.pool, presence.holder)
        else results.set(me, await settle(tx, me, me.limit))
      }
      return results
    })
    for (const { me } of due) {
      const result = settled.get(me)
      me.row = result
      me.standing = standing
      me.limit = result?.limit ?? 0
      if (result === undefined && wantedBy(me) === 0) active.delete(me.pool)
      else if (result === undefined) isAskedAgain = true
      me.use.onGrown()
    }
  }

  async function lookUntilSettled(): Promise<void> {
    clearTimeout(timer)
    try {
      do {
        isAskedAgain = false
        await lookOnce()
      } while (isAskedAgain && !isClosed)
    } catch (error) {
      logger.warn({ err: error }, 'the places that servers share could not be looked at')
    } finally {
      looking = undefined
      if (active.size > 0 && !isClosed && lookEveryMs > 0) {
        timer = setTimeout(() => void look(), lookEveryMs)
        timer.unref()
      }
    }
  }

  function look(): Promise<void> {
    if (looking !== undefined) isAskedAgain = true
    looking ??= lookUntilSettled()
    return looking
  }

  return {
    of(pool, use) {
      // Whoever had it before has no use for it any more.
      const known = active.get(pool)
      if (known !== undefined) known.use = use
      const me: Member = known ?? { pool, use, limit: 0, standing: undefined, row: undefined, idleSinceMs: undefined }
      return {
        get limit() {
          return me.standing !== undefined && me.standing === presence.standing() ? me.limit : 0
        },
        want() {
          if (isClosed) return
          active.set(pool, me)
          // What is known to others already needs no further word: they are looked at in their time.
          if (me.row === undefined || me.standing !== presence.standing() || wantedBy(me) > me.row.wanted) void look()
        },
      } satisfies Portion
    },
    look,
    async close() {
      isClosed = true
      clearTimeout(timer)
      await looking
      const pools = [...active.values()].filter(({ row }) => row !== undefined)
      for (const me of active.values()) me.limit = 0
      active.clear()
      if (pools.length === 0) return
      await db
        .write(async (tx) => {
          for (const { pool } of pools) await removePortion(tx, pool, presence.holder)
        })
        .catch(() => {})
    },
  }
}
