/** Runs work while nobody else does the same under this key. */
export type Lock = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** One after the other, in the order of asking, within this process. */
export function createKeyedTurns(): Lock {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve()
    const mine = before.then(work)
    const over = mine.catch(() => {})
    last.set(key, over)
    try {
      return await mine
    } finally {
      if (last.get(key) === over) last.delete(key)
    }
  }
}
