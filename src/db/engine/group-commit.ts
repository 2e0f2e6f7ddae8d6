/** Small writes of many callers in one transaction: each is on its own before the rest, and all wait for the disk together. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { sql } from 'kysely'
import type { Database, Transaction } from './engine.ts'
import { detached } from './watch.ts'

/** Works of one transaction at most, so that a big batch does not hold the write lock for long. */
const MAX_WORKS = 64
/** A transaction takes in no more works after so long. */
const MAX_GROUP_MS = 10
/** A transaction writes the pages of every index that it touches, however few rows: one that follows another this soon waits for company. */
const GATHER_MS = 20

/** Like `Database.write` or `stage`, but may share its transaction with others; `work` may run more than once. */
export type GroupCommit = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>

interface Waiting {
  run(tx: Transaction): Promise<void>
  done(): void
  fail(error: unknown): void
}

interface GroupOptions {
  /** One transaction. */
  transact(work: (tx: Transaction) => Promise<void>): Promise<void>
  /**
   * Waits for company before the next transaction, until `full` at most.
   * @param last when the one before it ended, and how long it took, in milliseconds
   * @param isCompany whether as many wait as the last ones had, and not one alone
   */
  gather(
    full: Promise<void>,
    last: { readonly endedAt: number; readonly tookMs: number },
    isCompany: () => boolean,
  ): Promise<void>
  /** Each work has a savepoint of its own, to which it is taken back alone. Otherwise its group is run again in halves. */
  readonly haveSavepoints: boolean
}

function createGroups({ transact, gather, haveSavepoints }: GroupOptions): GroupCommit {
  const waiting: Waiting[] = []
  let isRunning = false
  let last = { endedAt: Number.NEGATIVE_INFINITY, tookMs: 0 }
  /** Works of the last two transactions. */
  let sizes: readonly [number, number] = [1, 1]
  let isFull = () => {}

  /** Whoever has come while the connection was waited for is taken along. */
  async function commitWaiting(): Promise<void> {
    const group: Waiting[] = []
    let hasBegun = false
    try {
      await transact(async (tx) => {
        if (haveSavepoints) {
          hasBegun = true
          return runContained(tx, group)
        }
        // It may run again, with the same.
        if (!hasBegun) group.push(...waiting.splice(0, MAX_WORKS))
        hasBegun = true
        await runAll(tx, group)
      })
    } catch (error) {
      // There was no connection, or another process would not let it write.
      if (!hasBegun) group.push(...waiting.splice(0, MAX_WORKS))
      if (haveSavepoints) for (const one of group) one.fail(error)
      else await commitHalves(group, error)
      return
    }
    sizes = [sizes[1], group.length]
    for (const one of group) one.done()
  }

  async function commitHalves(group: readonly Waiting[], error: unknown): Promise<void> {
    if (group.length === 1) {
      group[0]?.fail(error)
      return
    }
    const middle = group.length >> 1
    for (const half of [group.slice(0, middle), group.slice(middle)]) {
      try {
        await transact((tx) => runAll(tx, half))
      } catch (cause) {
        await commitHalves(half, cause)
        continue
      }
      for (const one of half) one.done()
    }
  }

  /** @param group gets those that are to be told how the transaction ends */
  async function runContained(tx: Transaction, group: Waiting[]): Promise<void> {
    const until = performance.now() + MAX_GROUP_MS
    const isAlone = waiting.length === 1
    do {
      const one = waiting.shift()
      if (one === undefined) return
      group.push(one)
      // What it throws takes the transaction along, which nobody shares.
      if (isAlone) return one.run(tx)
      await sql`SAVEPOINT work`.execute(tx)
      try {
        await one.run(tx)
      } catch (error) {
        // Where a full disk has taken back all of it already, nobody of the group has written anything, for the same reason.
        await sql`ROLLBACK TO work`.execute(tx).catch(() => {
          throw error
        })
        group.pop()
        one.fail(error)
      }
      await sql`RELEASE work`.execute(tx)
    } while (group.length < MAX_WORKS && performance.now() < until)
  }

  async function drain(): Promise<void> {
    isRunning = true
    while (waiting.length > 0) {
      const full = Promise.withResolvers<void>()
      isFull = full.resolve
      if (waiting.length >= MAX_WORKS) isFull()
      await gather(full.promise, last, () => waiting.length > 1 && waiting.length >= Math.max(...sizes))
      const begunAt = performance.now()
      await commitWaiting()
      const endedAt = performance.now()
      last = { endedAt, tookMs: endedAt - begunAt }
    }
    isRunning = false
  }

  return <T>(work: (tx: Transaction) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      // The transaction is nobody's; each work belongs to its own request, and is watched as that wants.
      const asCaller = AsyncLocalStorage.snapshot()
      let result: { readonly value: T } | undefined
      waiting.push({
        run: async (tx) => {
          result = { value: await asCaller(() => work(tx)) }
        },
        done: () => {
          if (result !== undefined) resolve(result.value)
        },
        fail: reject,
      })
      if (waiting.length >= MAX_WORKS) isFull()
      if (!isRunning) void detached(drain)
    })
}

async function runAll(tx: Transaction, group: readonly Waiting[]): Promise<void> {
  for (const one of group) await one.run(tx)
}

/**
 * Of `Database.stage`: gathers small writes that come soon after another. Nobody waits for them in a hurry, and each transaction costs
 * pages of the log.
 */
export function createGroupCommit(db: Pick<Database, 'engine' | 'stage'>): GroupCommit {
  return createGroups({
    transact: (work) => db.stage(work),
    haveSavepoints: db.engine === 'sqlite',
    async gather(full, { endedAt }) {
      const left = endedAt + GATHER_MS - performance.now()
      if (left <= 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, left)
      await Promise.race([promise, full])
      clearTimeout(timer)
    },
  })
}

/**
 * Of SQLite's `Database.write`: whoever has come by the end of a turn of the event loop waits for the disk together; one that is alone
 * waits for nobody. The disk holds the event loop up, so between two transactions it is given to others for as long as the last one
 * took, or until those of the last one are back: most of their requests wait for files meanwhile, and keep no thread busy.
 */
export function createDurableGroups(transact: GroupOptions['transact']): GroupCommit {
  return createGroups({
    transact,
    haveSavepoints: true,
    async gather(_full, { endedAt, tookMs }, isCompany) {
      const until = endedAt + Math.min(tookMs, GATHER_MS)
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        const left = until - performance.now()
        if (left <= 0 || isCompany()) return
        // No timer is shorter, and turns of an idle loop would take a core from those who are waited for.
        if (left > 1) await Bun.sleep(1)
      }
    },
  })
}
