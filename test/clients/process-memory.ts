// The memory of a running server, as Linux counts it.
import { readFileSync, writeFileSync } from 'node:fs'

const MIB = 1024 * 1024

/** Whether the system tells the peak of another process and lets it be reset (Linux, own processes). */
export const canWatchMemory = process.platform === 'linux'

function readStatus(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const kilobytes = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(kilobytes) * 1024
}

/**
 * Starts to watch the peak of a process (proc(5): writing 5 to clear_refs resets VmHWM).
 * @returns tells by how many MiB the peak has gone above what the process held at the start
 */
export function watchPeak(pid: number): () => number {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const before = readStatus(pid, 'VmRSS')
  return () => (readStatus(pid, 'VmHWM') - before) / MIB
}
