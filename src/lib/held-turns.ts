import { cancelledBy } from './abort.ts'

/** One holder per key at a time, in order of asking. */
export interface KeyedTurns {
  /** Resolves to the function that ends the turn (safe to call twice). @throws AppError CANCELLED when `signal` ends the wait */
  take(key: string, signal?: AbortSignal): Promise<() => void>
}

export function createKeyedTurns(): KeyedTurns {
  const queues = new Map<string, (() => void)[]>()
  const end = (key: string) => {
    const next = queues.get(key)?.shift()
    if (next === undefined) queues.delete(key)
    else next()
  }
  const once = (key: string) => {
    let isOver = false
    return () => {
      if (!isOver) end(key)
      isOver = true
    }
  }
  return {
    async take(key, signal) {
      if (signal?.aborted) throw cancelledBy(signal)
      const queue = queues.get(key)
      if (queue === undefined) {
        queues.set(key, [])
        return once(key)
      }
      return new Promise((resolve, reject) => {
        const grant = () => {
          signal?.removeEventListener('abort', giveUp)
          resolve(once(key))
        }
        const giveUp = () => {
          queue.splice(queue.indexOf(grant), 1)
          reject(cancelledBy(signal))
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        queue.push(grant)
      })
    },
  }
}
