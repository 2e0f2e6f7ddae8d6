/**
 * Small writes that reads bring about (when was this token used, this blob asked for): no read waits for them. They run in the
 * background, many in one transaction, and may be lost: on a full disk, when too many wait, when the process ends, with the power.
 */
import type { Transaction } from './engine.ts'

export interface Later {
  /** The newest work of a key stands for those that wait under it. Never throws. */
  add(key: string, work: (tx: Transaction) => Promise<void>): void
  /** When nothing waits or runs any more. */
  settled(): Promise<void>
}

const MAX_WAITING = 10_000
/** So that a big batch does not hold the write lock for long. */
const MAX_WORKS = 64

export function createLater(write: (work: (tx: Transaction) => Promise<void>) => Promise<void>): Later {
  const waiting = new Map<string, (tx: Transaction) => Promise<void>>()
  let running: Promise<void> | undefined

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_WORKS)
      for (const [key] of batch) waiting.delete(key)
      await write(async (tx) => {
        for (const [, work] of batch) await work(tx)
      }).catch(() => {})
    }
    running = undefined
  }

  return {
    add(key, work) {
      if (waiting.size >= MAX_WAITING && !waiting.has(key)) return
      waiting.set(key, work)
      running ??= drain()
    },
    settled: () => running ?? Promise.resolve(),
  }
}
