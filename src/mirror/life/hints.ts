/**
 * Push hints: what upstream says was pushed becomes rows in one transaction, and runs of these tags as soon as there is room. The rows stay
 * until such a run has ended, so that neither the end of this process nor another server loses one (decision record 23).
 */
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { listPauses } from '../../db/mirrors/life.ts'
import {
  claimHints,
  findNextHint,
  insertHints,
  listHintedMirrors,
  listMirrorsOfSource,
  listTagsOf,
  releaseAllClaims,
  removeHints,
} from '../../db/mirrors/mirror-hints.ts'
import { findMirror, type MirrorRecord, scheduleMirror } from '../../db/mirrors/mirrors.ts'
import { findLease } from '../../db/platform/leases.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Hint, HintOutcome } from '../engine.ts'
import { MIRROR_LEASE } from './mirror-kind.ts'
import type { Runner } from './runner.ts'
import { PAUSES } from './state.ts'

/** Runs of hinted tags at once in this process; the rest wait in the database. */
const HINTED_AT_ONCE = 8
/** More tags than this of one mirror are looked at by one pass over all. */
const MAX_TAGS = 500
/** A claim whose run shows no sign of life for so long is anybody's. */
const CLAIM_MS = 30_000
/** Something was pushed that no tag names: the pass over all comes this soon, and so at most once in that time. */
const WHOLE_WITHIN_MS = 5 * 60_000

export interface HintsOptions {
  readonly db: Database
  readonly clock: Clock
  readonly runner: Runner<MirrorRecord>
  readonly logger: Logger
}

export interface Hints {
  /** Writes down what was pushed; `deliver` is what comes next. */
  take(upstreamId: string, hints: readonly Hint[]): Promise<HintOutcome[]>
  /** Begins runs of what is due, as far as there is room. @returns when to look again; undefined: nothing waits */
  deliver(at: string): Promise<string | undefined>
  /** For a process that is alone: what was claimed before is nobody's. */
  recover(at: string): Promise<void>
}

export function createHints({ db, clock, runner, logger }: HintsOptions): Hints {
  /** Runs of this process that hints have begun. */
  const begun = new Set<string>()
  const later = (ms: number) => isoTime(new Date(clock.now().getTime() + ms))

  async function hintMirror(tx: Transaction, mirror: MirrorRecord, hint: Hint, isOwn: boolean): Promise<void> {
    const at = isoTime(clock.now())
    const attached = await listTagsOf(tx, mirror.id, hint.subjects)
    const rows = [
      // Images of a referrer source are no images of this mirror.
      ...(isOwn ? hint.tags : []).map((tag) => ({ tag, isAttached: false })),
      ...attached.filter((tag) => !(isOwn && hint.tags.includes(tag))).map((tag) => ({ tag, isAttached: true })),
    ]
    const waiting = rows.length === 0 ? 0 : await insertHints(tx, mirror.id, rows, at)
    if (waiting > MAX_TAGS) {
      await removeHints(tx, mirror.id)
      await scheduleMirror(tx, mirror.id, at)
    } else if (hint.isWhole || (hint.subjects.length > 0 && attached.length === 0)) {
      const soon = later(WHOLE_WITHIN_MS)
      // One that fails keeps its own, ever longer pace.
      const isWell = mirror.state === 'active' || mirror.state === 'initial'
      if (isWell && (mirror.next_run_at ?? soon) > soon) await scheduleMirror(tx, mirror.id, soon)
    }
  }

  return {
    take(upstreamId, hints) {
      return db.write(async (tx) => {
        const outcomes: HintOutcome[] = []
        for (const hint of hints) {
          const outcome = { mirrors: [] as string[], notStarted: [] as { mirror: string; reason: string }[] }
          for (const { id, isOwn } of await listMirrorsOfSource(tx, upstreamId, hint.repositories)) {
            const mirror = await findMirror(tx, id)
            if (mirror === undefined) continue
            const reason = await whyNot(tx, mirror)
            if (reason === undefined) {
              await hintMirror(tx, mirror, hint, isOwn)
              outcome.mirrors.push(mirror.repository)
            } else outcome.notStarted.push({ mirror: mirror.repository, reason })
          }
          outcomes.push(outcome)
        }
        return outcomes
      })
    },
    async deliver(at) {
      for (const id of begun) if (runner.find(id) === undefined) begun.delete(id)
      const room = HINTED_AT_ONCE - begun.size
      // The end of a run looks again.
      if (room <= 0) return undefined
      for (const mirrorId of await listHintedMirrors(db.read, at, room)) {
        const claim = newId()
        const { mirror, tags } = await db.write(async (tx) => {
          const found = await findMirror(tx, mirrorId)
          if (found === undefined || (await whyNot(tx, found)) !== undefined) {
            // What ends the pause looks at everything.
            await removeHints(tx, mirrorId)
            return { mirror: undefined, tags: [] }
          }
          const lease = await findLease(tx, `${MIRROR_LEASE}${mirrorId}`)
          const isRunning = lease !== undefined && lease.holder !== null && lease.expires_at > at
          return {
            mirror: found,
            tags: await claimHints(tx, mirrorId, { claim, at, until: later(CLAIM_MS), isRunning }),
          }
        })
        if (mirror === undefined || tags.length === 0) continue
        const only = new Set(tags.map(({ tag }) => tag))
        const attached = new Set(tags.flatMap(({ tag, isAttached }) => (isAttached ? [tag] : [])))
        try {
          const run = await runner.begin(mirror, { trigger: 'hint', isFull: false, only, hint: { claim, attached } })
          begun.add(run.id)
        } catch (error) {
          // One mirror's trouble keeps no other from being looked at; its hints are due again when the claim is old.
          logger.error({ err: error, mirror: mirror.repository }, 'a run of hinted tags could not begin')
        }
      }
      return findNextHint(db.read, at)
    },
    recover: (at) => db.write((tx) => releaseAllClaims(tx, at)),
  }
}

/** A mirror that is stopped or paused is not started by what upstream says. */
async function whyNot(tx: Transaction, mirror: MirrorRecord): Promise<string | undefined> {
  if (mirror.state === 'stopped') return 'the mirror is stopped'
  const [pause] = (await listPauses(tx, [mirror.id])).get(mirror.id) ?? []
  return pause === undefined ? undefined : `the mirror is paused: ${PAUSES[pause.cause].reason}`
}
