// The memory of a running server, as Linux counts it.
import { readFileSync, writeFileSync } from 'node:fs'
import { childrenOf } from '../support/pinned-connection.ts'

const MIB = 1024 * 1024

/** Whether the system tells the peak of another process and lets it be reset (Linux, own processes). */
export const canWatchMemory = process.platform === 'linux'

function readStatus(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const kilobytes = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(kilobytes) * 1024
}

/**
 * Starts to watch the peaks of a server's processes, its workers included (proc(5): writing 5 to clear_refs resets VmHWM).
 * @returns tells by how many MiB together the peaks have gone above what they held at the start
 */
export function watchPeak(pid: number): () => number {
  const watched = [pid, ...childrenOf(pid)].map((one) => {
    writeFileSync(`/proc/${one}/clear_refs`, '5')
    return { one, before: readStatus(one, 'VmRSS') }
  })
  return () => watched.reduce((sum, { one, before }) => sum + readStatus(one, 'VmHWM') - before, 0) / MIB
}
