/** Actors of which one runs at a time: each waits at every yield until it is its turn, in an order that the seed decides. */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Turns {
  /** Waits for the turn of the actor that calls; nothing outside of one. */
  yield(): Promise<void>
  /** Runs all until each has ended. */
  play(actors: Readonly<Record<string, () => Promise<void>>>): Promise<void>
}

/** Something real may hold an actor up, such as a lock of another: then others go on. */
const STUCK_MS = 200

export function createTurns(random: () => number): Turns {
  const actor = new AsyncLocalStorage<string>()
  const parked: (() => void)[] = []
  let wake = () => {}
  return {
    async yield() {
      if (actor.getStore() === undefined) return
      await new Promise<void>((resolve) => {
        parked.push(resolve)
        wake()
      })
    },
    async play(actors) {
      let live = 0
      const failures: unknown[] = []
      for (const [name, work] of Object.entries(actors)) {
        live++
        const run = async () => {
          await this.yield()
          await work()
        }
        actor
          .run(name, run)
          .catch((error) => failures.push(error))
          .finally(() => {
            live--
            wake()
          })
      }
      while (live > 0 && failures.length === 0) {
        if (parked.length < live) {
          const changed = Promise.withResolvers<void>()
          wake = changed.resolve
          const timer = setTimeout(changed.resolve, STUCK_MS)
          await changed.promise
          clearTimeout(timer)
          if (parked.length === 0) continue
          if (parked.length < live) await new Promise((resolve) => setImmediate(resolve))
          if (parked.length === 0) continue
        }
        const [next] = parked.splice(Math.floor(random() * parked.length), 1)
        next?.()
        // It parks again, or ends, before another is chosen.
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
