import type { Database, Transaction } from './engine.ts'
import { detached } from './watch.ts'

/** Works of one transaction at most, so that a big batch does not hold the write lock for long. */
const MAX_WORKS = 64
/** A transaction writes the pages of every index that it touches, however few rows: one that follows another this soon waits for company. */
const GATHER_MS = 20

/** Like `Database.stage`, but may share its transaction with others. */
export type GroupCommit = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>

interface Waiting {
  run(tx: Transaction): Promise<void>
  done(): void
  fail(error: unknown): void
}

/**
 * Gathers small writes that come soon after another, and commits them as one. A work that throws fails alone: its group is then run
 * again in halves, so that a few that fail cost the others little.
 */
export function createGroupCommit(db: Database): GroupCommit {
  let waiting: Waiting[] = []
  let isRunning = false
  let lastEnd = Number.NEGATIVE_INFINITY
  let isFull = () => {}

  async function commit(group: readonly Waiting[]): Promise<void> {
    try {
      await db.stage(async (tx) => {
        for (const one of group) await one.run(tx)
      })
      for (const one of group) one.done()
    } catch (error) {
      if (group.length === 1) group[0]?.fail(error)
      else {
        const middle = group.length >> 1
        await commit(group.slice(0, middle))
        await commit(group.slice(middle))
      }
    }
  }

  async function gather(): Promise<void> {
    const left = lastEnd + GATHER_MS - performance.now()
    if (left <= 0 || waiting.length >= MAX_WORKS) return
    const full = Promise.withResolvers<void>()
    isFull = full.resolve
    const timer = setTimeout(full.resolve, left)
    await full.promise
    clearTimeout(timer)
  }

  async function drain(): Promise<void> {
    isRunning = true
    while (waiting.length > 0) {
      await gather()
      const group = waiting.slice(0, MAX_WORKS)
      waiting = waiting.slice(MAX_WORKS)
      await commit(group)
      lastEnd = performance.now()
    }
    isRunning = false
  }

  return <T>(work: (tx: Transaction) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      let result: { readonly value: T } | undefined
      waiting.push({
        run: async (tx) => {
          result = { value: await work(tx) }
        },
        done: () => {
          if (result !== undefined) resolve(result.value)
        },
        fail: reject,
      })
      if (waiting.length >= MAX_WORKS) isFull()
      // The works of many callers share a transaction, which is nobody's.
      if (!isRunning) void detached(drain)
    })
}
