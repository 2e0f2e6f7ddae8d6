import { version } from '../../package.json'
import type { ProcessMeasures } from '../http/metrics/render.ts'

/** What this process uses now. */
export function measureProcess(): ProcessMeasures {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    version,
    startedAt: new Date(Date.now() - process.uptime() * 1000),
    residentBytes: rss,
    heapBytes: heapUsed,
    cpuSeconds: (user + system) / 1_000_000,
  }
}
