// What a process group has used so far, as the kernel counts it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

export interface Usage {
  readonly cpuSeconds: number
  /** Given to the disks: what a page cache still holds counts once it is written. */
  readonly writtenMiB: number
}

/** Of proc(5): clock ticks a second, the same on every Linux that runs here. */
const TICKS = 100

/** The processes of a group that live. */
export function membersOf(group: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => statOf(pid)?.[2] === String(group)).map(Number)
}

/** The fields of `stat` after the name in brackets: state, parent, group, … */
function statOf(pid: string): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

export function usageOf(group: number): Usage {
  let [cpuSeconds, writtenMiB] = [0, 0]
  for (const pid of membersOf(group)) {
    const stat = statOf(String(pid))
    cpuSeconds += (Number(stat?.[11] ?? 0) + Number(stat?.[12] ?? 0)) / TICKS
    writtenMiB += Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`) ?? '')?.[1] ?? 0) / 1024 / 1024
  }
  return { cpuSeconds, writtenMiB }
}

/** From now on the kernel's mark of peak memory is that of what comes. */
export function forgetPeak(group: number): void {
  for (const pid of membersOf(group)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/**
 * Memory of a group now, in MiB: what its processes share counts once (`Pss`). Where the kernel shows no such count, what is resident of each.
 */
export function memoryMiB(group: number): number {
  const kib = membersOf(group).map((pid) => {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    const shown =
      /^Pss:\s*(\d+) kB/m.exec(rollup ?? '') ?? /^VmRSS:\s*(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')
    return Number(shown?.[1] ?? 0)
  })
  return kib.reduce((sum, one) => sum + one, 0) / 1024
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
