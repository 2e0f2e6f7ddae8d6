// Peak resident memory from the kernel's own mark: what `wait4` reports includes the parent at the fork.
import { readFileSync } from 'node:fs'
import { membersOf } from './process-usage.ts'

/** `VmHWM` in MiB; 0 when the process is gone. */
export function peakMiB(pid: number): number {
  try {
    const kib = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) / 1024
  } catch {
    return 0
  }
}

/** The sum of the peaks of a group's processes, in MiB: nginx has its workers there. Pages that they share count in each. */
export function groupPeakMiB(group: number): number {
  return membersOf(group).reduce((sum, pid) => sum + peakMiB(pid), 0)
}
