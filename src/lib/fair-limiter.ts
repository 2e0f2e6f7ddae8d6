/** Costly work that strangers may ask for: few at once, a bounded queue, and a share of it for each client. */
export interface FairLimiter {
  /**
   * Clients take turns; undefined stands for ourselves, without a share of its own.
   * @throws `refuse()` when the client has its share already, or the queue is full of others who have no more than one
   */
  run<T>(client: string | undefined, task: () => Promise<T>): Promise<T>
}

export interface FairLimits {
  readonly atOnce: number
  /** Running and waiting. */
  readonly total: number
  readonly perClient: number
  /** The error for whoever is turned away. */
  refuse(): Error
}

interface Waiter {
  start(): void
  turnAway(error: Error): void
}

export function createFairLimiter({ atOnce, total, perClient, refuse }: FairLimits): FairLimiter {
  const counts = new Map<string, number>()
  // In the order of turns: whoever was served goes to the end.
  const queues = new Map<string, Waiter[]>()
  let accepted = 0
  let running = 0

  function leave(client: string): void {
    accepted--
    const left = (counts.get(client) ?? 1) - 1
    if (left === 0) counts.delete(client)
    else counts.set(client, left)
  }

  /** Room for one who waits for nothing yet, taken from who waits for the most. */
  function displace(): boolean {
    let longest: Waiter[] = []
    for (const queue of queues.values()) if (queue.length > longest.length) longest = queue
    if (longest.length < 2) return false
    longest.pop()?.turnAway(refuse())
    return true
  }

  function startNext(): void {
    for (const [client, queue] of queues) {
      queues.delete(client)
      const next = queue.shift()
      if (queue.length > 0) queues.set(client, queue)
      if (next === undefined) continue
      next.start()
      return
    }
  }

  return {
    async run(name, task) {
      const client = name ?? ''
      const own = counts.get(client) ?? 0
      if (name !== undefined && own >= perClient) throw refuse()
      if (accepted >= total && (own > 0 || !displace())) throw refuse()
      accepted++
      counts.set(client, own + 1)
      try {
        if (running >= atOnce) {
          await new Promise<void>((resolve, reject) => {
            const queue = queues.get(client) ?? []
            queue.push({ start: resolve, turnAway: reject })
            queues.set(client, queue)
          })
        } else running++
      } catch (error) {
        leave(client)
        throw error
      }
      try {
        return await task()
      } finally {
        leave(client)
        if (queues.size === 0) running--
        else startNext()
      }
    },
  }
}
