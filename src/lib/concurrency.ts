/** Runs tasks with at most `limit` at once, in the order in which they asked. */
export interface Limiter {
  /** @param task may give its place back before it ends, once what is left of it needs none */
  run<T>(task: (leave: () => void) => Promise<T>): Promise<T>
}

export function createLimiter(limit: number): Limiter {
  let free = limit
  const waiting: (() => void)[] = []
  return {
    async run(task) {
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let isIn = true
      const leave = () => {
        if (!isIn) return
        isIn = false
        const next = waiting.shift()
        if (next === undefined) free++
        else next()
      }
      try {
        return await task(leave)
      } finally {
        leave()
      }
    },
  }
}

/**
 * Applies `work` to every item, at most `limit` at once; all are settled when it returns or throws.
 * Throws the first error after the rest has settled; pass work that records its own failures to go on past them.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  const running = new Set<Promise<void>>()
  for await (const item of items) {
    if (errors.length > 0) break
    const task: Promise<void> = work(item)
      .catch((error) => void errors.push(error))
      .finally(() => running.delete(task))
    running.add(task)
    if (running.size >= limit) await Promise.race(running)
  }
  await Promise.all(running)
  if (errors.length > 0) throw errors[0]
}
