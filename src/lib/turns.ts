/** How long work may go on before everybody else in the process has had a turn. */
const MAX_TURN_MS = 10

/**
 * For long work in small steps whose promises are settled at once, which starves sockets and timers: called between two steps, it
 * gives the event loop a turn once the last one is MAX_TURN_MS ago.
 * @returns undefined when no turn is due, so that the usual case costs no promise: `await` it only when it is something
 */
export function createTurns(maxTurnMs: number = MAX_TURN_MS): () => Promise<void> | undefined {
  let since: number | undefined
  return () => {
    const now = performance.now()
    if (since === undefined) {
      since = now
      setImmediate(() => {
        since = undefined
      })
      return undefined
    }
    return now - since < maxTurnMs ? undefined : new Promise((resolve) => setImmediate(resolve))
  }
}
