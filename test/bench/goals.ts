// What the speed of Kagami is to reach, and whether a run reached it.
import { short, table } from './ratios.ts'

/** What one run measured; undefined: it did not. Ratios are medians over its rounds. */
export interface Findings {
  readonly index?: number | undefined
  readonly small?: number | undefined
  readonly middle?: number | undefined
  readonly large?: number | undefined
  readonly largeOfNginx?: number | undefined
  readonly pushWhole?: number | undefined
  readonly pushSmall?: number | undefined
  readonly underPushes?: number | undefined
  readonly memoryMiB?: number | undefined
  readonly perCore?: number | undefined
}

interface Goal {
  readonly title: string
  readonly of: keyof Findings
  readonly unit: string
  readonly atLeast?: number
  readonly atMost?: number
}

const GOALS: readonly Goal[] = [
  { title: 'index by tag, requests/s ÷ docker-registry', of: 'index', unit: '×', atLeast: 18 },
  { title: 'blob of 10 KiB, requests/s ÷ docker-registry', of: 'small', unit: '×', atLeast: 20 },
  { title: 'blob of 1 MiB, requests/s ÷ docker-registry', of: 'middle', unit: '×', atLeast: 4.5 },
  { title: 'blob of 100 MiB, requests/s ÷ docker-registry', of: 'large', unit: '×', atLeast: 1.4 },
  { title: 'blob of 100 MiB, requests/s ÷ nginx', of: 'largeOfNginx', unit: '×', atLeast: 1.4 },
  { title: 'large push as one PUT, time ÷ docker-registry', of: 'pushWhole', unit: '×', atMost: 0.5 },
  { title: 'small pushes, time ÷ docker-registry', of: 'pushSmall', unit: '×', atMost: 0.4 },
  { title: 'pulls while 16 clients push ÷ pulls alone', of: 'underPushes', unit: '×', atLeast: 0.5 },
  { title: 'memory after the pulls', of: 'memoryMiB', unit: ' MiB', atMost: 100 },
  { title: 'index by tag per core, requests a CPU second ÷ bare server', of: 'perCore', unit: '×', atLeast: 0.6 },
]

/** As Markdown. A goal that the run did not measure is neither reached nor missed. */
export function goalTable(found: Findings): string {
  const rows = GOALS.map(({ title, of, unit, atLeast, atMost }) => {
    const got = found[of]
    const want = atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`
    if (got === undefined) return [title, want, '–', 'not measured']
    const isReached = got >= (atLeast ?? got) && got <= (atMost ?? got)
    return [title, want, `${short(got)}${unit}`, isReached ? 'reached' : '**missed**']
  })
  return table(['Goal', 'want', 'this run', ''], rows)
}
