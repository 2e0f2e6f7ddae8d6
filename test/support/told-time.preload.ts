// Loaded into a real server before everything else (BUN_OPTIONS): its time is what a test says. The clock may be set, forward and back,
// and time may pass: then timers fire in their order as soon as nothing is under way, as in a day that nobody waits for.
// The numbers are in a file that both processes map (`told-time.ts`).
const [CLOCK, PASS_UNTIL, PASSED] = [0, 1, 2] as const
const told = new Float64Array(Bun.mmap(process.env.KAGAMI_TEST_TIME ?? '', { shared: true }).buffer)
const at = (index: number) => told[index] ?? 0
/** Timers that are this far apart fire together. */
const STEP_MS = 60_000
/** Shorter ones are left to the real time. */
const SHORT_MS = 200

const realNow = Date.now
const now = () => Math.floor(realNow() + at(CLOCK) + at(PASSED))
const RealDate = Date
Date.now = now
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, self) => Reflect.construct(target, given.length === 0 ? [now()] : given, self),
  apply: () => new RealDate(now()).toString(),
})
const realPerformanceNow = performance.now.bind(performance)
const uptime = () => realPerformanceNow() + at(PASSED)
performance.now = uptime

interface Waiting {
  dueMs: number
  fire(): void
}
const waiting = new Map<unknown, Waiting>()
const real = { setTimeout, clearTimeout, setInterval, clearInterval }
type Work = (...given: unknown[]) => void
globalThis.setTimeout = Object.assign((work: Work, ms = 0, ...given: unknown[]) => {
  if (ms < SHORT_MS) return real.setTimeout(work, ms, ...given)
  const timer = real.setTimeout(() => {
    waiting.delete(timer)
    work(...given)
  }, ms)
  const fire = () => {
    real.clearTimeout(timer)
    waiting.delete(timer)
    work(...given)
  }
  waiting.set(timer, { dueMs: uptime() + ms, fire })
  return timer
}, real.setTimeout) as unknown as typeof setTimeout
globalThis.setInterval = Object.assign((work: Work, ms = 0, ...given: unknown[]) => {
  const timer = real.setInterval(work, ms, ...given)
  if (ms < SHORT_MS) return timer
  const entry: Waiting = {
    dueMs: uptime() + ms,
    fire() {
      entry.dueMs = uptime() + ms
      work(...given)
    },
  }
  waiting.set(timer, entry)
  return timer
}, real.setInterval) as unknown as typeof setInterval
const clear = (timer: unknown) => {
  waiting.delete(timer)
  real.clearTimeout(timer as Timer)
}
globalThis.clearTimeout = Object.assign(clear, real.clearTimeout) as unknown as typeof clearTimeout
globalThis.clearInterval = Object.assign(clear, real.clearInterval) as unknown as typeof clearInterval

let underWay = 0
const realFetch = fetch
globalThis.fetch = Object.assign(
  async (...given: Parameters<typeof fetch>) => {
    underWay++
    try {
      return await realFetch(...given)
    } finally {
      underWay--
    }
  },
  { preconnect: realFetch.preconnect },
)

/** Time passes only after several turns in which nothing was asked of anybody. */
let calm = 0
real
  .setInterval(() => {
    calm = underWay === 0 ? calm + 1 : 0
    const leftMs = at(PASS_UNTIL) - at(PASSED)
    if (leftMs <= 0 || calm < 2) return
    calm = 0
    const first = Math.min(...[...waiting.values()].map(({ dueMs }) => dueMs - uptime()))
    told[PASSED] = at(PASSED) + Math.min(leftMs, Math.max(STEP_MS, Number.isFinite(first) ? first : STEP_MS))
    for (const one of [...waiting.values()].sort((a, b) => a.dueMs - b.dueMs)) if (one.dueMs <= uptime()) one.fire()
  }, 2)
  .unref()
