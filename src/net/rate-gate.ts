import type { Clock } from '../lib/clock.ts'
import type { Rate } from '../lib/rate.ts'
import type { Sleep } from '../lib/retry.ts'
import { type Spread, sliceOf } from '../lib/spread.ts'
import { createSlots, type Share, type Standing } from './slots.ts'

/** Keeps what passes it to one rate: evenly, with a burst of what one second allows. */
export interface RateGate {
  /** One request: in turn between the shares, within one by rank. @throws AppError CANCELLED */
  pass(shares: readonly Share[], standing: Standing, signal: AbortSignal | undefined): Promise<void>
  /** Bytes that have come: resolves when the next ones may. @throws AppError CANCELLED */
  spend(bytes: number, signal: AbortSignal | undefined): Promise<void>
}

/** What has been given out of rates, by all who share them. */
export interface RateLedger {
  /**
   * The next `units` of the rate, see `sliceOf`. A slice whose first unit may not go within `patienceMs` is left for others.
   * @returns when the slice begins, in milliseconds since 1970, and whether it was taken
   */
  take(
    name: string,
    spread: Spread,
    o: { readonly units: number; readonly nowMs: number; readonly patienceMs: number },
  ): Promise<{ readonly fromMs: number; readonly isTaken: boolean }>
}

/** Of one process; a ledger a gate. */
export function createOwnLedger(): RateLedger {
  let given: number | undefined
  return {
    async take(_name, spread, { units, nowMs, patienceMs }) {
      const { fromMs, untilMs } = sliceOf(given, spread, { units, nowMs })
      const isTaken = isNear(fromMs, spread, { nowMs, patienceMs })
      if (isTaken) given = untilMs
      return { fromMs, isTaken }
    },
  }
}

/** Whether the first unit of a slice may go soon enough. */
export function isNear(
  fromMs: number,
  { perMs }: Spread,
  { nowMs, patienceMs }: { readonly nowMs: number; readonly patienceMs: number },
): boolean {
  return fromMs + 1 / perMs - nowMs <= patienceMs
}

/** What was taken goes out within this time after its own, or not at all: a process that slept has nothing left of what it took before. */
const GOOD_FOR_MS = 1_000
/** Requests are taken ahead by this: whoever dies with some loses no more to the others. */
const PATIENCE_MS = 2_000
/** Others may have given something back, or a clock was set. */
const MAX_SLEEP_MS = 60_000

interface Slice {
  readonly fromMs: number
  readonly takenMs: number
  readonly units: number
  used: number
}

/** @param name of the rate in the ledger */
export function createRateGate(
  rate: Rate,
  { clock, sleep, ledger, name }: { clock: Clock; sleep: Sleep; ledger: RateLedger; name: string },
): RateGate {
  const perMs = rate.amount / rate.perMs
  const most = Math.max(1, perMs * 1000)
  const turnstile = createSlots({ total: 1, bulk: 1 })
  const nowMs = () => clock.now().getTime()
  let slice: Slice | undefined
  let lastTakenMs: number | undefined
  let usedSince = 0

  /** What is left of the present slice; nothing when it is too old. */
  function left(): number {
    if (slice === undefined) return 0
    const goodUntilMs = Math.max(slice.takenMs, slice.fromMs + (slice.used + 1) / perMs) + GOOD_FOR_MS
    return nowMs() > goodUntilMs ? 0 : slice.units - slice.used
  }

  /** When the next `units` of the present slice may go. */
  function timeAfter(units: number): number {
    return slice === undefined ? 0 : slice.fromMs + (slice.used + units) / perMs
  }

  /** As much as goes out in a second, so that it is asked for once a second and nothing is taken from others in vain. */
  function usual(): number {
    const elapsedMs = lastTakenMs === undefined ? 0 : nowMs() - lastTakenMs
    if (lastTakenMs === undefined) return 1
    return elapsedMs <= 0 ? most : Math.min(most, (usedSince / elapsedMs) * 1000)
  }

  /** @returns when to ask again; undefined: the slice is there */
  async function take(units: number, patienceMs: number): Promise<number | undefined> {
    const takenMs = nowMs()
    const { fromMs, isTaken } = await ledger.take(name, { perMs, burst: most }, { units, nowMs: takenMs, patienceMs })
    if (!isTaken) return fromMs + 1 / perMs - patienceMs
    slice = { fromMs, takenMs, units, used: 0 }
    lastTakenMs = takenMs
    usedSince = 0
    return undefined
  }

  function use(units: number): void {
    if (slice !== undefined) slice.used += units
    usedSince += units
  }

  let lastSpend: Promise<unknown> = Promise.resolve()
  /** One after the other: when the bytes may have come. */
  async function spendNext(bytes: number): Promise<number> {
    const here = Math.min(bytes, left())
    use(here)
    const lacking = bytes - here
    // They have come: what they take is taken, however far ahead.
    if (lacking > 0) await take(Math.ceil(Math.max(lacking, usual())), Number.POSITIVE_INFINITY)
    const atMs = timeAfter(lacking)
    use(lacking)
    return atMs
  }

  return {
    async pass(shares, standing, signal) {
      const leave = await turnstile.acquire('small', signal, shares, standing)
      try {
        for (;;) {
          if (left() < 1) {
            const units = Math.max(1, Math.floor(Math.min(most, Math.max(turnstile.wanted, usual()))))
            const againMs = await take(units, PATIENCE_MS)
            if (againMs !== undefined) await sleep(waitMs(againMs - nowMs()), signal)
            continue
          }
          const ms = timeAfter(1) - nowMs()
          if (ms > 0) {
            await sleep(waitMs(ms), signal)
            continue
          }
          use(1)
          return
        }
      } finally {
        leave()
      }
    },
    async spend(bytes, signal) {
      const spent = lastSpend.then(() => spendNext(bytes))
      lastSpend = spent.catch(() => {})
      const ms = (await spent) - nowMs()
      if (ms > 0) await sleep(Math.ceil(ms), signal)
    },
  }
}

function waitMs(ms: number): number {
  return Math.min(MAX_SLEEP_MS, Math.max(1, Math.ceil(ms)))
}
