/** Upstreams and targets: each is asked once, by the way and with the login by which it is used. */
import type { DoctorFinding } from '../../api/doctor.ts'
import type { CheckTarget } from '../../catalog/targets.ts'
import type { CheckUpstream } from '../../catalog/upstreams.ts'
import type { Database } from '../../db/engine/engine.ts'
import { listOldestTargets } from '../../db/mirrors/trouble.ts'
import { listOldestUpstreams } from '../../db/mirrors/upstreams.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { isAppError, messageOf } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { createLimiter } from '../../lib/concurrency.ts'
import { skewed } from './database-looks.ts'
import type { Look } from './examine.ts'

/** Asked at the same time. */
const AT_ONCE = 4
/** Of each kind, the oldest. */
const MOST = 100
const TIMEOUT_MS = 20_000

export interface RegistryFacts {
  readonly db: Database
  readonly clock: Clock
  readonly checkUpstream: CheckUpstream
  readonly checkTarget: CheckTarget
  /** What its registry says the time is, in milliseconds since 1970; undefined: it does not. */
  timeOf(upstream: UpstreamRow, signal: AbortSignal): Promise<number | undefined>
}

export async function registryLooks(o: RegistryFacts): Promise<Look[]> {
  const limiter = createLimiter(AT_ONCE)
  const upstreams = await listOldestUpstreams(o.db.read, MOST)
  const targets = await listOldestTargets(o.db.read, MOST)
  const look = (kind: 'upstream' | 'target', row: Named, ask: (signal: AbortSignal) => Promise<DoctorFinding[]>) => {
    const where = `${kind} ${row.organization === null ? row.name : `${row.organization}/${row.name}`}`
    const org = row.organization === null ? '' : ` --org ${row.organization}`
    const mend = `kagami ${kind} change ${row.name}${org}, with the address or the login that is right`
    const run = () =>
      limiter.run(() => ask(AbortSignal.timeout(TIMEOUT_MS)).catch((error) => [failed(error, where, mend)]))
    return { what: 'reachable, login accepted', where, mend, run }
  }
  return [
    ...upstreams.map((row) =>
      look('upstream', row, async (signal) => {
        const { login } = await o.checkUpstream(row, signal)
        const where = `upstream ${row.organization === null ? row.name : `${row.organization}/${row.name}`}`
        const asked = login === 'required' ? [wantsLogin(where)] : []
        const time = await o.timeOf(row, signal).catch(() => undefined)
        return [...asked, ...(time === undefined ? [] : skewed(time - o.clock.now().getTime(), where))]
      }),
    ),
    ...targets.map((row) =>
      look('target', row, async (signal) => {
        await o.checkTarget(row, signal)
        return []
      }),
    ),
  ]
}

interface Named {
  readonly name: string
  readonly organization: string | null
}

function failed(error: unknown, where: string, mend: string): DoctorFinding {
  const isDenied = isAppError(error, 'UPSTREAM_DENIED') || isAppError(error, 'TARGET_DENIED')
  return { level: 'fail', what: isDenied ? `login refused: ${messageOf(error)}` : messageOf(error), where, mend }
}

function wantsLogin(where: string): DoctorFinding {
  return { level: 'warn', what: 'it wants a login, and has none', where, mend: 'give it one by kagami upstream change' }
}
