/** `/metrics`: for operators, and for the addresses that the operator names. */
import type { Authenticator } from '../../access/authenticate.ts'
import type { Authenticated } from '../../access/principal.ts'
import { decideInstance } from '../../access/rights.ts'
import type { Database } from '../../db/engine/engine.ts'
import { readMeasures } from '../../db/mirrors/measures.ts'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { clientAddress } from '../client-address.ts'
import { MAX_LABELLED, METRICS_TYPE, type ProcessMeasures, renderMetrics } from './render.ts'

export interface MetricsDeps {
  readonly db: Database
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Whether a client at this address may read without signing in (`KAGAMI_METRICS_ALLOW`). */
  readonly isAllowedAddress: (address: string) => boolean
  readonly measureProcess: () => ProcessMeasures
  /** Mirrors with labels of their own. */
  readonly maxLabelled?: number
}

export interface MetricsApp {
  /** @throws AppError UNAUTHORIZED, DENIED, METHOD_NOT_ALLOWED */
  fetch(request: Request, server: unknown): Promise<Response>
}

export function createMetricsApp(deps: MetricsDeps): MetricsApp {
  const { db, clock } = deps
  /** Scrapes that come together are answered by one reading. */
  let reading: Promise<string> | undefined
  const read = async () => {
    const measures = await readMeasures(db.read, deps.maxLabelled ?? MAX_LABELLED)
    return renderMetrics(measures, deps.measureProcess(), clock.now())
  }

  async function allow(request: Request, server: unknown): Promise<void> {
    const address = clientAddress(request, server)
    const header = request.headers.get('authorization')
    if (header === null && address !== undefined && deps.isAllowedAddress(address)) return
    const who: Authenticated = await deps.authenticator.authenticate(header, { address })
    const decision = await decideInstance(db.read, who, 'metrics.read', clock.now())
    if (decision.allowed) return
    if (decision.reason === 'unauthenticated')
      throw new AppError('UNAUTHORIZED', 'sign in as an operator to read metrics')
    throw new AppError('DENIED', 'metrics are for operators: use a personal access token of one')
  }

  return {
    async fetch(request, server) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new AppError('NOT_FOUND', `there is no ${request.method} /metrics`)
      }
      await allow(request, server)
      reading ??= read().finally(() => {
        reading = undefined
      })
      const text = await reading
      return new Response(request.method === 'HEAD' ? null : text, {
        headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' },
      })
    },
  }
}
