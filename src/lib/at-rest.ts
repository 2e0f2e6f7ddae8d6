/** Gives memory back once work is over: compiled code of functions, and what garbage has left between what lives. */
import { cpuUsage } from 'node:process'

const LOOK_MS = 2000
/** Microseconds of CPU in that time: less is rest, as timers, health checks and a pull now and then have it. */
const REST_CPU = 60_000
/** In a row. */
const REST_LOOKS = 3
/** What is dropped costs about 0.6 s to compile again: after so much work that is 3 % at most. */
const MUCH_CPU = 20_000_000

/**
 * To be called by a process that is ready: what it ran to get there is not run again, and is given back at once. Later by CPU alone, so that
 * whatever works counts, and nothing has to tell (decision record 58).
 */
export function shrinkAtRest(): void {
  Bun.shrink()
  let seen = total()
  let worked = 0
  let rested = 0
  setInterval(() => {
    const now = total()
    const isRest = now - seen < REST_CPU
    if (!isRest) worked += now - seen
    rested = isRest ? rested + 1 : 0
    seen = now
    if (rested < REST_LOOKS || worked < MUCH_CPU) return
    Bun.shrink()
    worked = 0
  }, LOOK_MS).unref()
}

function total(): number {
  const { user, system } = cpuUsage()
  return user + system
}
