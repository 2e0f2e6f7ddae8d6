/** Looks at what a piece of work writes from inside its transactions, without a change to whatever writes. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { outsideOfRequests } from '../../lib/request-context.ts'
import type { Transaction } from './engine.ts'

export interface WriteWatch {
  /** Runs `work`, which is all of the transaction; may run more than once, as `Database.write` says. */
  around<T>(tx: Transaction, work: () => Promise<T>): Promise<T>
}

const watching = new AsyncLocalStorage<WriteWatch | undefined>()

/** Every transaction that `work` begins is handed to `watch`. */
export function watchWrites<T>(watch: WriteWatch, work: () => T): T {
  return watching.run(watch, work)
}

/** For what goes on by itself: it belongs to no request, and nobody watches it. */
export function detached<T>(work: () => T): T {
  return watching.run(undefined, () => outsideOfRequests(work))
}

/** For the engine: the transaction as it is watched. */
export function underWatch<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
  const watch = watching.getStore()
  return watch === undefined ? work() : watch.around(tx, work)
}
