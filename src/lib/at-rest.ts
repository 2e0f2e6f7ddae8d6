/** Gives memory back once work is over: compiled code of functions, and what garbage has left between what lives. */
import { cpuUsage } from 'node:process'

const LOOK_MS = 5000
/** Microseconds of CPU in that time: less is rest, as timers and health checks have it. */
const REST_CPU = 150_000
/** What is dropped costs about 0.6 s to compile again: after so much work that is 3 % at most. */
const WORK_CPU = 20_000_000
/** After less work than that, what is compiled again once in so long is 2 % of a core at most, and of one that rests. */
const SELDOM_MS = 30_000
/** So little leaves nothing to give back. */
const LITTLE_CPU = 1_000_000

/**
 * To be called by a process that is ready: what it ran to get there is not run again, and is given back at once. Later by CPU alone, so that
 * whatever works counts, and nothing has to tell (decision record 58).
 */
export function shrinkAtRest(): void {
  Bun.shrink()
  let seen = total()
  let shrunk = { cpu: seen, at: performance.now() }
  setInterval(() => {
    const now = { cpu: total(), at: performance.now() }
    const isRest = now.cpu - seen < REST_CPU
    seen = now.cpu
    const worked = now.cpu - shrunk.cpu
    const isDue = worked > WORK_CPU || (worked > LITTLE_CPU && now.at - shrunk.at > SELDOM_MS)
    if (!isRest || !isDue) return
    shrunk = now
    Bun.shrink()
  }, LOOK_MS).unref()
}

function total(): number {
  const { user, system } = cpuUsage()
  return user + system
}
