/** Gives memory back once work is over: compiled code of functions, and what garbage has left between what lives. */
import { cpuUsage } from 'node:process'

const LOOK_MS = 10_000
/** Microseconds of CPU in that time: less is rest, as timers and health checks have it. */
const REST_CPU = 300_000
/** What is dropped costs about 0.6 s to compile again: after so much work that is 3 % at most. */
const WORK_CPU = 20_000_000

/** By CPU alone, so that whatever works counts, and nothing has to tell (decision record 58). */
export function shrinkAtRest(): void {
  let seen = total()
  let shrunk = 0
  setInterval(() => {
    const now = total()
    const isRest = now - seen < REST_CPU && now - shrunk > WORK_CPU
    seen = now
    if (!isRest) return
    shrunk = now
    Bun.shrink()
  }, LOOK_MS).unref()
}

function total(): number {
  const { user, system } = cpuUsage()
  return user + system
}
