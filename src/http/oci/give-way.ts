/**
 * Writes of a registry give way to reads. A write is worth many reads in time, and with as many clients at each they would get a tenth of
 * the process. Nobody waits for nothing: a turn of the event loop that brings no read lets all writes in.
 */

/** What a write costs, in reads (measured: an image of seven requests, a manifest by tag). */
const READS_A_WRITE = 20
/** Without a read for so long there is nobody to give way to. */
const QUIET_MS = 1

export interface GiveWay {
  noteRead(): void
  /** Resolves when a write may begin; undefined: at once. */
  forWrite(): Promise<void> | undefined
}

export function createGiveWay(): GiveWay {
  const waiting: (() => void)[] = []
  let reads = 0
  let lastReadAt = Number.NEGATIVE_INFINITY

  async function letIn(): Promise<void> {
    let [seen, credit] = [reads, 0]
    while (waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      const came = reads - seen
      seen = reads
      credit += came
      let admitted = came === 0 ? waiting.length : Math.floor(credit / READS_A_WRITE)
      credit %= READS_A_WRITE
      for (; admitted > 0; admitted--) waiting.shift()?.()
    }
  }

  return {
    noteRead() {
      reads++
      lastReadAt = performance.now()
    },
    forWrite() {
      if (waiting.length === 0 && performance.now() - lastReadAt > QUIET_MS) return undefined
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 1) void letIn()
      })
    },
  }
}
