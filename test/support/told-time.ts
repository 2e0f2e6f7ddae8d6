// Real servers whose clock a test sets, and in which hours pass in moments (see `told-time.preload.ts`).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './process.ts'

export interface ToldTime {
  /** For `startKagami`. */
  readonly env: Readonly<Record<string, string>>
  /** What the server takes for now. */
  now(): Date
  /** Moves the clock alone, as whoever sets it does: no timer notices. */
  setClock(byMs: number): void
  /** Lets so much time pass, timers and clock; resolves when it has. */
  pass(ms: number): Promise<void>
  remove(): void
}

/** One for each server, or for several on one machine as long as no time passes. */
export function toldTime(): ToldTime {
  const directory = temporaryDirectory('told-time')
  const path = join(directory.path, 'time')
  writeFileSync(path, new Uint8Array(new Float64Array(3).buffer))
  const told = new Float64Array(Bun.mmap(path, { shared: true }).buffer)
  const at = (index: number) => told[index] ?? 0
  return {
    env: {
      BUN_OPTIONS: `--preload ${join(import.meta.dir, 'told-time.preload.ts')}`,
      KAGAMI_TEST_TIME: path,
      // Time passes where nothing is under way: a second process would know nothing of what is under way in the first.
      KAGAMI_WORKERS: '1',
    },
    now: () => new Date(Date.now() + at(0) + at(2)),
    setClock(byMs) {
      told[0] = at(0) + byMs
    },
    async pass(ms) {
      const until = at(2) + ms
      told[1] = until
      while (at(2) < until) await Bun.sleep(5)
    },
    remove: directory.remove,
  }
}
