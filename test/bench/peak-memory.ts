// Peak resident memory from the kernel's own mark: what `wait4` reports includes the parent at the fork.
import { readdirSync, readFileSync } from 'node:fs'

/** `VmHWM` in MiB; 0 when the process is gone. */
export function peakMiB(pid: number): number {
  try {
    const kib = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) / 1024
  } catch {
    return 0
  }
}

/** The largest peak of the processes of a group: nginx has its workers there. */
export function groupPeakMiB(group: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return Math.max(0, ...pids.filter((pid) => groupOf(pid) === group).map((pid) => peakMiB(Number(pid))))
}

function groupOf(pid: string): number | undefined {
  try {
    // proc(5): after the name in brackets come state, parent and group.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
  } catch {
    return undefined
  }
}
